"""What cannot be told, and what a database has forgotten, loses nothing else."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from server.changes.feed import Feed
from server.changes.hub import Topic
from server.changes.index import Index
from server.changes.log import INCARNATION
from server.database import embedded
from tests.conftest import Someone, database

DEEP = '{{"d": {}{}{}}}'
LEVELS = 700


def deep(leaf: int) -> str:
    return DEEP.format("[" * LEVELS, leaf, "]" * LEVELS)


async def follows(someone: Someone, whom: Someone) -> str:
    reply = await someone.client.call("user.subscribe", where={"id": whom.id}, fields=["status"])
    subscription: str = reply["subscription"]
    return subscription


async def status_told(someone: Someone) -> str:
    (change,) = (await someone.client.notification("user.changed"))["changes"]
    status: str = change["set"]["status"]
    return status


async def test_a_row_too_deep_to_be_compared_ends_what_shows_it_and_nothing_else(
    ada: Someone, grace: Someone, dsn: str
) -> None:
    await ada.client.call("user.subscribe", where={"id": ada.id})
    await follows(grace, grace)
    async with database(dsn) as psql:
        for leaf in (1, 2):
            async with psql.transaction():
                await psql.execute(
                    "UPDATE users SET profile = $1 WHERE id = $2", deep(leaf), ada.id
                )
                await psql.execute(
                    "UPDATE users SET status = $1 WHERE id = $2", f"told {leaf}", grace.id
                )
            assert await status_told(grace) == f"told {leaf}"
        closed = await ada.client.notification("subscription.closed")
        await psql.execute("UPDATE users SET profile = '{}' WHERE id = $1", ada.id)
    assert closed["reason"] == "position_gone"


@pytest.mark.parametrize("interval_ms", [0, 1000])
async def test_a_topic_that_fails_ends_its_own_subscriptions_and_holds_up_no_other(
    ada: Someone, monkeypatch: pytest.MonkeyPatch, interval_ms: int
) -> None:
    where = {"id": ada.id}
    opened = await ada.client.call("user.subscribe", where=where, interval_ms=interval_ms)
    await ada.client.call("user.update", set={"status": "before"})
    await ada.client.notification("user.changed")
    await ada.client.call("user.subscribe", where={"full_name": "Ada"}, fields=["status"])
    frames = Topic.frames

    def fail(self: Topic, *given: Any) -> Any:
        if self.id == opened["subscription"]:
            raise ValueError("a fault of ours")
        return frames(self, *given)

    monkeypatch.setattr(Topic, "frames", fail)
    await ada.client.call("user.update", set={"status": "told"})
    assert await status_told(ada) == "told"
    closed = await ada.client.notification("subscription.closed")
    assert (closed["subscription"], closed["reason"]) == (opened["subscription"], "position_gone")


async def test_when_publishing_fails_everybody_is_brought_up_from_the_ring(
    ada: Someone, grace: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    await follows(grace, ada)
    touched = Index.touched

    def fail_once(self: Index, changes: Any) -> Any:
        monkeypatch.setattr(Index, "touched", touched)
        raise ValueError("a fault of ours")

    monkeypatch.setattr(Index, "touched", fail_once)
    await ada.client.call("user.update", set={"status": "told"})
    assert await status_told(grace) == "told"


async def test_who_has_seen_what_the_database_has_forgotten_starts_anew(
    ada: Someone, grace: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a crash, when a commit was told that was not on the disk."""
    await follows(grace, ada)
    read, seen = Feed._read, []

    async def ahead(self: Feed, head: Any, *, sure: bool) -> bool:
        monkeypatch.setattr(Feed, "_read", read)
        position = self.position._replace(xmax=self.position.xmax + 1000)
        self._position = self.hub.position = position
        for topic in self.hub.topics.values():
            topic.position = position
        seen.append(str(position))
        return await read(self, head, sure=True)

    monkeypatch.setattr(Feed, "_read", ahead)
    closed = await grace.client.notification("subscription.closed")
    assert closed["reason"] == "position_gone"
    await ada.client.call("user.update", set={"status": "after the crash"})
    reply = await grace.client.call(
        "user.subscribe", where={"id": ada.id}, fields=["status"], after=seen[0]
    )
    assert (reply["reset"], reply["users"][0]["status"]) == (True, "after the crash")


def test_a_promoted_standby_is_another_incarnation_at_once() -> None:
    """With so much to write that its first checkpoint, which the control file waits for, takes
    minutes."""
    folder = Path(tempfile.mkdtemp(prefix="victoryvault-tests-"))
    folder.chmod(0o755)
    filler = "CREATE TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 20000)"
    try:
        with embedded.start(folder / "data") as primary:
            _, before = asyncio.run(asked(primary.dsn, filler, INCARNATION))
            subprocess.run(["cp", "-a", folder / "data", folder / "copy"], check=True)
        (folder / "copy" / "postmaster.pid").unlink()
        (folder / "copy" / "standby.signal").touch()
        with embedded.start(folder / "copy") as standby:
            _, after, old = asyncio.run(
                asked(
                    standby.dsn,
                    "SELECT pg_promote()",
                    INCARNATION,
                    "SELECT timeline_id FROM pg_control_checkpoint()",
                )
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert old == 1
    assert before != after


async def asked(dsn: str, *statements: str) -> list[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        return [await connection.fetchval(statement) for statement in statements]
    finally:
        await connection.close()
