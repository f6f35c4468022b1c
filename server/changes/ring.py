"""The newest changes in memory, so that who was just behind catches up without the database."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import NamedTuple

from server.changes.log import forget, size_of, unseen
from server.protocol.changes import Change
from server.protocol.positions import Position

MAX_CHANGES = 20_000
MAX_BYTES = 32 * 1024 * 1024
"""Of text; it is decoded when somebody looks, and only kept so until the log is read again."""


class Batch(NamedTuple):
    """All changes between two positions, in sequence."""

    position: Position
    """The later one."""
    changes: list[Change]

    @property
    def size(self) -> int:
        """Bytes of text."""
        return sum(map(size_of, self.changes))


class Ring:
    def __init__(self, floor: Position) -> None:
        self.floor = floor
        """All that it has not seen, the ring holds."""
        self.batches: deque[Batch] = deque()
        self.count = self.size = 0
        self.looked_at = 0
        """Batches, from the newest, whose rows may be decoded."""

    def append(self, batch: Batch) -> None:
        self.forget()
        if not batch.changes:
            return
        self.batches.append(batch)
        self.looked_at = 1
        self.count += len(batch.changes)
        self.size += batch.size
        while (self.count > MAX_CHANGES or self.size > MAX_BYTES) and len(self.batches) > 1:
            gone = self.batches.popleft()
            self.count -= len(gone.changes)
            self.size -= gone.size
            self.floor = gone.position

    def forget(self) -> None:
        """Keeps text only."""
        for batch in islice(reversed(self.batches), self.looked_at):
            for change in batch.changes:
                forget(change)
        self.looked_at = 0

    def since(self, position: Position) -> list[Change] | None:
        """The changes that a position has not seen, in sequence; None when some have gone."""
        if not self.floor.is_within(position):
            return None
        found: list[Change] = []
        for number, batch in enumerate(reversed(self.batches), 1):
            if batch.position.is_within(position):
                break
            found += unseen(batch.changes, position)
            self.looked_at = max(self.looked_at, number)
        found.sort(key=lambda change: change.sequence)
        return found
