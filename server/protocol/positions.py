"""A position: a place in the change log, which is the set of transactions that have been seen.

It is a PostgreSQL snapshot with the incarnation of its database. What comes next after a position
is what is visible now and was not then; no order of serial numbers is involved. Pure: this module
reads no log and asks no database.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

SHAPE = re.compile(r"([0-9a-f]{8})\.([0-9a-f]{1,16})((?:-[0-9a-f]{1,16}){0,1000})")


class Position(NamedTuple):
    incarnation: str
    """Eight hex digits; another database, or the same one restored, has others."""
    xmax: int
    """The first transaction id not yet given out: it and all later ones are unseen."""
    in_progress: tuple[int, ...]
    """Ids below xmax that were running, ascending: unseen too. All other ids are seen."""

    def __str__(self) -> str:
        """The text clients store; equal texts are the same place."""
        return written(self)

    def has_seen(self, xid: int) -> bool:
        return xid < self.xmax and xid not in self.in_progress

    def is_within(self, other: Position) -> bool:
        """Whether all that was seen here was seen there."""
        return (
            self.incarnation == other.incarnation
            and self.xmax <= other.xmax
            and all(xid in self.in_progress for xid in other.in_progress if xid < self.xmax)
        )


@lru_cache(maxsize=8)
def written(position: Position) -> str:
    """Kept, for the head is told again and again."""
    incarnation, xmax, in_progress = position
    return f"{incarnation}.{xmax:x}{''.join(f'-{xmax - xid:x}' for xid in in_progress)}"


def from_snapshot(incarnation: str, snapshot: str) -> Position:
    """Of PostgreSQL's text form of a pg_snapshot, `xmin:xmax:xip,xip`."""
    _xmin, xmax, in_progress = snapshot.split(":")
    running = tuple(sorted(map(int, in_progress.split(",")))) if in_progress else ()
    return Position(incarnation, int(xmax), running)


def parse(text: str) -> Position:
    """Of a client's text. Raises ValueError when it is not one that `str` makes."""
    found = SHAPE.fullmatch(text)
    if found is None:
        raise ValueError("not a position")
    incarnation, xmax, behind = found.groups()
    top = int(xmax, 16)
    position = Position(
        incarnation, top, tuple(top - int(step, 16) for step in behind.split("-")[1:])
    )
    if str(position) != text or list(position.in_progress) != sorted(set(position.in_progress)):
        raise ValueError("not a position")
    if any(xid < 0 or xid >= top for xid in position.in_progress):
        raise ValueError("not a position")
    return position
