"""A call made slow without a clock: another connection holds the row that it wants to write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.client import PATIENCE
from tests.conftest import database

# Within a transaction the activity is otherwise the one of the first look.
BLOCKED = """
    SELECT count(*) FROM pg_stat_clear_snapshot(), pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


class Hold:
    """`release` it, or leave the block."""

    def __init__(self, connection: Any, transaction: Any) -> None:
        self.connection = connection
        self.transaction = transaction
        self.is_held = True

    async def until_blocked(self, calls: int = 1) -> None:
        """Until so many of the server's statements wait for a lock."""
        async with asyncio.timeout(PATIENCE):
            while await self.connection.fetchval(BLOCKED) < calls:
                pass

    async def until_free(self) -> None:
        """Until none waits any more."""
        async with asyncio.timeout(PATIENCE):
            while await self.connection.fetchval(BLOCKED):
                pass

    async def release(self) -> None:
        if self.is_held:
            self.is_held = False
            await self.transaction.rollback()


@asynccontextmanager
async def holding(dsn: str, user: str) -> AsyncIterator[Hold]:
    """Writes to this user wait until the hold is released; rows that only name them, as that of
    their presence, do not."""
    async with database(dsn) as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE", user)
        hold = Hold(connection, transaction)
        try:
            yield hold
        finally:
            await hold.release()
