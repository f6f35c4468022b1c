"""A transaction never leaks its connection, and Piccolo's queries run in it."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator

import asyncpg
import pytest

from server import resources
from server.database.columns import uuid7
from server.database.engine import Database, Engine
from server.resources.users.tables import User
from tests.conftest import database as connected
from tests.conftest import unique_email

POOL = 2


@pytest.fixture(scope="module")
async def pool(dsn: str) -> AsyncIterator[Database]:
    opened = Database(Engine(dsn), POOL, commit_seconds=5)
    opened.bind(resources.tables())
    await opened.open()
    async with connected(dsn) as connection:
        await connection.execute(
            "CREATE TABLE pairs (id int PRIMARY KEY, other int REFERENCES pairs (id)"
            " DEFERRABLE INITIALLY DEFERRED)"
        )
    yield opened
    await opened.close()


async def test_a_commit_that_fails_gives_its_connection_back(pool: Database) -> None:
    for id_ in range(4 * POOL):
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            async with pool.transaction():
                await pool.fetch("INSERT INTO pairs VALUES ($1, -1)", id_)
    async with asyncio.timeout(5):
        assert await pool.fetch("SELECT * FROM pairs") == []


async def test_a_commit_on_a_lost_connection_gives_its_place_back(pool: Database) -> None:
    for _ in range(2 * POOL):
        with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError)):
            async with pool.transaction() as transaction:
                transaction.connection.terminate()
    async with asyncio.timeout(5):
        assert await pool.fetchrow("SELECT 1")


async def test_piccolo_queries_run_in_the_transaction_and_roll_back_with_it(pool: Database) -> None:
    user = User(id=uuid7(), email=unique_email(), full_name="Ada", profile="{}")
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - all of it is to be undone
        async with pool.transaction():
            await User.insert(user)
            assert await User.exists().where(User.id == user.id)
            assert await pool.fetchrow("SELECT 1 FROM users WHERE id = $1", user.id)
            raise ZeroDivisionError
    assert not await User.exists().where(User.id == user.id)


async def test_after_a_failure_queries_are_outside_of_any_transaction(pool: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with pool.transaction():
            raise ZeroDivisionError
    assert pool.engine.current_transaction.get() is None


async def test_background_work_with_an_empty_context_is_outside_of_the_transaction(
    pool: Database,
) -> None:
    async with pool.transaction():
        inside = asyncio.create_task(current(pool))
        outside = asyncio.create_task(current(pool), context=contextvars.Context())
        assert await inside
        assert not await outside


async def current(pool: Database) -> bool:
    return pool.engine.current_transaction.get() is not None


async def test_a_transaction_has_the_isolation_that_was_asked_for(pool: Database) -> None:
    async with pool.transaction("repeatable_read"):
        row = await pool.fetchrow("SHOW transaction_isolation")
        assert row is not None
        assert row[0] == "repeatable read"


async def test_a_cancelled_transaction_rolls_back_and_gives_its_connection_back(
    pool: Database,
) -> None:
    for _ in range(2 * POOL):
        entered = asyncio.Event()

        async def work(entered: asyncio.Event = entered) -> None:
            async with pool.transaction():
                await pool.fetch("INSERT INTO pairs VALUES (99, 99)")
                entered.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with asyncio.timeout(5):
        assert await pool.fetch("SELECT * FROM pairs") == []


async def test_a_statement_that_is_stopped_before_it_ran_leaves_its_connection_clean(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    single = Database(Engine(dsn), 1, commit_seconds=5)
    await single.open()
    prepared = asyncio.Event()
    prepare = asyncpg.Connection._get_statement

    async def slow(self: asyncpg.Connection, *arguments: object, **named: object) -> object:
        found = await prepare(self, *arguments, **named)
        prepared.set()
        await asyncio.Event().wait()
        return found

    monkeypatch.setattr(asyncpg.Connection, "_get_statement", slow)
    task = asyncio.create_task(single.fetch("SELECT 'stopped' FROM users"))
    await prepared.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    monkeypatch.undo()
    async with single.transaction("repeatable_read"):
        assert await single.fetchrow("SELECT 1")
    await single.close()
