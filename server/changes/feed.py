"""Follows the database from a position on a connection of its own, and heals by itself.

Woken after this worker's commits, and by the clock for everyone else's. Today it carries the
position only; the changes themselves will come by the same read.
"""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any

import structlog

from server.database.engine import is_away
from server.protocol.errors import CallError
from server.protocol.positions import Position, from_snapshot

if TYPE_CHECKING:
    from server.database.engine import Database

IDLE_SECONDS = 0.25
READ_SECONDS = 5.0
RECONNECT_SECONDS = (0.05, 2.0)
"""The first wait after a failure, and the longest."""

INCARNATION = """
    SELECT substr(md5(concat_ws('/', system_identifier, timeline_id, current_database(),
        (SELECT oid FROM pg_database WHERE datname = current_database()))), 1, 8)
    FROM pg_control_system(), pg_control_checkpoint()
"""
HEAD = "SELECT pg_current_snapshot()::text"

log = structlog.get_logger()


class Feed:
    """`start` it once, `stop` it at the end. `position` is the head of the log, as last read."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.healthy = False
        self._position: Position | None = None
        self._wake = asyncio.Event()
        self._first = asyncio.Event()
        self._waiting: list[asyncio.Future[Position]] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def position(self) -> Position:
        """Raises CallError `unavailable` before the database was ever reached."""
        if self._position is None:
            raise CallError("unavailable")
        return self._position

    async def after_now(self) -> Position:
        """A position past everything committed before the call; one read serves all who wait.

        Raises CallError `unavailable` when the database cannot be read.
        """
        if not self.healthy:
            raise CallError("unavailable")
        future: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._wake.set()
        return await future

    async def first_read(self) -> None:
        """Waits until the database has been read once."""
        await self._first.wait()

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(
            self._run(), name="feed", context=contextvars.Context()
        )

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._fail()

    async def _run(self) -> None:
        shortest, longest = RECONNECT_SECONDS
        wait = shortest
        while True:
            connection: Any = None
            try:
                connection = await self.database.connect()
                connection.add_termination_listener(lambda _connection: self._wake.set())
                incarnation = await connection.fetchval(INCARNATION, timeout=READ_SECONDS)
                await self._follow(connection, incarnation)
            except Exception as error:
                if self.healthy:
                    wait = shortest
                if self.healthy or not is_away(error):
                    log.warning("feed_lost", exc_info=error)
                self._fail()
            finally:
                if connection is not None:
                    connection.terminate()
            await asyncio.sleep(wait)
            wait = min(2 * wait, longest)

    async def _follow(self, connection: Any, incarnation: str) -> None:
        while True:
            waiting, self._waiting = self._waiting, []
            self._wake.clear()
            try:
                snapshot = await connection.fetchval(HEAD, timeout=READ_SECONDS)
            except BaseException:
                self._waiting += waiting
                raise
            self._position = from_snapshot(incarnation, snapshot)
            self.healthy = True
            self._first.set()
            for future in waiting:
                if not future.done():
                    future.set_result(self._position)
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _fail(self) -> None:
        self.healthy = False
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_exception(CallError("unavailable"))
