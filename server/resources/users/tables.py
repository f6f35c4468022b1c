"""Accounts. What proves who one is lives apart: no log and no view ever reads `credentials`."""

from __future__ import annotations

from piccolo.columns import (
    JSONB,
    UUID,
    BigInt,
    ForeignKey,
    OnDelete,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.table import Table

from server.changes.tables import LiveTable
from server.database.columns import UUID7


class User(Table, tablename="users"):
    """A trigger adds 1 to `version` and sets `updated_at` at each update, by whoever."""

    id = UUID(primary_key=True, default=UUID7())
    email = Varchar(length=255)
    """Unique without case, by an index on lower(email)."""
    full_name = Varchar(length=255)
    status = Varchar(length=140, default="")
    profile = JSONB(default="{}")
    role = Varchar(length=20, default="player")
    version = BigInt(default=1)
    created_at = Timestamptz(default=TimestamptzNow())
    updated_at = Timestamptz(default=TimestamptzNow())


LIVE = LiveTable(User)


class Credential(Table, tablename="credentials"):
    user = ForeignKey(User, primary_key=True, on_delete=OnDelete.cascade, null=False)
    password = Text(default="")
    """Argon2id, as its PHC string."""
