"""Receipts make every writing method safe to repeat: the reply is stored with the write.

A repeat with the same `retry_key` waits for the first one to end, finds its receipt and gives the
same reply, on any node, for 24 hours. The key itself is not stored, only its hash, and so is what
identifies the params, under that key. A token in a reply is not stored either: it is derived from
the key and a salt, so that only who knows the key can have it again.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
from piccolo.columns import Bytea, Text, Timestamptz
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.table import Table

from server.protocol.errors import CallError

if TYPE_CHECKING:
    from server.database.engine import Database

LIFE = "24 hours"
SECRET_FIELDS = ("token", "position")
"""Made anew for each reply: never part of a receipt."""


class Receipts(Table, tablename="receipts"):
    id = Bytea(primary_key=True, default=b"")
    """SHA-256 of who calls and the key."""
    fingerprint = Bytea(default=b"")
    salt = Bytea(default=b"")
    reply = Text(default="")
    created_at = Timestamptz(default=TimestamptzNow(), index=True)


CLAIM = f"""
    INSERT INTO receipts (id, fingerprint, salt) VALUES ($1, $2, $3)
    ON CONFLICT (id) DO UPDATE
        SET fingerprint = excluded.fingerprint, salt = excluded.salt, created_at = now()
        WHERE receipts.created_at < now() - interval '{LIFE}'
    RETURNING true
"""  # noqa: S608
FIND = "SELECT fingerprint, salt, reply FROM receipts WHERE id = $1"
STORE = "UPDATE receipts SET reply = $2 WHERE id = $1"
PRUNE = f"DELETE FROM receipts WHERE created_at < now() - interval '{LIFE}'"  # noqa: S608


class Repeated(Exception):  # noqa: N818 - not an error: the answer is already there
    """The call was made before; `reply` is what it was answered, as JSON."""

    def __init__(self, reply: str) -> None:
        self.reply = reply


class Receipt:
    """Of one call with a retry key. `claim`, then `store` in the same transaction."""

    def __init__(
        self, database: Database, scope: str, key: str, method: str, params: dict[str, Any]
    ) -> None:
        self.database = database
        self.key = key.encode()
        self.id = sha256(f"{scope}\0{key}".encode()).digest()
        said = msgspec.json.encode([method, params], order="deterministic")
        self.fingerprint = hmac.digest(self.key, said, "sha256")
        self.salt = secrets.token_bytes(32)

    async def claim(self) -> None:
        """Raises Repeated, or CallError `retry_key_reused`, when the key was used before.

        While another call with the key is under way, waits for its end.
        """
        arguments = (self.id, self.fingerprint, self.salt)
        if await self.database.fetchrow(CLAIM, *arguments) is not None:
            return
        found = await self.database.fetchrow(FIND, self.id)
        if found is None or not hmac.compare_digest(found["fingerprint"], self.fingerprint):
            raise CallError("retry_key_reused")
        self.salt = found["salt"]
        raise Repeated(found["reply"])

    async def store(self, reply: str) -> None:
        await self.database.fetch(STORE, self.id, reply)

    def secret(self) -> bytes:
        return hmac.digest(self.salt, self.key, "sha256")
