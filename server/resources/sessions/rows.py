"""Rows of sessions: opened, found by their token, renewed, ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from server.calls.connection import Caller
from server.database.columns import uuid7
from server.database.engine import Database
from server.protocol.errors import CallError
from server.protocol.times import Time, written
from server.resources.presence.rows import LIVE
from server.resources.sessions.tables import Session

if TYPE_CHECKING:
    from server.calls.context import Context

CLIENT_LENGTH = 255
MOST_SESSIONS = 100
"""Of one user; the one that was used longest ago ends."""
COLUMNS = [
    Session.id,
    Session.user,
    Session.created_at,
    Session.last_seen,
    Session.expires_at,
    Session.address,
    Session.client,
]
FIND = """
    SELECT sessions.id, sessions."user", users.role, sessions.expires_at,
        sessions.expires_at > now()
    FROM sessions JOIN users ON users.id = sessions."user"
"""
BY_TOKEN = f"{FIND} WHERE sessions.token = $1"
BY_ID = f"{FIND} WHERE sessions.id = $1"
TOUCH = """
    UPDATE sessions SET last_seen = now(), expires_at = now() + make_interval(days => $2)
    WHERE token = $1 AND expires_at > now()
        AND expires_at < now() + make_interval(days => $2) - interval '1 minute'
"""
END_OLDEST = f"""
    DELETE FROM sessions WHERE id IN (
        SELECT id FROM sessions WHERE "user" = $1
        ORDER BY id = $3 DESC, EXISTS ({LIVE} AND session = sessions.id) DESC,
            last_seen DESC, id DESC
        OFFSET $2
    )
"""  # noqa: S608 - a constant
PRUNED_AT_ONCE = 5000
"""Each is a change; a transaction of too many closes what follows."""
PRUNE = """
    DELETE FROM sessions WHERE id IN (
        SELECT id FROM sessions WHERE expires_at < now() - interval '1 day' LIMIT $1
    ) RETURNING id
"""


Token = Annotated[str, Meta(description="Shown once; the server keeps only its hash")]


class SessionView(msgspec.Struct):
    """Where somebody is signed in."""

    id: UUID
    user: UUID
    created_at: Time
    last_seen: Time
    expires_at: Time
    address: Annotated[str, Meta(description="Of the client that opened it")]
    client: Annotated[str, Meta(description="Its User-Agent")]
    online: Annotated[bool, Meta(description="Whether a socket is signed in with it")]
    current: Annotated[bool, Meta(description="Whether it is the caller's own")]


def hashed(token: str) -> bytes:
    return sha256(token.encode()).digest()


def show(row: Any, *, current: UUID | None, online: bool) -> SessionView:
    """Of a row of COLUMNS."""
    id_, user, created_at, last_seen, expires_at, address, client = row
    times = (written(created_at), written(last_seen), written(expires_at))
    return SessionView(id_, user, *times, address, client, online, id_ == current)


async def open_session(context: Context, user: UUID, *, online: bool) -> tuple[SessionView, str]:
    """In the call's transaction. Gives the session as its holder sees it, and its token."""
    token = context.secret()
    moment = datetime.now(UTC)
    session = Session(
        id=uuid7(),
        user=user,
        token=hashed(token),
        created_at=moment,
        last_seen=moment,
        expires_at=moment + timedelta(days=context.settings.session_days),
        address=context.connection.address,
        client=context.connection.client[:CLIENT_LENGTH],
    )
    (row,) = await Session.insert(session).returning(*COLUMNS)
    await context.use(Database).fetch(END_OLDEST, user, MOST_SESSIONS, session.id)
    return show(tuple(row.values()), current=session.id, online=online), token


async def find_by_token(database: Database, token: str, days: int) -> Caller:
    """Raises CallError 401. A session in use lives on, so its expiry moves."""
    found = await database.fetchrow(BY_TOKEN, hashed(token))
    caller = caller_of(found)
    await database.fetchrow(TOUCH, hashed(token), days)
    return caller


async def find_by_id(database: Database, session: UUID) -> Caller:
    """Raises CallError 401."""
    return caller_of(await database.fetchrow(BY_ID, session))


async def prune(database: Database) -> None:
    """Those that have long expired."""
    while len(await database.fetch(PRUNE, PRUNED_AT_ONCE)) == PRUNED_AT_ONCE:
        pass


def caller_of(found: Any | None) -> Caller:
    if found is None:
        raise CallError("unauthenticated", "The token is not valid; sign in with session.create.")
    session, user, role, expires_at, is_valid = found
    if not is_valid:
        raise CallError("session_expired")
    return Caller(user, role, session, expires_at.timestamp())
