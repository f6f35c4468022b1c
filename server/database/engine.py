"""The database of one worker: Piccolo's engine with a pool of asyncpg connections.

Piccolo builds the SQL and runs what is not hot; hot statements are built once (`Statement`) and
run prepared on asyncpg. Connections keep no session state, so the pool resets none.
"""

from __future__ import annotations

import asyncio
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg
from piccolo.engine.postgres import PostgresEngine

from server.database.transactions import (
    STATEMENT_SECONDS,
    InDoubtError,
    Transaction,
    throw_away,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from piccolo.query.base import Query
    from piccolo.table import Table

CONNECT_SECONDS = 3
RELEASE_SECONDS = 1
"""For a stopped statement to end; then its connection is thrown away."""
SESSION = {
    "application_name": "victoryvault",
    "timezone": "UTC",
    "synchronous_commit": "on",  # a change that is delivered must not be lost in a crash
    "idle_in_transaction_session_timeout": "60s",
}


class Engine(PostgresEngine):
    """Piccolo's engine, which as shipped asks the database for its version when it is made."""

    def __init__(self, dsn: str) -> None:
        super().__init__({"dsn": dsn, "timeout": CONNECT_SECONDS, "server_settings": SESSION})
        self.releasing: set[asyncio.Task[None]] = set()

    async def check_version(self) -> None:
        """Asks nothing: a database that is away must not fail an import."""

    async def prep_database(self) -> None:
        """No extension is needed."""

    async def _run_in_pool(self, query: str, args: Sequence[Any] | None = None) -> list[Any]:
        return await self.fetch(query, *(args or ()))

    async def fetch(self, sql: str, *arguments: Any) -> list[Any]:
        """Rows. Raises TimeoutError when the database does not answer; waits for nothing then."""
        if self.pool is None:
            raise asyncpg.InterfaceError("pool is closed")
        async with asyncio.timeout(STATEMENT_SECONDS):
            pool, connection = self.pool, await self.pool.acquire()
            try:
                rows: list[Any] = await connection.fetch(sql, *arguments)
            except asyncio.CancelledError:
                release = asyncio.create_task(finish(pool, connection))
                self.releasing.add(release)
                release.add_done_callback(self.releasing.discard)
                raise
            except BaseException:
                await pool.release(connection, timeout=RELEASE_SECONDS)
                raise
            await pool.release(connection)
        return rows


async def finish(pool: Any, connection: Any) -> None:
    """Releases a connection whose statement was stopped.

    One that was only prepared has begun a transaction, which the next round trip ends.
    """
    try:
        await connection.execute("", timeout=RELEASE_SECONDS)
    except Exception:  # noqa: BLE001 - whatever it is, the pool makes another
        throw_away(connection)
    await pool.release(connection, timeout=RELEASE_SECONDS)


class Statement:
    """SQL that Piccolo builds once, at its first use; arguments are given at each run.

    The values in the query are placeholders: only their number and order count.
    """

    def __init__(self, build: Callable[[], Query[Any, Any]]) -> None:
        self.build = build

    @cached_property
    def sql(self) -> str:
        return str(self.build().querystrings[0].compile_string()[0])


class Usage(NamedTuple):
    """Of a pool."""

    connections: int
    in_use: int
    waiting: int
    """Who waits for a connection."""


class Database:
    """Opened and closed by the app. Every method may raise what `is_away` recognises."""

    def __init__(self, engine: Engine, pool_size: int, commit_seconds: float) -> None:
        self.engine = engine
        self.pool_size = pool_size
        self.commit_seconds = commit_seconds

    def bind(self, tables: Iterable[type[Table]]) -> None:
        """From now on Piccolo's queries on these tables run here."""
        for table in tables:
            table._meta.db = self.engine  # noqa: SLF001 - Piccolo documents it

    async def open(self) -> None:
        await self.engine.start_connection_pool(
            min_size=min(2, self.pool_size),
            max_size=self.pool_size,
            command_timeout=STATEMENT_SECONDS,
            reset=keep,
        )

    async def close(self) -> None:
        if self.engine.pool is not None:
            self.engine.pool.terminate()
            self.engine.pool = None

    @property
    def usage(self) -> Usage:
        pool: Any = self.engine.pool
        if pool is None:
            return Usage(0, 0, 0)
        size = pool.get_size()
        waiting = pool._queue._getters  # noqa: SLF001 - asyncpg counts them nowhere
        return Usage(size, size - pool.get_idle_size(), sum(not each.done() for each in waiting))

    async def connect(self) -> Any:
        """A connection outside the pool, for who keeps it: the feed."""
        return await asyncpg.connect(**self.engine.config)

    async def fetch(self, sql: str, *arguments: Any) -> list[Any]:
        """Rows, inside this task's transaction when there is one."""
        current = self.engine.current_transaction.get()
        if current is not None:
            return list(await current.connection.fetch(sql, *arguments))
        return await self.engine.fetch(sql, *arguments)

    async def fetchrow(self, sql: str, *arguments: Any) -> Any | None:
        """The first row, or None."""
        rows = await self.fetch(sql, *arguments)
        return rows[0] if rows else None

    def transaction(self, isolation: str | None = None) -> Transaction:
        return Transaction(self.engine, self.commit_seconds, isolation)


async def keep(_connection: Any) -> None:
    """In place of asyncpg's reset, a round trip at each release."""


def is_away(error: BaseException) -> bool:
    """Whether the error says that the database cannot be reached, rather than that it refused."""
    match error:
        case InDoubtError() | OSError() | TimeoutError():
            return True
        case asyncpg.InterfaceError():
            return any(word in str(error) for word in ("closed", "closing", "released back"))
    return isinstance(
        error,
        asyncpg.InternalClientError
        | asyncpg.PostgresConnectionError
        | asyncpg.OperatorInterventionError
        | asyncpg.TooManyConnectionsError
        | asyncpg.ReadOnlySQLTransactionError
        | asyncpg.IdleInTransactionSessionTimeoutError,
    )
