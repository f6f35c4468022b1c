"""What the admin's pages read through: tables of their own, which know no column that is secret."""

from __future__ import annotations

from enum import Enum

from piccolo.columns import JSONB, UUID, BigInt, ForeignKey, Timestamptz, Varchar
from piccolo.columns.readable import Readable
from piccolo.table import Table


class Role(Enum):
    PLAYER = "player"
    ADMIN = "admin"


class Account(Table, tablename="users"):
    id = UUID(primary_key=True)
    email = Varchar(length=255)
    full_name = Varchar(length=255)
    status = Varchar(length=140, default="")
    profile = JSONB(default="{}")
    role = Varchar(length=20, choices=Role, default=Role.PLAYER)
    version = BigInt()
    created_at = Timestamptz()
    updated_at = Timestamptz()

    @classmethod
    def get_readable(cls) -> Readable:
        """By what a user is named where another table refers to them."""
        return Readable(template="%s", columns=[cls.email])


class Login(Table, tablename="sessions"):
    """Without the token's hash."""

    id = UUID(primary_key=True)
    user = ForeignKey(Account, null=False)
    created_at = Timestamptz()
    last_seen = Timestamptz()
    expires_at = Timestamptz()
    address = Varchar(length=64)
    client = Varchar(length=255)
