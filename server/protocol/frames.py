"""WebSocket frames: a message that is sent to many is framed once, and compressed once."""

from __future__ import annotations

import zlib

FINAL_TEXT = 0x81
COMPRESSED = 0x40
"""RSV1, as permessage-deflate has it."""
SHORT = 126
"""Lengths below it stand in the second byte."""
LONG = 0x10000
WINDOW = 15
HEADS = [bytes((FINAL_TEXT, length)) for length in range(SHORT)]
WORTH_IT = 100
"""Shorter texts are not compressed."""


class Frame:
    """A text message from a server, unmasked and in one piece."""

    __slots__ = ("_deflated", "payload", "wired")

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        """UTF-8."""
        length = len(payload)
        self.wired = HEADS[length] + payload if length < SHORT else framed(FINAL_TEXT, payload)
        self._deflated: bytes | None = None

    @property
    def deflated(self) -> bytes:
        """The frame for a connection that has agreed to permessage-deflate."""
        if self._deflated is None:
            if len(self.payload) < WORTH_IT:
                self._deflated = self.wired
            else:
                encoder = zlib.compressobj(wbits=-WINDOW)
                data = encoder.compress(self.payload) + encoder.flush(zlib.Z_SYNC_FLUSH)
                self._deflated = framed(FINAL_TEXT | COMPRESSED, data[:-4])
        return self._deflated


def framed(first: int, data: bytes) -> bytes:
    length = len(data)
    if length < SHORT:
        return b"%c%c%b" % (first, length, data)
    if length < LONG:
        return b"%c\x7e%b%b" % (first, length.to_bytes(2, "big"), data)
    return b"%c\x7f%b%b" % (first, length.to_bytes(8, "big"), data)
