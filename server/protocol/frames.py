"""WebSocket frames: a message that is sent to many is framed once."""

from __future__ import annotations

FINAL_TEXT = 0x81
SHORT = 126
"""Lengths below it stand in the second byte."""
LONG = 0x10000


class Frame:
    """A text message from a server, unmasked and in one piece."""

    __slots__ = ("payload", "wired")

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        """UTF-8."""
        length = len(payload)
        if length < SHORT:
            self.wired = b"%c%c%b" % (FINAL_TEXT, length, payload)
        elif length < LONG:
            self.wired = b"%c\x7e%b%b" % (FINAL_TEXT, length.to_bytes(2, "big"), payload)
        else:
            self.wired = b"%c\x7f%b%b" % (FINAL_TEXT, length.to_bytes(8, "big"), payload)
