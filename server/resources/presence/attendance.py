"""Says which sessions have a socket at this worker, and that the worker lives.

A session whose last socket has gone stays for GRACE_SECONDS: a reload or a reconnect writes
nothing. What comes within a moment is written together.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog

from server.database.engine import is_away
from server.resources.presence import rows

if TYPE_CHECKING:
    from uuid import UUID

    from server.calls.connection import Caller, Connections
    from server.database.engine import Database

GRACE_SECONDS = 3.0
"""Until a session without a socket, or a user without a session, is offline."""
BEAT_SECONDS = 10.0
"""Between two signs of life."""
HOLD_SECONDS = 30.0
"""How long one holds: who was killed is missed within a beat after that."""
TOGETHER_SECONDS = 0.2
RETRY_SECONDS = 0.5

log = structlog.get_logger()


class Attendance:
    """`start` it once, `stop` it at the end."""

    def __init__(self, database: Database, connections: Connections) -> None:
        self.database = database
        self.worker = uuid4()
        self.here: dict[UUID, UUID] = {}
        """Users, by session, that are written as being here."""
        self.coming: dict[UUID, UUID] = {}
        self.leaving: dict[UUID, float] = {}
        """When their grace is over."""
        self.beat_at = float("-inf")
        connections.entered.append(self.entered)
        connections.left.append(self.left)
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(
            self._run(), name="attendance", context=contextvars.Context()
        )

    async def stop(self) -> None:
        """Sockets have gone by then: their users have the grace to come back elsewhere."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        try:
            await rows.end(self.database, self.worker, GRACE_SECONDS)
        except Exception as error:
            if not is_away(error):
                log.exception("attendance_failed")

    def entered(self, caller: Caller) -> None:
        """A socket has signed in."""
        self.leaving.pop(caller.session, None)
        if caller.session not in self.here:
            self.coming[caller.session] = caller.user
            self._wake.set()

    def left(self, caller: Caller) -> None:
        """The last socket of its session has gone."""
        self.leaving[caller.session] = time.monotonic() + GRACE_SECONDS
        self._wake.set()

    @property
    def due_at(self) -> float:
        """The next sign of life, or the end of a grace: they end in the order they began."""
        return min(self.beat_at + BEAT_SECONDS, next(iter(self.leaving.values()), float("inf")))

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(max(0.0, self.due_at - time.monotonic())):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                await self.write()
            except Exception as error:
                if not is_away(error):
                    log.exception("attendance_failed")
                self._wake.set()
                await asyncio.sleep(RETRY_SECONDS)
            await asyncio.sleep(TOGETHER_SECONDS)

    async def write(self) -> None:
        now = time.monotonic()
        if now - self.beat_at >= BEAT_SECONDS:
            await self.beat(now)
        coming = dict(self.coming)
        if coming:
            await rows.come(self.database, self.worker, coming)
            self.here |= coming
            self.coming = {each: self.coming[each] for each in self.coming.keys() - coming.keys()}
        gone = [session for session, until in self.leaving.items() if until <= now]
        if gone:
            for session in gone:
                self.here.pop(session, None)  # who comes back meanwhile is written again
            await rows.leave(self.database, self.worker, gone)
            for session in gone:
                if self.leaving.get(session, now) <= now:
                    self.leaving.pop(session, None)

    async def beat(self, now: float) -> None:
        """Whoever was late is not the one to bury others: the database was away for all."""
        was_late = now - self.beat_at > HOLD_SECONDS
        is_new = await rows.beat(self.database, self.worker, HOLD_SECONDS)
        self.beat_at = now
        if is_new or was_late:
            self.coming = self.here | self.coming  # what was written counts no more
        else:
            await rows.bury(self.database)
