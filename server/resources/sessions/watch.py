"""Rights of this moment: a session that ends, or a role that changes, reaches its sockets.

Twice a second, and at once after this worker ended a session, one query reads the sessions of this
worker's sockets. It also marks them as online, which moves their expiry.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from typing import TYPE_CHECKING

import structlog

from server.calls.connection import Caller, Connections
from server.database.engine import Database, is_away

if TYPE_CHECKING:
    from uuid import UUID

TICK_SECONDS = 0.5
BEAT_SECONDS = 20
"""Between two marks of being online; a mark holds for two of them."""

READ = """
    SELECT sessions.id, sessions."user", users.role, sessions.expires_at,
        sessions.expires_at > now()
    FROM sessions JOIN users ON users.id = sessions."user"
    WHERE sessions.id = ANY($1::uuid[])
"""
BEAT = """
    UPDATE sessions SET last_seen = now(), expires_at = now() + make_interval(days => $2),
        online_until = now() + make_interval(secs => $3)
    WHERE id = ANY($1::uuid[]) AND expires_at > now()
"""
OFFLINE = "UPDATE sessions SET online_until = NULL WHERE id = ANY($1::uuid[])"

log = structlog.get_logger()


class Watch:
    """`start` it once, `stop` it at the end."""

    def __init__(self, database: Database, connections: Connections, session_days: int) -> None:
        self.database = database
        self.connections = connections
        self.session_days = session_days
        self.marked: set[UUID] = set()
        self.beat_at = 0.0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Looks at once instead of at the next tick."""
        self._wake.set()

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(
            self._run(), name="watch", context=contextvars.Context()
        )

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                await self.look()
                await self.beat()
            except Exception as error:
                if not is_away(error):
                    log.exception("watch_failed")

    async def look(self) -> None:
        """Ends the sockets whose session is gone, and gives the others their role of now."""
        sessions = list(self.connections.sessions())
        if not sessions:
            return
        found = {row[0]: row for row in await self.database.fetch(READ, sessions)}
        for session in sessions:
            row = found.get(session)
            for connection in self.connections.of_session(session):
                if connection.is_ending:
                    continue
                if row is None or not row[4]:
                    connection.end("ended" if row is None else "expired")
                else:
                    connection.look_again(Caller(row[1], row[2], row[0], row[3].timestamp()))

    async def beat(self) -> None:
        online = set(self.connections.sessions())
        gone = self.marked - online
        if gone:
            await self.database.fetch(OFFLINE, list(gone))
            self.marked -= gone
        now = time.monotonic()
        due = online if now - self.beat_at > BEAT_SECONDS else online - self.marked
        if due:
            held = 2.0 * BEAT_SECONDS
            await self.database.fetch(BEAT, list(due), self.session_days, held)
            self.marked |= due
        if due == online:
            self.beat_at = now
