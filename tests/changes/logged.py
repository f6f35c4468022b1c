"""What was logged of users, whoever wrote it."""

from __future__ import annotations

import json
from typing import Any

from tests.conftest import unique_email

Told = list[tuple[Any, Any]]
"""Of each change, before and after."""


class Log:
    """A connection as psql's, and what was logged of users since it was last asked."""

    def __init__(self, psql: Any, seen: int) -> None:
        self.psql = psql
        self.seen = seen

    @classmethod
    async def at_its_end(cls, psql: Any) -> Log:
        return cls(psql, await psql.fetchval("SELECT coalesce(max(sequence), 0) FROM changes"))

    async def told(self) -> Told:
        new = "SELECT * FROM changes WHERE sequence > $1 ORDER BY sequence"
        rows = await self.psql.fetch(new, self.seen)
        self.seen = rows[-1]["sequence"] if rows else self.seen
        texts = [(row["before"], row["after"]) for row in rows if row["source"] == "users"]
        return [(a and json.loads(a), b and json.loads(b)) for a, b in texts]

    async def add(self, status: str = "") -> str:
        """The id of a new row, whose insertion is not told."""
        add = "INSERT INTO users (email, status) VALUES ($1, $2) RETURNING id::text"
        id_ = await self.psql.fetchval(add, unique_email(), status)
        await self.told()
        return str(id_)
