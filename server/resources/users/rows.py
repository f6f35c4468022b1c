"""Rows of users. What is hot is SQL that Piccolo builds once; the rest are Piccolo's own queries.

A row is a tuple of the values of `views.COLUMNS`.
"""

from __future__ import annotations

import asyncio
import contextvars
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
from piccolo.querystring import QueryString

from server.database.engine import Database, Statement
from server.protocol.errors import CallError
from server.resources.users.tables import Credential, User
from server.resources.users.views import BY_NAME, COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping


ANYONE = UUID(int=0)

GET = Statement(
    lambda: User.select(*COLUMNS).where(QueryString("{} = ANY({}::uuid[])", User.id, []))
)


@cache
def update_statement(fields: tuple[str, ...], *, versioned: bool) -> Statement:
    """Arguments: the new values, the id, and the version when it counts."""
    values: dict[Any, Any] = {BY_NAME[name]: "" for name in fields}
    conditions = [User.id == ANYONE, *([User.version == 0] if versioned else [])]
    return Statement(lambda: User.update(values).where(*conditions).returning(*COLUMNS))


class Getter:
    """Gets by id: those of one turn of the loop share one query."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.wanted: dict[UUID, asyncio.Future[Any]] = {}
        self.fetching: set[asyncio.Task[None]] = set()

    async def get(self, user: UUID) -> Any | None:
        """The row, or None."""
        future = self.wanted.get(user)
        if future is None:
            loop = asyncio.get_running_loop()
            if not self.wanted:
                loop.call_soon(self._start, context=contextvars.Context())
            future = self.wanted[user] = loop.create_future()
        return await asyncio.shield(future)

    def _start(self) -> None:
        wanted, self.wanted = self.wanted, {}
        task = asyncio.get_running_loop().create_task(self._fetch(wanted))
        self.fetching.add(task)
        task.add_done_callback(self.fetching.discard)

    async def _fetch(self, wanted: Mapping[UUID, asyncio.Future[Any]]) -> None:
        try:
            rows = {row[0]: row for row in await self.database.fetch(GET.sql, list(wanted))}
        except BaseException as error:  # it belongs to those who wait
            for future in wanted.values():
                future.set_exception(error)
                future.exception()  # though nobody may be waiting any more
            if not isinstance(error, Exception):
                raise
            return
        for user, future in wanted.items():
            future.set_result(rows.get(user))


async def insert(user: User, password: str) -> Any:
    """The row. Raises CallError `email_taken` or `id_taken`; the transaction is over then."""
    try:
        (row,) = await User.insert(user).returning(*COLUMNS)
    except asyncpg.UniqueViolationError as error:
        raise taken(error) from None
    await Credential.insert(Credential(user=user.id, password=password))
    return tuple(row.values())


async def update(
    database: Database, user: UUID, values: Mapping[str, Any], version: int | None
) -> Any | None:
    """The row as it is now; None when there is none, or its version is another."""
    statement = update_statement(tuple(values), versioned=version is not None)
    arguments = [*values.values(), user, *([version] if version is not None else [])]
    try:
        return await database.fetchrow(statement.sql, *arguments)
    except asyncpg.UniqueViolationError as error:
        raise taken(error) from None


async def delete(user: UUID) -> bool:
    """Whether there was one. Its sessions and its credential go with it."""
    return bool(await User.delete().where(User.id == user).returning(User.id))


def taken(error: asyncpg.UniqueViolationError) -> CallError:
    return CallError("id_taken" if error.constraint_name == "users_pkey" else "email_taken")
