"""Signing in and out: passwords checked, attempts counted, connections told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from server.calls.limits import Attempts
from server.database.engine import Database
from server.protocol.errors import CallError
from server.resources.sessions.passwords import Passwords
from server.resources.sessions.rows import find_by_id
from server.resources.sessions.watch import Watch
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


async def check_email(context: Context, email: str, password: str) -> UUID:
    """The user whose email and password these are; a wrong one and an unknown one look the same.

    Raises CallError `bad_credentials` or `too_many_attempts`.
    """
    attempt = Attempt(context, f"email:{email.lower()}")
    row = await context.use(Database).fetchrow(BY_EMAIL, email)
    stored = None if row is None else row["password"]
    if not await context.use(Passwords).verify(stored, password) or row is None:
        raise CallError("bad_credentials")
    attempt.succeeded()
    user: UUID = row["id"]
    return user


async def is_current(context: Context, password: str) -> bool:
    """Whether it is the caller's password. Raises CallError `too_many_attempts`."""
    user = context.signed_in.user
    attempt = Attempt(context, f"user:{user}")
    row = await Credential.select(Credential.password).where(Credential.user == user).first()
    stored = None if row is None else row["password"]
    if not await context.use(Passwords).verify(stored, password):
        return False
    attempt.succeeded()
    return True


class Attempt:
    """Counted when it begins, for many may be under way; a success does not count."""

    def __init__(self, context: Context, key: str) -> None:
        limit = context.settings.sign_in_attempts_per_minute
        self.attempts = context.use(Attempts)
        address = f"address:{context.connection.address}"
        self.marks = [
            (each, self.attempts.take(each, most))
            for each, most in ((address, limit * ADDRESS_FACTOR), (key, limit))
        ]

    def succeeded(self) -> None:
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
    context.use(Watch).wake()


async def sign_in_anonymous(context: Context, reply: Any) -> None:
    """The same, unless the connection is signed in already."""
    if context.connection.caller is None:
        await sign_in(context, reply)


async def end_sessions(context: Context, _reply: Any) -> None:
    """Closes the sockets whose sessions the call has ended; its own one after the reply."""
    connection, caller = context.connection, context.signed_in
    try:
        await find_by_id(context.use(Database), caller.session)
    except CallError:
        connection.is_ending = True
        context.then(lambda: connection.end("ended"))
    context.use(Watch).wake()
