"""A transaction that Piccolo's queries and asyncpg's share, and that never leaks its connection.

Piccolo's own loses its pool connection when COMMIT fails, and knows no isolation level.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Self

import asyncpg
from piccolo.engine.postgres import PostgresTransaction

if TYPE_CHECKING:
    from piccolo.engine.postgres import PostgresEngine

STATEMENT_SECONDS = 30
"""No statement takes so long, nor does the way to a connection, unless the database is silent;
calls have limits of their own."""
ROLLBACK_SECONDS = 1


class InDoubtError(Exception):
    """COMMIT was sent and no answer came: the transaction may have happened or not."""


class Transaction(PostgresTransaction):
    """`async with` it: commits at the end, rolls back when an exception leaves.

    Until then it is the task's `current_transaction`, so Piccolo's queries run in it too. Tasks
    started inside would inherit it: give them an empty `contextvars.Context()`.
    Raises InDoubtError when COMMIT gets no answer; the connection is then thrown away.
    """

    def __init__(
        self, engine: PostgresEngine, commit_seconds: float, isolation: str | None
    ) -> None:
        super().__init__(engine, allow_nested=False)
        self.commit_seconds = commit_seconds
        self.isolation = isolation

    async def __aenter__(self) -> Self:
        pool = self.engine.pool
        if pool is None:
            raise asyncpg.InterfaceError("pool is closed")
        self.connection = await pool.acquire(timeout=STATEMENT_SECONDS)
        try:
            self.transaction = self.connection.transaction(isolation=self.isolation)
            await self.transaction.start()
        except BaseException:
            throw_away(self.connection)
            await pool.release(self.connection)
            raise
        self.context = self.engine.current_transaction.set(self)
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:  # type: ignore[override]
        try:
            await (self._commit() if error is None else self._roll_back())
        finally:
            self.engine.current_transaction.reset(self.context)
            if self.engine.pool is not None:
                await self.engine.pool.release(self.connection)

    async def _commit(self) -> None:
        if is_gone(self.connection):
            raise asyncpg.ConnectionDoesNotExistError("connection is closed")
        try:
            async with asyncio.timeout(self.commit_seconds):
                await self.transaction.commit()
        except BaseException as error:
            if isinstance(error, asyncpg.PostgresError) and not lost(error):
                raise  # a refusal, as of a deferred constraint: nothing was written
            throw_away(self.connection)
            if isinstance(error, asyncio.CancelledError):
                raise
            raise InDoubtError from error

    async def _roll_back(self) -> None:
        if is_gone(self.connection):
            return
        try:
            async with asyncio.timeout(ROLLBACK_SECONDS):
                await self.transaction.rollback()
        except BaseException as error:
            throw_away(self.connection)  # which rolls back just as well
            if isinstance(error, asyncio.CancelledError):
                raise


def is_gone(connection: Any) -> bool:
    """Whether the connection was lost; the pool then takes its proxy away from us."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True


def throw_away(connection: Any) -> None:
    """Closes it at once; the pool makes another. It may have been lost already."""
    with contextlib.suppress(asyncpg.InterfaceError):
        connection.terminate()


def lost(error: asyncpg.PostgresError) -> bool:
    return isinstance(error, asyncpg.PostgresConnectionError | asyncpg.OperatorInterventionError)
