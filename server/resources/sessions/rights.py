"""Rights of this moment: sessions that end or expire and roles that change reach the sockets.

They are changes like any other: the hub tells of them before it moves a topic, so nobody is sent
what they have lost the right to see. A session is looked up once more when its socket has signed
in, for what was read before that may be old; expiry is the clock's.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from server.calls.connection import Connections
from server.changes.log import GoneError, may_differ
from server.database.engine import Database, is_away
from server.resources.sessions.rows import FIND, caller_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from server.calls.connection import Caller, Connection
    from server.protocol.changes import Change

WARNING_SECONDS = 60
"""Before it expires, a session's sockets are told so."""
LOOK_SECONDS = 20
"""Between two looks at the clock, which somebody may set."""
RETRY_SECONDS = 0.5

READ = f"{FIND} WHERE sessions.id = ANY($1::uuid[])"

log = structlog.get_logger()


def have_changed(caller: Caller, changes: Iterable[Change]) -> bool:
    """Whether the caller's role has, and with it what they see. May raise GoneError."""
    me = str(caller.user)
    return any(
        change.table == "users"
        and change.id == me
        and (
            change.before is None
            or change.after is None
            or change.before["role"] != change.after["role"]
        )
        for change in changes
    )


class Rights:
    """`start` it once, `stop` it at the end. The hub calls `changed`."""

    def __init__(self, database: Database, connections: Connections) -> None:
        self.database = database
        self.connections = connections
        connections.entered.append(self.entered)
        self.unknown: set[UUID] = set()
        """Sessions to be looked up."""
        self.asked: set[UUID] = set()
        """Those that are being looked up."""
        self.due_at = float("inf")
        """When the next one expires or is to be told so, in seconds since 1970."""
        self._looked = asyncio.Event()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(
            self._run(), name="rights", context=contextvars.Context()
        )

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def entered(self, caller: Caller) -> None:
        """A socket has signed in."""
        self._look_up_soon(caller.session)

    def _look_up_soon(self, session: UUID) -> None:
        self.unknown.add(session)
        self._wake.set()

    async def known(self, session: UUID) -> None:
        """Until the session has been looked up after its sockets signed in."""
        while session in self.unknown or session in self.asked:
            await self._looked.wait()

    def changed(self, changes: Iterable[Change] | None) -> None:
        """What was committed, in sequence; None when nobody knows what happened."""
        try:
            for change in changes or ():
                if change.table == "sessions":
                    self._session_changed(change)
                elif change.table == "users" and may_differ(change, "role"):
                    self._user_changed(change)
        except GoneError:
            changes = None
        if changes is None:
            self.unknown.update(self.connections.sessions())
            self._wake.set()

    def _session_changed(self, change: Change) -> None:
        session = UUID(change.id)
        for connection in self.connections.of_session(session):
            if change.after is None:
                connection.end("ended")
            else:
                user = UUID(change.after["user"])  # whose id psql may change
                expires_at = datetime.fromisoformat(change.after["expires_at"]).timestamp()
                if connection.caller is not None:
                    connection.look_again(
                        connection.caller._replace(user=user, expires_at=expires_at)
                    )
                self._look_at_clock(connection, time.time())
                self._wake.set()
        self._look_again(session)

    def _user_changed(self, change: Change) -> None:
        if change.before is None or change.after is None:
            return  # nobody is signed in yet; or their sessions go with them
        if change.before["role"] == change.after["role"]:
            return
        user = UUID(change.id)
        for session in self.connections.sessions():
            for connection in self.connections.of_session(session):
                if connection.caller is not None and connection.caller.user == user:
                    connection.look_again(connection.caller._replace(role=change.after["role"]))
                    self._look_again(session)

    def _look_again(self, session: UUID) -> None:
        """What is being read of it may be older than this change."""
        if session in self.asked:
            self._look_up_soon(session)

    async def _run(self) -> None:
        while True:
            due = min(self.due_at - time.time(), LOOK_SECONDS)
            try:
                async with asyncio.timeout(max(0.0, due)):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                self.expire()
                await self.look_up()
            except Exception as error:
                if not is_away(error):
                    log.exception("rights_failed")
                await asyncio.sleep(RETRY_SECONDS)
                self._wake.set()

    async def look_up(self) -> None:
        if not self.unknown:
            return
        self.asked, self.unknown = self.unknown, set()
        try:
            rows = await self.database.fetch(READ, list(self.asked))
        except BaseException:
            self.unknown |= self.asked
            self.asked = set()
            raise
        asked, self.asked = self.asked, set()
        found = {row[0]: row for row in rows}
        for session in asked - self.unknown:
            row = found.get(session)
            for connection in self.connections.of_session(session):
                if row is None or not row[4]:
                    connection.end("ended" if row is None else "expired")
                else:
                    connection.look_again(caller_of(row))
                    self._look_at_clock(connection, time.time())
        self._looked.set()
        self._looked = asyncio.Event()

    def expire(self) -> None:
        now = time.time()
        if now < self.due_at:
            return
        self.due_at = float("inf")
        for session in self.connections.sessions():
            for connection in self.connections.of_session(session):
                self._look_at_clock(connection, now)

    def _look_at_clock(self, connection: Connection, now: float) -> None:
        caller = connection.caller
        if caller is None:
            return
        if caller.expires_at <= now:
            connection.end("expired")
            return
        warn_at = caller.expires_at - WARNING_SECONDS
        if warn_at <= now:
            connection.warn(caller.expires_at)
        self.due_at = min(self.due_at, caller.expires_at if warn_at <= now else warn_at)
