"""Every code a socket is closed with, as a table. Below 4500 a client comes back; from 4500 not."""

from __future__ import annotations

from typing import Final, NamedTuple


class Closing(NamedTuple):
    code: int
    reason: str
    """Sent with the code; at most 123 bytes."""


NO_CODE = 1005
"""Of a close that says none."""
NORMAL: Final = Closing(1000, "")
GOING_AWAY: Final = Closing(1001, "going away")
IDLE: Final = Closing(1001, "nothing was asked or followed for too long")
UNSUPPORTED: Final = Closing(1003, "send JSON as text frames, not binary")
BAD_UTF8: Final = Closing(1007, "the text is not UTF-8")
ABUSE: Final = Closing(1008, "limits exceeded")
TOO_BIG: Final = Closing(1009, "the message is too large")
INTERNAL: Final = Closing(1011, "something failed on the server")
RESTART: Final = Closing(1012, "the server restarts, come back")
OVERLOAD: Final = Closing(1013, "too many connections, come back later")
SESSION_ENDED: Final = Closing(4401, "the session has ended, sign in again")
NOT_SIGNED_IN: Final = Closing(4401, "nobody signed in in time")
NOTHING_READ: Final = Closing(4408, "nothing was read for too long, come back and resume")
