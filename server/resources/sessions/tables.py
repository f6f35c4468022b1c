"""Sessions. A token is never stored, only its SHA-256: 256 random bits need no salt."""

from __future__ import annotations

from piccolo.columns import UUID, Bytea, ForeignKey, OnDelete, Timestamptz, Varchar
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.table import Table

from server.changes.tables import LiveTable
from server.database.columns import UUID7
from server.resources.users.tables import User


class Session(Table, tablename="sessions"):
    id = UUID(primary_key=True, default=UUID7())
    user = ForeignKey(User, on_delete=OnDelete.cascade, null=False, index=True)
    token = Bytea(unique=True, default=b"")
    created_at = Timestamptz(default=TimestamptzNow())
    last_seen = Timestamptz(default=TimestamptzNow())
    expires_at = Timestamptz(default=TimestamptzNow())
    address = Varchar(length=64)
    client = Varchar(length=255)


LIVE = LiveTable(
    Session,
    secret=("token", "created_at", "last_seen", "address", "client"),
)
"""Followed by the workers themselves, for rights; no client subscribes to it."""
