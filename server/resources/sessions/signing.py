"""Signing in and out: passwords checked, attempts counted, connections told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from server.calls.limits import Attempts
from server.changes.feed import Feed
from server.database.engine import Database
from server.protocol.errors import CallError
from server.resources.sessions.passwords import Passwords
from server.resources.sessions.rows import find_by_id
from server.resources.users.tables import Credential

if TYPE_CHECKING:
    from uuid import UUID

    from server.calls.context import Context

ADDRESS_FACTOR = 10
"""An address may try so many times as often as an email: people share one."""

BY_EMAIL = """
    SELECT users.id, credentials.password
    FROM users LEFT JOIN credentials ON credentials."user" = users.id
    WHERE lower(users.email) = lower($1)
"""
UNCHANGED = 'SELECT FROM credentials WHERE "user" = $1 AND password = $2 FOR SHARE'
"""Whoever changes it meanwhile waits for us, and then ends the session that we opened."""
STILL = """
    SELECT users.role FROM sessions JOIN users ON users.id = sessions."user"
    WHERE sessions.id = $1 AND sessions.expires_at > now() FOR SHARE OF sessions
"""


async def check_email(context: Context, email: str, password: str) -> tuple[UUID, str]:
    """The user whose email and password these are, and the hash that says so.

    A wrong password and an unknown email look the same.
    Raises CallError `bad_credentials` or `too_many_attempts`.
    """
    row = await context.use(Database).fetchrow(BY_EMAIL, email)
    stored = None if row is None else row["password"]
    attempt = Attempt(context, f"email:{email.lower()}" if row is None else f"user:{row['id']}")
    if not await context.use(Passwords).verify(stored, password) or row is None:
        raise CallError("bad_credentials")
    attempt.give_back()
    return row["id"], row["password"]


async def begin_with(context: Context, user: UUID, stored: str) -> None:
    """Begins, if what was verified is still the password. Raises CallError `bad_credentials`."""
    await context.begin()
    if await context.use(Database).fetchrow(UNCHANGED, user, stored) is None:
        raise CallError("bad_credentials")


async def begin_as_now(context: Context) -> None:
    """Begins with the rights of now, for who has more than others: a call may have waited long.

    A socket knows them from the feed. Raises CallError `session_expired`.
    """
    await context.begin()
    caller, now = context.signed_in, context.connection.caller
    if context.connection.is_socket and now is not None and now.session == caller.session:
        context.caller = now
    elif caller.is_admin:
        await look_again(context)


async def look_again(context: Context) -> None:
    """In the transaction: the caller's role of now. Raises CallError `session_expired`."""
    caller = context.signed_in
    row = await context.use(Database).fetchrow(STILL, caller.session)
    if row is None:
        raise CallError("session_expired")
    context.caller = caller._replace(role=row["role"])


async def check_current(context: Context, password: str) -> str | None:
    """The hash of the caller's password, if this is it. Raises CallError `too_many_attempts`."""
    user = context.signed_in.user
    attempt = Attempt(context, f"user:{user}")
    row = await Credential.select(Credential.password).where(Credential.user == user).first()
    stored: str | None = None if row is None else row["password"]
    if not await context.use(Passwords).verify(stored, password):
        return None
    attempt.give_back()
    return stored


class Attempt:
    """Counted when it begins, for many may be under way; a success does not count.

    The address comes first: one that is over its limit locks no email. Nor does an email that is
    locked cost its address anything. Raises CallError `too_many_attempts`.
    """

    def __init__(self, context: Context, key: str) -> None:
        limit = context.settings.sign_in_attempts_per_minute
        self.attempts = context.use(Attempts)
        address = f"address:{context.connection.address}"
        self.marks: list[tuple[str, float]] = []
        try:
            for each, most in ((address, limit * ADDRESS_FACTOR), (key, limit)):
                self.marks.append((each, self.attempts.take(each, most)))
        except CallError:
            self.give_back()
            raise

    def give_back(self) -> None:
        for key, mark in self.marks:
            self.attempts.give_back(key, mark)


async def new_password(context: Context, password: str) -> str:
    """Its hash to store. Raises CallError `weak_password`."""
    least = context.settings.min_password_length
    if len(password) < least:
        raise CallError("weak_password", f"A password has at least {least} characters.")
    return await context.use(Passwords).hash(password)


async def sign_in(context: Context, reply: Any) -> None:
    """Signs the connection in with the reply's session, if that has not ended since."""
    try:
        caller = await find_by_id(context.use(Database), reply.session.id)
    except CallError:
        return  # a repeated call: the session it made is over
    context.connection.sign_in(caller)


async def sign_in_anonymous(context: Context, reply: Any) -> None:
    """The same, unless the connection is signed in already."""
    if context.connection.caller is None:
        await sign_in(context, reply)


async def published(context: Context, _reply: Any) -> None:
    """By then, sockets whose sessions the call has ended are closed; its own, after the reply."""
    await context.use(Feed).past_now()
