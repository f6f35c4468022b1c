"""Who sees what of a user: three views, as the wire has them and as `where` knows their fields."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from server.protocol.times import Time, written
from server.resources.users.tables import User

if TYPE_CHECKING:
    from server.calls.connection import Caller


class UserView(msgspec.Struct):
    """A user, as the owner and admins see them; others do not see `email` and `role`."""

    id: UUID
    full_name: str
    status: str
    profile: Annotated[Raw, Meta(extra_json_schema={"type": "object"})]
    version: Annotated[int, Meta(description="One more at each update")]
    created_at: Time
    updated_at: Time
    email: str | UnsetType = UNSET
    role: Annotated[str, Meta(extra_json_schema={"enum": ["player", "admin"]})] | UnsetType = UNSET


COLUMNS = [
    User.id,
    User.full_name,
    User.status,
    User.profile,
    User.version,
    User.created_at,
    User.updated_at,
    User.email,
    User.role,
]
BY_NAME = {column._meta.name: column for column in COLUMNS}  # noqa: SLF001

OWN_FIELDS = tuple(BY_NAME)
PUBLIC_FIELDS = tuple(name for name in BY_NAME if name not in {"email", "role"})


class View(Enum):
    PUBLIC = "public"
    OWNER = "owner"
    ADMIN = "admin"

    def show(self, row: Any) -> UserView:
        """Of a row of COLUMNS."""
        id_, full_name, status, profile, version, created_at, updated_at, *own = row
        if self is View.PUBLIC:
            own = ()
        times = (written(created_at), written(updated_at))
        return UserView(id_, full_name, status, Raw(profile), version, *times, *own)


def view_of_row(caller: Caller, user: UUID) -> View:
    if caller.is_admin:
        return View.ADMIN
    return View.OWNER if caller.user == user else View.PUBLIC
