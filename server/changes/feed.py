"""Follows the change log from a position on a connection of its own, and heals by itself.

Woken after this worker's own commits, by the bell after everyone else's, and by the clock while
there are too many for the bell. Each batch goes to the ring and to the hub before anybody who
waited for it goes on.
"""

from __future__ import annotations

import asyncio
import contextvars
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from server.changes.bell import CHANNEL, Bell
from server.changes.log import HEAD, GoneError, Head, read
from server.changes.ring import Batch, Ring
from server.database.engine import is_away
from server.protocol.errors import CallError
from server.protocol.positions import Position, from_snapshot

if TYPE_CHECKING:
    from datetime import datetime

    from server.changes.hub import Hub
    from server.database.engine import Database

SOON_SECONDS = 0.002
IDLE_SECONDS = 0.2
"""Until it looks by itself: soon after a change, then less and less often."""
REST = 0.5
"""For so large a part of the time that a read took, the next one waits: what is committed meanwhile
shares it. Longer, each change is later, and neither a delivery nor a write costs less."""
REST_SECONDS = 0.02
"""But no longer than this."""
READ_SECONDS = 5.0
PUBLISHED_SECONDS = 0.25
"""A reply waits so long for its own changes to be sent before it."""
RECONNECT_SECONDS = (0.05, 2.0)
"""The first wait after a failure, and the longest."""
log = structlog.get_logger()


class Feed:
    """`start` it once, `stop` it at the end. `position` is the head of the log, as last read."""

    def __init__(self, database: Database, hub: Hub) -> None:
        self.database = database
        self.hub = hub
        self.healthy = False
        self.read_at = float("-inf")
        """When the last read began, by the loop's clock: what was committed before is published."""
        self.changes = 0
        self.failures = 0
        self.resets = 0
        """Subscriptions that could not resume."""
        self.ring: Ring | None = None
        self._position: Position | None = None
        self._moment: datetime | None = None
        self._wake = asyncio.Event()
        self._first = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def position(self) -> Position:
        """Raises CallError `unavailable` before the database was ever reached."""
        if self._position is None:
            raise CallError("unavailable")
        return self._position

    async def after_now(self) -> None:
        """Until everything committed before the call is published; one read serves all who wait.

        Raises CallError `unavailable` when the database cannot be read.
        """
        if not self.healthy:
            raise CallError("unavailable")
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._wake.set()
        await future

    async def past_now(self) -> Position:
        """A place at or past everything committed before the call.

        It is published by then, unless the feed takes longer than it should.
        Raises what `is_away` recognises.
        """
        try:
            async with asyncio.timeout(PUBLISHED_SECONDS):
                await self.after_now()
        except (TimeoutError, CallError):
            row = await self.database.fetchrow(HEAD)
            assert row is not None  # noqa: S101 - a SELECT without FROM
            return from_snapshot(self.position.incarnation, row[0])
        return self.position

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
                await connection.add_listener(CHANNEL, lambda *_said: self._wake.set())
                bell = Bell(connection, READ_SECONDS)
                await self._follow(await Head.of(connection, READ_SECONDS), bell)
            except Exception as error:
                self.failures += 1
                if self.healthy:
                    wait = shortest
                if not is_away(error):
                    log.warning("feed_failed", exc_info=error)
                elif self.healthy:
                    log.warning("database_away", because=type(error).__name__)
                self._fail()
            finally:
                if connection is not None:
                    connection.terminate()
            await asyncio.sleep(wait)
            wait = min(2 * wait, longest)

    async def _follow(self, head: Head, bell: Bell) -> None:
        loop = asyncio.get_running_loop()
        found, pause = False, IDLE_SECONDS
        while True:
            began = loop.time()
            waiting, self._waiting = self._waiting, []
            is_sure = found or bool(waiting) or self._wake.is_set()
            self._wake.clear()
            try:
                found = await self._read(head, sure=is_sure)
            except BaseException:
                self._waiting += waiting
                raise
            if not self.healthy and self._first.is_set():
                log.warning("database_back")
            self.healthy = True
            self.read_at = began
            self._first.set()
            rest = min(REST * (loop.time() - began), REST_SECONDS)
            for future in waiting:
                if not future.done():
                    future.set_result(None)
            if await bell.tend(is_busy=found, now=began):
                continue
            if bell.hears_all(self.position):
                pause = IDLE_SECONDS
            else:
                pause = SOON_SECONDS if found else min(2 * pause, IDLE_SECONDS)
            await asyncio.sleep(rest)
            try:
                async with asyncio.timeout(pause - rest):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _read(self, head: Head, *, sure: bool) -> bool:
        """Whether there were changes. Not `sure`, it first asks whether anything was committed."""
        known = self._position
        if known is None or self.ring is None or known.incarnation != head.incarnation:
            await self._start_at(head)
            return False
        if not sure and await head.position(READ_SECONDS) == known:
            self.ring.forget()
            return False
        try:
            position, changes, self._moment = await read(
                partial(head.connection.fetch, timeout=READ_SECONDS), known, self._moment
            )
        except GoneError:
            await self._start_at(head)
            return True
        if not known.is_within(position):
            log.warning("database_went_back")
            await self._start_at(head)
            return True
        batch = Batch(position, changes)
        self._position = position
        self.changes += len(changes)
        self.ring.append(batch)
        self.hub.publish(batch, self.ring, position)
        return bool(changes)

    async def _start_at(self, head: Head) -> None:
        """Whatever happened before is not known: subscriptions are closed, and start anew."""
        self._position, self._moment = await head.position(READ_SECONDS), None
        self.ring = Ring(self._position)
        self.hub.publish(None, self.ring, self._position)

    def _fail(self) -> None:
        self.healthy = False
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_exception(CallError("unavailable"))
