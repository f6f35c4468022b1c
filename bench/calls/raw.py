"""The baseline: a plain Python process in which asyncpg runs the statements of the same calls.

As many tasks as the server has calls under way, on a pool of the same size with the same options
(also without the round trip that resets a connection at each release), on uvloop, with asyncpg's
cache of prepared statements. It has no sockets to serve, no JSON and no rights to check, and no
generator takes the cores from it: what is compared is a server with the bare work inside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import cycle
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from bench.calls.calls import GET, LIST, UPDATE, shares
from bench.calls.order import Order
from bench.calls.statements import Statement, Statements, heard
from bench.window import Tally, counted
from bench.worker import follow
from server.database.engine import Engine, keep


class Settings(msgspec.Struct):
    dsn: str
    users: list[UUID]
    tasks: int
    pool_size: int


class Raw:
    pool: Any
    statements: Statements

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.finished = 0
        self.is_stopping = False

    async def open(self) -> None:
        size = self.settings.pool_size
        self.statements = await heard(self.settings.dsn, self.settings.users)
        self.pool = await asyncpg.create_pool(
            **Engine(self.settings.dsn).config, min_size=size, max_size=size, reset=keep
        )

    async def run(self, order: Order) -> Tally:
        self.is_stopping = False
        run, of_users = {
            GET: (self.fetch_row, self.statements.get),
            UPDATE: (self.fetch_row_in_transaction, self.statements.update),
            LIST: (self.fetch, dict.fromkeys(self.settings.users, self.statements.list)),
        }[order.call]
        tasks = [
            asyncio.create_task(self.repeat(run, [of_users[user] for user in share]))
            for share in shares(self.settings.users, self.settings.tasks)
        ]
        tally = await counted(order.window, lambda: self.finished)
        self.is_stopping = True
        await asyncio.gather(*tasks)
        return tally

    async def repeat(
        self, run: Callable[[Statement], Awaitable[Any]], statements: list[Statement]
    ) -> None:
        for statement in cycle(statements):
            await run(statement)
            self.finished += 1
            if self.is_stopping:
                return

    async def fetch_row(self, statement: Statement) -> Any:
        async with self.pool.acquire() as connection:
            return await connection.fetchrow(statement.sql, *statement.arguments)

    async def fetch(self, statement: Statement) -> Any:
        async with self.pool.acquire() as connection:
            return await connection.fetch(statement.sql, *statement.arguments)

    async def fetch_row_in_transaction(self, statement: Statement) -> Any:
        async with self.pool.acquire() as connection, connection.transaction():
            return await connection.fetchrow(statement.sql, *statement.arguments)


if __name__ == "__main__":
    follow(Raw, Settings, Order)
