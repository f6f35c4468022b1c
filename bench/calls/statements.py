"""The statements that the server sends for a call, taken from its own code as it sends them.

So the baseline cannot drift from the server: whatever the functions behind the methods say to
PostgreSQL is heard on the connection, text and arguments.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from asyncpg import Connection

from bench.calls.calls import PAGE, STATUS
from server import resources
from server.calls.connection import Caller
from server.database.engine import Database, Engine
from server.resources.paging import order_sql, parse_order
from server.resources.users import rows
from server.resources.users.resource import USERS

COMMIT_SECONDS = 10


class Statement(NamedTuple):
    sql: str
    arguments: tuple[Any, ...]


class Heard(Connection):  # type: ignore[misc]
    """A connection that notes what it is asked to run."""

    statements: ClassVar[list[Statement]] = []

    async def fetch(self, query: str, *arguments: Any, **options: Any) -> Any:
        self.statements.append(Statement(query, arguments))
        return await super().fetch(query, *arguments, **options)

    async def fetchrow(self, query: str, *arguments: Any, **options: Any) -> Any:
        self.statements.append(Statement(query, arguments))
        return await super().fetchrow(query, *arguments, **options)


class Statements(NamedTuple):
    """One for each user, but for the list, which is the same for all."""

    get: dict[UUID, Statement]
    update: dict[UUID, Statement]
    list: Statement


async def heard(dsn: str, users: list[UUID]) -> Statements:
    engine = Engine(dsn)
    engine.config["connection_class"] = Heard
    database = Database(engine, 1, COMMIT_SECONDS)
    database.bind(resources.tables())
    await database.open()
    caller = Caller(users[0], "player", users[0], 0.0)
    everyone = USERS.asked(caller, {}, None, max_values=1)
    order = order_sql(parse_order(["created_at"], everyone.fields), everyone.fields)
    sql, arguments = USERS.select(everyone, None, order, PAGE + 1)
    getter = rows.Getter(database)
    try:
        return Statements(
            {user: await one(getter.get(user)) for user in users},
            {
                user: await one(rows.update(database, user, {"status": STATUS}, None))
                for user in users
            },
            await one(database.fetch(sql, *arguments)),
        )
    finally:
        await database.close()


async def one(running: Awaitable[Any]) -> Statement:
    """The one statement that this sends. Raises ValueError when it is none, or several."""
    Heard.statements.clear()
    await running
    (statement,) = Heard.statements
    return statement
