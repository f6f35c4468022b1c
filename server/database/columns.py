"""Columns that Piccolo does not have yet."""

from __future__ import annotations

import os
import time
import uuid

from piccolo.columns.defaults import uuid as piccolo


def uuid7() -> uuid.UUID:
    """A UUID version 7 (RFC 9562 §5.7): milliseconds since 1970, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    number = (
        milliseconds << 80
        | 0x7 << 76
        | (random >> 68 & 0xFFF) << 64
        | 0b10 << 62
        | random & 0x3FFF_FFFF_FFFF_FFFF
    )
    return uuid.UUID(int=number)


class UUID7(piccolo.UUID7):
    """Piccolo's default, `uuidv7()` in the DDL, which in Python it makes from 3.14 on only."""

    def python(self) -> uuid.UUID:
        return uuid7()
