"""The newest changes in memory, so that who was just behind catches up without the database."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from server.changes.log import unseen
from server.protocol.changes import Change
from server.protocol.positions import Position

MAX_CHANGES = 20_000


class Batch(NamedTuple):
    """All changes between two positions, in sequence."""

    position: Position
    """The later one."""
    changes: list[Change]


class Ring:
    def __init__(self, floor: Position) -> None:
        self.floor = floor
        """All that it has not seen, the ring holds."""
        self.batches: deque[Batch] = deque()
        self.size = 0

    def append(self, batch: Batch) -> None:
        if not batch.changes:
            return
        self.batches.append(batch)
        self.size += len(batch.changes)
        while self.size > MAX_CHANGES and len(self.batches) > 1:
            gone = self.batches.popleft()
            self.size -= len(gone.changes)
            self.floor = gone.position

    def since(self, position: Position) -> list[Change] | None:
        """The changes that a position has not seen, in sequence; None when some have gone."""
        if not self.floor.is_within(position):
            return None
        found: list[Change] = []
        for batch in reversed(self.batches):
            if batch.position.is_within(position):
                break
            found += unseen(batch.changes, position)
        found.sort(key=lambda change: change.sequence)
        return found
