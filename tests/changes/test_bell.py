"""Writers ring while somebody listens, and nobody polls for what will ring."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from server.changes import feed
from server.changes.bell import CHANNEL, LOCK, Bell
from server.changes.log import Head
from server.database import embedded
from tests.conftest import ROOT, Someone, database

INSERT = "INSERT INTO users (email, full_name) VALUES (gen_random_uuid()::text || '@x.org', 'Ada')"
NOBODY_RANG = "nobody rang before this"


class Listening(NamedTuple):
    bell: Bell
    head: Head
    heard: asyncio.Queue[str]

    async def hang_up(self) -> None:
        assert await self.bell.tend(is_busy=False, now=0)

    async def take_down(self) -> None:
        for now in (1, 1.001):
            assert not await self.bell.tend(is_busy=True, now=now)
        assert not self.bell.is_up


@asynccontextmanager
async def listening(dsn: str) -> AsyncIterator[Listening]:
    """A feed's connection."""
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with database(dsn) as connection:
        await connection.add_listener(CHANNEL, lambda *said: heard.put_nowait(said[-1]))
        yield Listening(Bell(connection, 5), await Head.of(connection, 5), heard)
        await connection.reset()


async def end(writer: Any) -> None:
    """So that what was not heard until now never comes."""
    await writer.execute(f"NOTIFY {CHANNEL}, '{NOBODY_RANG}'")


async def test_a_commit_rings_while_somebody_listens(dsn: str) -> None:
    async with listening(dsn) as feed_, database(dsn) as writer:
        await feed_.hang_up()
        async with writer.transaction():
            await writer.execute(INSERT)
            assert feed_.heard.empty()
        assert await feed_.heard.get() == ""


async def test_nobody_rings_while_all_are_busy_anyway(dsn: str) -> None:
    async with listening(dsn) as feed_, database(dsn) as writer:
        await feed_.hang_up()
        await feed_.take_down()
        await writer.execute(INSERT)
        await end(writer)
        assert await feed_.heard.get() == NOBODY_RANG


async def test_one_feed_that_listens_is_rung_for_while_another_is_busy(dsn: str) -> None:
    async with listening(dsn) as one, listening(dsn) as other, database(dsn) as writer:
        await one.hang_up()
        await other.hang_up()
        await one.take_down()
        await writer.execute(INSERT)
        assert await other.heard.get() == ""


async def test_a_rollback_rings_nobody(dsn: str) -> None:
    async with listening(dsn) as feed_, database(dsn) as writer:
        await feed_.hang_up()
        transaction = writer.transaction()
        await transaction.start()
        await writer.execute(INSERT)
        await transaction.rollback()
        await end(writer)
        assert await feed_.heard.get() == NOBODY_RANG


async def test_what_was_written_before_the_bell_hung_is_looked_for(dsn: str) -> None:
    async with listening(dsn) as feed_, database(dsn) as writer:
        async with writer.transaction():
            await writer.execute(INSERT)
            await feed_.hang_up()
            assert not feed_.bell.hears_all(await feed_.head.position(5))
            async with database(dsn) as later, later.transaction():
                await later.execute(INSERT)
                assert not feed_.bell.hears_all(await feed_.head.position(5))
        await end(writer)
        assert await feed_.heard.get() == ""  # of the later one
        assert await feed_.heard.get() == NOBODY_RANG
        assert feed_.bell.hears_all(await feed_.head.position(5))


async def test_an_idle_feed_hears_of_a_foreign_write_without_looking(
    ada: Someone, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "IDLE_SECONDS", 3600)
    await ada.client.call("user.subscribe", where={"id": ada.id}, fields=["status"])
    async with database(dsn) as psql:
        for n in range(20):
            await ada.client.call("subscription.sync")
            await psql.execute("UPDATE users SET status = $2 WHERE id = $1", ada.id, str(n))
            (change,) = (await ada.client.notification("user.changed"))["changes"]
            assert change["set"] == {"status": str(n)}
    monkeypatch.undo()
    await ada.client.call("subscription.sync")


@pytest.fixture
def two_phase() -> Iterator[str]:
    """The DSN of a PostgreSQL where transactions may be prepared."""
    folder = Path(tempfile.mkdtemp(prefix="victoryvault-tests-"))
    folder.chmod(0o755)
    try:
        with embedded.start(folder / "data"):
            pass
        with (folder / "data" / "postgresql.auto.conf").open("a") as settings:
            settings.write("max_prepared_transactions = 2\n")
        with embedded.start(folder / "data") as running:
            subprocess.run(
                [sys.executable, "-m", "server", "migrate", "forwards"],
                env={**os.environ, "DATABASE_URL": running.dsn},
                cwd=ROOT,
                check=True,
                capture_output=True,
                timeout=60,
            )
            yield running.dsn
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def test_where_transactions_may_be_prepared_the_clock_has_to_do(two_phase: str) -> None:
    async with listening(two_phase) as feed_, database(two_phase) as writer:
        assert not await feed_.bell.tend(is_busy=False, now=0)
        await feed_.bell.connection.execute(f"SELECT pg_advisory_lock_shared({LOCK})")
        await writer.execute("BEGIN")
        await writer.execute(INSERT)
        await writer.execute("PREPARE TRANSACTION 'one'")
        await writer.execute("COMMIT PREPARED 'one'")
        await end(writer)
        assert await feed_.heard.get() == NOBODY_RANG
