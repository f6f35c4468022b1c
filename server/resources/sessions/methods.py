"""session.*: signing in, coming back, and seeing where one is signed in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from server.calls.connection import Connections
from server.calls.context import Context
from server.calls.registry import Access, Notification, method
from server.calls.schemas import Nothing
from server.database.engine import Database
from server.protocol.errors import CallError
from server.protocol.times import Time
from server.resources.presence.rows import attended
from server.resources.sessions import rows
from server.resources.sessions.examples import EXPIRES_AT, SESSION, TOKEN
from server.resources.sessions.rows import SessionView, Token
from server.resources.sessions.signing import (
    begin_as_now,
    begin_with,
    check_email,
    published,
    sign_in,
)
from server.resources.sessions.tables import Session
from server.resources.users.examples import EMAIL, MARY, PASSWORD
from server.resources.users.methods import Email, OtherId, Password
from server.resources.users.rows import GET as GET_USER
from server.resources.users.views import UserView, View

GivenToken = Annotated[str, Meta(max_length=255, description="Of a session, as it was given")]
SessionId = Annotated[UUID, Meta(description="The session's; this one's when left out")]


class SignedIn(msgspec.Struct):
    """A new session, its token, and who one is now."""

    session: SessionView
    expires_at: Time
    user: UserView
    token: Token = ""


class Resumed(msgspec.Struct):
    """Who one is now."""

    session: SessionView
    expires_at: Time
    user: UserView


class Renewed(msgspec.Struct):
    """The same session, with a new token and a new end."""

    session: SessionView
    expires_at: Time
    token: Token = ""


class Sessions(msgspec.Struct):
    """Sessions of one user, the newest first."""

    sessions: list[SessionView]


class Expiring(msgspec.Struct):
    expires_at: Time


class Ended(msgspec.Struct):
    reason: Annotated[
        Literal["ended", "expired"],
        Meta(description="By session.delete, a new password or too many sessions; or by time"),
    ]


EXPIRING = Notification(
    "session.expiring",
    "The connection's session expires within a minute; session.renew it.",
    Expiring,
    Expiring(EXPIRES_AT),
)
ENDED = Notification(
    "session.ended",
    "The connection's session has ended; it closes with 4401. Sign in again.",
    Ended,
    Ended("ended"),
)


@method(
    "session.create",
    access=Access.ANYONE,
    writes=True,
    retry_by="email",
    errors=["bad_credentials", "too_many_attempts"],
    example={"email": EMAIL, "password": PASSWORD},
    reply=SignedIn(SESSION, EXPIRES_AT, MARY, TOKEN),
    after=sign_in,
)
async def create(context: Context, /, email: Email, password: Password) -> SignedIn:
    """Signs in with email and password, and signs the connection in."""
    user, stored = await check_email(context, email, password)
    await begin_with(context, user, stored)
    row = await context.use(Database).fetchrow(GET_USER.sql, [user])
    if row is None:
        raise CallError("bad_credentials")
    here = context.connection.is_socket
    session, token = await rows.open_session(context, user, online=here)
    return SignedIn(session, session.expires_at, View.OWNER.show(row), token)


@method(
    "session.resume",
    access=Access.ANYONE,
    errors=["unauthenticated", "session_expired"],
    example={"token": TOKEN},
    reply=Resumed(SESSION, EXPIRES_AT, MARY),
)
async def resume(context: Context, /, token: GivenToken) -> Resumed:
    """Signs the connection in with a token."""
    database = context.use(Database)
    caller = await rows.find_by_token(database, token, context.settings.session_days)
    session = await Session.select(*rows.COLUMNS).where(Session.id == caller.session).first()
    user = await database.fetchrow(GET_USER.sql, [caller.user])
    if session is None or user is None:
        raise CallError("session_expired")
    context.connection.sign_in(caller)
    online = context.connection.is_socket or bool(await online_among(context, [caller.session]))
    shown = rows.show(tuple(session.values()), current=caller.session, online=online)
    return Resumed(shown, shown.expires_at, View.OWNER.show(user))


@method(
    "session.renew",
    access=Access.USER,
    writes=True,
    reply=Renewed(SESSION, EXPIRES_AT, TOKEN),
)
async def renew(context: Context, /) -> Renewed:
    """A new token for the same session; the old one ends. Sockets and subscriptions stay."""
    caller = context.signed_in
    await context.begin()
    token = context.secret()
    expires_at = datetime.now(UTC) + timedelta(days=context.settings.session_days)
    renewed = (
        await Session.update({Session.token: rows.hashed(token), Session.expires_at: expires_at})
        .where(Session.id == caller.session, Session.expires_at > datetime.now(UTC))
        .returning(*rows.COLUMNS)
    )
    if not renewed:
        raise CallError("session_expired")
    online = bool(await online_among(context, [caller.session]))
    session = rows.show(tuple(renewed[0].values()), current=caller.session, online=online)
    return Renewed(session, session.expires_at, token)


async def online_among(context: Context, sessions: list[UUID]) -> set[UUID]:
    """Those with a socket: here, which may not be written yet, or at another worker."""
    connections = context.use(Connections)
    here = {each for each in sessions if connections.of_session(each)}
    return here | await attended(context.use(Database), set(sessions) - here)


@method(
    "session.list",
    access=Access.SELF_OR_ADMIN,
    errors=["forbidden", "not_found"],
    reply=Sessions([SESSION]),
)
async def list_(context: Context, /, user: OtherId | None = None) -> Sessions:
    """Where one is signed in, the newest first. Another's sessions only an admin may list."""
    caller = context.signed_in
    whose = user or caller.user
    if whose != caller.user and not caller.is_admin:
        raise CallError("forbidden", "Only an admin lists another's sessions.")
    if whose != caller.user and not await context.use(Database).fetch(GET_USER.sql, [whose]):
        raise CallError("not_found")
    found = (
        await Session.select(*rows.COLUMNS)
        .where(Session.user == whose, Session.expires_at > datetime.now(UTC))
        .order_by(Session.created_at, Session.id, ascending=False)
    )
    online = await online_among(context, [row["id"] for row in found])
    return Sessions(
        [
            rows.show(tuple(row.values()), current=caller.session, online=row["id"] in online)
            for row in found
        ]
    )


@method(
    "session.delete",
    access=Access.SELF_OR_ADMIN,
    writes=True,
    errors=["not_found"],
    example={"id": SESSION.id},
    reply=Nothing(),
    after=published,
)
async def delete(context: Context, /, id: SessionId | None = None) -> Nothing:
    """Ends a session, this one when `id` is left out. Its sockets close on every node."""
    caller = context.signed_in
    await begin_as_now(context)
    ended: Any = Session.delete().where(Session.id == (id or caller.session))
    if not context.signed_in.is_admin:
        ended = ended.where(Session.user == caller.user)
    if not await ended.returning(Session.id):
        raise CallError("not_found")
    return Nothing()
