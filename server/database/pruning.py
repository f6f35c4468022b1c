"""Runs the jobs that delete what nobody can ask for any more, once an hour.

Several workers doing so is harmless.
"""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any

import asyncpg
import structlog

from server.database.engine import is_away

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

EVERY_SECONDS = 3600

log = structlog.get_logger()


class Pruning:
    """`start` it once, `stop` it at the end."""

    def __init__(self, jobs: Sequence[Callable[[], Awaitable[Any]]]) -> None:
        self.jobs = jobs
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
        for job in self.jobs:
            try:
                await job()
            except Exception as error:
                if not (is_away(error) or isinstance(error, asyncpg.LockNotAvailableError)):
                    log.exception("pruning_failed")
