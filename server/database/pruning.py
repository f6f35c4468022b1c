"""Deletes what nobody can ask for any more, once an hour. Several workers doing so is harmless."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING

import structlog

from server.database.engine import Database, is_away

if TYPE_CHECKING:
    from collections.abc import Sequence

EVERY_SECONDS = 3600

log = structlog.get_logger()


class Pruning:
    """`start` it once, `stop` it at the end."""

    def __init__(self, database: Database, statements: Sequence[str]) -> None:
        self.database = database
        self.statements = statements
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(
            self._run(), name="pruning", context=contextvars.Context()
        )

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self.prune()
            await asyncio.sleep(EVERY_SECONDS)

    async def prune(self) -> None:
        for statement in self.statements:
            try:
                await self.database.fetch(statement)
            except Exception as error:
                if not is_away(error):
                    log.exception("pruning_failed")
