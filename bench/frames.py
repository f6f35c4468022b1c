"""WebSocket frames as a client writes and reads them: made once, and read by their length."""

from __future__ import annotations

from collections.abc import Iterator

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
MASK = b"\x37\xfa\x21\x3d"
"""One for all frames: it costs the server the same, and frames can be made beforehand."""


def masked(opcode: int, payload: bytes) -> bytes:
    """A whole message, of less than 64 KiB."""
    length = len(payload)
    size = bytes([0x80 | length]) if length < 126 else b"\xfe" + length.to_bytes(2, "big")
    repeated = MASK * (length // 4 + 1)
    body = bytes(byte ^ key for byte, key in zip(payload, repeated, strict=False))
    return bytes([0x80 | opcode]) + size + MASK + body


class Reader:
    """Cuts what a server sends into messages. Servers do not mask, and ours does not fragment."""

    def __init__(self) -> None:
        self.rest = b""

    def read(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Opcode and payload of each message that is complete."""
        data = self.rest + data if self.rest else data
        at, have = 0, len(data)
        while have - at >= 2:
            start, length = at + 2, data[at + 1]
            if length == 126:
                start, length = at + 4, int.from_bytes(data[at + 2 : at + 4], "big")
            elif length == 127:
                start, length = at + 10, int.from_bytes(data[at + 2 : at + 10], "big")
            if start + length > have:
                break
            yield data[at] & 0xF, data[start : start + length]
            at = start + length
        self.rest = data[at:]
