"""The change log is kept for a time, and who comes back from before gets a reset."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from server.changes.janitor import LOCK, tend
from server.database.engine import Database, Engine
from tests.client import PATIENCE
from tests.conftest import Databases, database, serving, settings_for, sign_up

LOCKED = """
    SELECT count(*) FROM pg_locks
    WHERE relation = 'changes'::regclass AND mode = 'AccessExclusiveLock'
"""
WAITING = f"{LOCKED} AND NOT granted"


@pytest.fixture
async def fresh(databases: Databases) -> AsyncIterator[str]:
    dsn = await databases.create()
    yield dsn
    await databases.drop(dsn)


@pytest.fixture
async def pool(fresh: str) -> AsyncIterator[Database]:
    opened = Database(Engine(fresh), 2, commit_seconds=5)
    await opened.open()
    yield opened
    await opened.close()


def day(ago: int) -> datetime:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=ago)


async def write(dsn: str, ago: int, rows: int, *, partition: bool = True) -> str:
    """Changes of a day that is past, in a partition of that day."""
    name = f"changes_{day(ago):%Y%m%d}"
    async with database(dsn) as psql:
        if partition:
            await psql.execute(
                f"CREATE TABLE {name} PARTITION OF changes"
                f" FOR VALUES FROM ('{day(ago)}') TO ('{day(ago - 1)}')"
            )
        await psql.execute(
            "INSERT INTO changes (at, source, id)"
            " SELECT $1, 'users', gen_random_uuid() FROM generate_series(1, $2)",
            day(ago) + timedelta(hours=1),
            rows,
        )
    return name


async def partitions(dsn: str) -> set[str]:
    async with database(dsn) as psql:
        rows = await psql.fetch(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits"
            " WHERE inhparent = 'changes'::regclass"
        )
    return {row["name"] for row in rows}


async def test_partitions_are_made_ahead(pool: Database, fresh: str) -> None:
    await tend(pool, 7, 0)
    assert await partitions(fresh) >= {f"changes_{day(-ahead):%Y%m%d}" for ahead in range(8)}


async def test_what_is_old_enough_is_dropped_and_the_rest_stays(pool: Database, fresh: str) -> None:
    old = await write(fresh, 9, 10)
    young = await write(fresh, 7, 10)
    assert await tend(pool, 7, 0) == [old]
    assert young in await partitions(fresh)


async def test_so_many_changes_are_kept_however_old(pool: Database, fresh: str) -> None:
    await write(fresh, 30, 10)
    older = await write(fresh, 20, 10)
    await write(fresh, 10, 10)
    assert await tend(pool, 7, 20) == [f"changes_{day(30):%Y%m%d}"]
    assert older in await partitions(fresh)


async def test_a_change_that_no_partition_was_made_for_is_kept_and_pruned_too(
    pool: Database, fresh: str
) -> None:
    await write(fresh, 9, 3, partition=False)
    await write(fresh, 2, 2, partition=False)
    await tend(pool, 7, 0)
    async with database(fresh) as psql:
        assert await psql.fetchval("SELECT count(*) FROM changes") == 2
        assert await psql.fetchval("SELECT pruned <> '0' FROM change_log")


async def test_nothing_is_looked_for_while_the_log_is_locked(
    pool: Database, fresh: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So whoever writes waits for a partition to be made or dropped, and for nothing else."""
    old = [await write(fresh, ago, 10) for ago in (10, 9)]
    fetch = Database.fetch
    async with database(fresh) as psql:
        await psql.execute(f"DROP TABLE changes_{day(-7):%Y%m%d}")

        async def watched(self: Database, sql: str, *arguments: Any) -> list[Any]:
            assert not await psql.fetchval(LOCKED), sql
            return await fetch(self, sql, *arguments)

        monkeypatch.setattr(Database, "fetch", watched)
        assert await tend(pool, 7, 0) == old
    assert f"changes_{day(-7):%Y%m%d}" in await partitions(fresh)


async def test_a_long_transaction_is_not_waited_for_long(pool: Database, fresh: str) -> None:
    old = await write(fresh, 9, 10)
    async with database(fresh) as reader, database(fresh) as writer, reader.transaction():
        await reader.execute("SELECT FROM changes LIMIT 1")
        tending = asyncio.create_task(tend(pool, 7, 0))
        while not (tending.done() or await writer.fetchval(WAITING)):
            pass
        async with asyncio.timeout(PATIENCE):
            await writer.execute("INSERT INTO changes (source, id) VALUES ('x', gen_random_uuid())")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await tending
    assert await tend(pool, 7, 0) == [old]


async def test_one_process_at_a_time(pool: Database, fresh: str) -> None:
    old = await write(fresh, 9, 10)
    async with database(fresh) as other, other.transaction():
        await other.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        assert await tend(pool, 7, 0) == []
    assert await tend(pool, 7, 0) == [old]


async def test_a_position_from_before_what_was_dropped_is_a_reset(
    pool: Database, fresh: str
) -> None:
    async with serving(settings_for(fresh)) as server:
        async with server.connect() as client:
            someone = await sign_up(client)
            followed = await client.call("user.subscribe", where={"status": "kept"})
        await write(fresh, 9, 10)
        await tend(pool, 7, 0)
    async with serving(settings_for(fresh)) as server, server.connect(someone.token) as client:
        again = await client.call(
            "user.subscribe", where={"status": "kept"}, after=followed["position"]
        )
        assert again["reset"] is True
        once_more = await client.call(
            "user.subscribe", where={"status": "kept"}, after=again["position"]
        )
        assert once_more["reset"] is False
