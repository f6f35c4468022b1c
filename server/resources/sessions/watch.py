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

from server.calls.connection import Connections
from server.database.engine import Database, is_away
from server.resources.sessions.rows import FIND, caller_of

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

TICK_SECONDS = 0.5
BEAT_SECONDS = 20
"""Between two marks of being online; a mark holds for two of them."""

READ = f"{FIND} WHERE sessions.id = ANY($1::uuid[])"
BEAT = """
    UPDATE sessions SET last_seen = now(), expires_at = now() + make_interval(days => $2),
        online_until = now() + make_interval(secs => $3)
    WHERE id = ANY($1::uuid[]) AND expires_at > now()
    RETURNING id, online_until
"""
OFFLINE = """
    UPDATE sessions SET online_until = NULL
    FROM unnest($1::uuid[], $2::timestamptz[]) AS ours (id, until)
    WHERE sessions.id = ours.id AND sessions.online_until = ours.until
"""
"""Unless another worker, which holds a socket of it too, has marked it since."""

log = structlog.get_logger()


class Watch:
    """`start` it once, `stop` it at the end.

    Its database is one of its own, with one connection: slow calls must not keep it waiting.
    """

    def __init__(self, database: Database, connections: Connections, session_days: int) -> None:
        self.database = database
        self.connections = connections
        self.session_days = session_days
        self.marked: dict[UUID, datetime] = {}
        self.beat_at = 0.0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Looks at once instead of at the next tick."""
        self._wake.set()

    async def start(self) -> None:
        await self.database.open()
        self._task = asyncio.get_running_loop().create_task(
            self._run(), name="watch", context=contextvars.Context()
        )

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.database.close()

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
                if connection.ending == session or connection.is_committing:
                    continue  # the reply of what ends it comes first
                if row is None or not row[4]:
                    connection.end("ended" if row is None else "expired")
                else:
                    connection.look_again(caller_of(row))

    async def beat(self) -> None:
        online = set(self.connections.sessions())
        gone = [session for session in self.marked if session not in online]
        if gone:
            until = [self.marked.pop(session) for session in gone]
            await self.database.fetch(OFFLINE, gone, until)
        now = time.monotonic()
        is_due = now - self.beat_at > BEAT_SECONDS
        due = online if is_due else online - self.marked.keys()
        if due:
            held = 2.0 * BEAT_SECONDS
            rows = await self.database.fetch(BEAT, list(due), self.session_days, held)
            self.marked |= {row["id"]: row["online_until"] for row in rows}
        if is_due:
            self.beat_at = now
