"""user.*: accounts."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType, structs

from server.calls.context import Context
from server.calls.registry import Access, method
from server.calls.schemas import POSITION, Place
from server.database.columns import uuid7
from server.database.engine import Database
from server.protocol.errors import CallError, invalid
from server.protocol.filters import TooLargeError, comparable
from server.protocol.messages import encode
from server.protocol.times import Time
from server.resources.sessions.examples import EXPIRES_AT, SESSION, TOKEN
from server.resources.sessions.rows import SessionView, Token, open_session
from server.resources.sessions.signing import (
    begin_as_now,
    check_current,
    look_again,
    new_password,
    sign_in_anonymous,
)
from server.resources.sessions.tables import Session
from server.resources.users import rows
from server.resources.users.examples import EMAIL, FULL_NAME, MARY, PASSWORD
from server.resources.users.tables import Credential, User
from server.resources.users.views import UserView, View, view_of_row

MAX_PROFILE_BYTES = 8192
MAX_PASSWORD = 1024
ATTEMPTS = 3
"""At a row that is deleted and made anew meanwhile."""

Email = Annotated[
    str,
    Meta(max_length=255, pattern=r"^[^@\s]+@[^@\s]+$(?!\n)", description="Unique without case"),
]
FullName = Annotated[str, Meta(max_length=255, description="The name that others see")]
Status = Annotated[str, Meta(max_length=140, description="A line that others see")]
Profile = Annotated[dict[str, Any], Meta(description="At most 8 KiB as JSON; replaced as a whole")]
Password = Annotated[str, Meta(max_length=MAX_PASSWORD, description="As long as the server asks")]
NewId = Annotated[UUID, Meta(description="The id to have; the server makes one by itself")]
OtherId = Annotated[UUID, Meta(description="Whose; one's own when left out")]
Role = Annotated[Literal["player", "admin"], Meta(description="Only an admin changes it")]
Version = Annotated[
    int, Meta(ge=-(2**53), le=2**53, description="The one that the row has to have still")
]


class UserReply(msgspec.Struct):
    """A user, as one may see them."""

    user: UserView


class UserCreated(msgspec.Struct):
    """A new account, with a session of its own."""

    user: UserView
    session: SessionView
    expires_at: Time
    token: Token = ""
    position: Place = ""


class UserUpdated(msgspec.Struct):
    """The user as they are now, and a place in the log at or past the write."""

    user: UserView
    position: Place = ""


class Written(msgspec.Struct):
    """It was written; a place in the log at or past the write."""

    position: Place = ""


class UserUpdate(msgspec.Struct, forbid_unknown_fields=True):
    """What of a user to set; fields left out stay."""

    email: Email | UnsetType = UNSET
    full_name: FullName | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    profile: Profile | UnsetType = UNSET
    role: Role | UnsetType = UNSET


@method(
    "user.create",
    access=Access.ANYONE,
    writes=True,
    retry_by="email",
    errors=["email_taken", "id_taken", "weak_password", "too_many_attempts"],
    example={"email": EMAIL, "full_name": FULL_NAME, "password": PASSWORD},
    reply=UserCreated(MARY, SESSION, EXPIRES_AT, TOKEN, POSITION),
    after=sign_in_anonymous,
)
async def create(
    context: Context,
    /,
    email: Email,
    full_name: FullName,
    password: Password,
    id: NewId | None = None,
    status: Status = "",
    profile: Profile | None = None,
) -> UserCreated:
    """Makes an account and a session for it.

    An anonymous connection is signed in; one that is signed in stays who it is.
    """
    kept = stored_profile(profile or {}, "profile")
    hashed = await new_password(context, password)
    await context.begin()
    user = User(id=id or uuid7(), email=email, full_name=full_name, status=status, profile=kept)
    row = await rows.insert(user, hashed)
    here = context.connection.is_socket and context.caller is None
    session, token = await open_session(context, row[0], online=here)
    return UserCreated(View.OWNER.show(row), session, session.expires_at, token)


@method(
    "user.get",
    access=Access.USER,
    errors=["not_found"],
    example={"id": MARY.id},
    reply=UserReply(MARY),
)
async def get(
    context: Context, /, id: Annotated[UUID, Meta(description="The user's")]
) -> UserReply:
    """One user, as the caller may see them."""
    row = await context.use(rows.Getter).get(id)
    if row is None:
        raise CallError("not_found")
    return UserReply(view_of_row(context.signed_in, id).show(row))


@method(
    "user.update",
    access=Access.SELF_OR_ADMIN,
    writes=True,
    errors=["not_found", "forbidden", "version_conflict", "email_taken"],
    example={"set": {"status": "in the lobby"}},
    reply=UserUpdated(structs.replace(MARY, status="in the lobby", version=2), POSITION),
)
async def update(
    context: Context,
    /,
    set: UserUpdate,
    id: OtherId | None = None,
    version: Version | None = None,
) -> UserUpdated:
    """Changes a user, oneself when `id` is left out.

    With `version`, only if the row still has it; else 409 with the current one in `data.user`.
    """
    caller = context.signed_in
    user = id or caller.user
    values = {
        name: value
        for name in UserUpdate.__struct_fields__
        if (value := getattr(set, name)) is not UNSET
    }
    if "profile" in values:
        values["profile"] = stored_profile(values["profile"], "set.profile")
    await begin_as_now(context)
    if "role" in values and not context.signed_in.is_admin:
        raise CallError("forbidden", "Only an admin changes a role.")
    if user != caller.user and not context.signed_in.is_admin:
        raise CallError("forbidden" if await find(context, user) else "not_found")
    for _ in range(ATTEMPTS):
        row = await rows.update(context.use(Database), user, values, version) if values else None
        if row is not None:
            return UserUpdated(View.OWNER.show(row))
        row = await find(context, user)
        if row is None:
            break
        if version not in {None, row[4]}:
            raise CallError("version_conflict", user=View.OWNER.show(row))
        if not values:
            return UserUpdated(View.OWNER.show(row))
    raise CallError("not_found")


async def find(context: Context, user: UUID) -> Any | None:
    """The row, in the call's transaction."""
    return await context.use(Database).fetchrow(rows.GET.sql, [user])


@method(
    "user.delete",
    access=Access.SELF_OR_ADMIN,
    writes=True,
    errors=["not_found", "forbidden"],
    example={},
    reply=Written(POSITION),
)
async def delete(context: Context, /, id: OtherId | None = None) -> Written:
    """Deletes a user, oneself when `id` is left out. Their sessions end."""
    caller = context.signed_in
    user = id or caller.user
    await begin_as_now(context)
    if user != caller.user and not context.signed_in.is_admin:
        raise CallError("forbidden" if await find(context, user) else "not_found")
    if not await rows.delete(user):
        raise CallError("not_found")
    return Written()


@method(
    "user.set_password",
    access=Access.SELF,
    writes=True,
    errors=["bad_credentials", "weak_password", "too_many_attempts"],
    example={"current": PASSWORD, "new": "another long password"},
    reply=Written(POSITION),
)
async def set_password(context: Context, /, current: Password, new: Password) -> Written:
    """Changes one's password. One's other sessions end, this one stays."""
    caller = context.signed_in
    stored = await check_current(context, current)
    if stored is None:
        if context.receipt is not None:
            await context.begin()  # a repeated call ends here: its `current` is the old one by now
        raise CallError("bad_credentials", "The current password is wrong.")
    password = await new_password(context, new)
    await context.begin()
    changed = (
        await Credential.update({Credential.password: password})
        .where(Credential.user == caller.user, Credential.password == stored)
        .returning(Credential.user)
    )
    if not changed:
        raise CallError("bad_credentials", "The password has changed meanwhile.")
    await look_again(context)  # who changed it meanwhile may have ended this session
    await Session.delete().where(Session.user == caller.user, Session.id != caller.session)
    return Written()


def stored_profile(profile: dict[str, Any], path: str) -> str:
    """As JSON. Raises CallError -32602 when it is too large, or holds what readers corrupt."""
    try:
        comparable(profile)
    except TooLargeError:
        raise invalid(
            path, f"{path} has a number beyond 2^53, which JSON readers corrupt; send it as text."
        ) from None
    size = len(encode(spelled_out(profile)))
    if size > MAX_PROFILE_BYTES:
        raise invalid(path, f"{path} has {size} bytes as JSON, at most {MAX_PROFILE_BYTES}.")
    return encode(profile).decode()


def spelled_out(value: Any) -> Any:
    """As PostgreSQL keeps it: 1e-300 has 302 characters there."""
    match value:
        case float():
            return Raw(format(Decimal(repr(value)), "f"))
        case list():
            return [spelled_out(each) for each in value]
        case dict():
            return {name: spelled_out(each) for name, each in value.items()}
    return value
