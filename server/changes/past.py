"""The log as single subscriptions read it that are behind the ring: few at once, whoever asks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from server.changes.log import Read, read

if TYPE_CHECKING:
    from server.database.engine import Database
    from server.protocol.positions import Position

AT_ONCE = 2
"""Reads of one worker: the feed, and calls, are not to wait for who comes back."""


class Past:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.turns = asyncio.Semaphore(AT_ONCE)

    async def since(self, position: Position) -> Read:
        """Raises GoneError."""
        async with self.turns:
            return await self.read(position)

    async def read(self, position: Position) -> Read:
        """For who has one of the `turns`, in their transaction. Raises GoneError."""
        return await read(self.database.fetch, position, measure=True)
