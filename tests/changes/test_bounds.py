"""However many follow, and however far behind they are, a worker reads and holds a bounded part."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from server.changes import log
from server.changes.feed import Feed
from server.changes.past import AT_ONCE, Past
from server.changes.ring import Ring
from server.database.engine import Database
from tests.conftest import Running, Someone, database

FOLLOWERS = 5


def empty_ring(server: Running) -> None:
    """As after 20 000 changes."""
    feed = server.services.use(Feed)
    feed.ring = feed.hub.ring = Ring(feed.position)


async def add(psql: Any, name: str, rows: int) -> None:
    await psql.execute(
        "INSERT INTO users (email, full_name) SELECT gen_random_uuid() || '@x.org', $1"
        " FROM generate_series(1, $2::int)",
        name,
        rows,
    )


async def test_what_the_feed_cannot_tell_nobody_reads_again(
    server: Running, ada: Someone, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Any] = []
    read = Past.read

    async def counted(self: Past, position: Any) -> Any:
        reads.append(position)
        return await read(self, position)

    monkeypatch.setattr(Past, "read", counted)
    monkeypatch.setattr(log, "MAX_CHANGES", 20)
    async with AsyncExitStack() as stack, database(dsn) as psql:
        followers = [
            await stack.enter_async_context(server.connect(ada.token)) for _ in range(FOLLOWERS)
        ]
        for each in followers:
            followed = await each.call("user.subscribe", where={"full_name": "nobody"})
        await add(psql, "many", 21)
        for each in followers:
            closed = await each.notification("subscription.closed")
            assert closed["reason"] == "position_gone"
            assert closed["subscription"] == followed["subscription"]
    assert reads == []


async def test_few_read_the_log_at_once_however_many_come_back(
    server: Running, ada: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, most = 0, 0
    read = Past.read

    async def counted(self: Past, position: Any) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            return await read(self, position)
        finally:
            running -= 1

    where = {"id": ada.id}
    followed = await ada.client.call("user.subscribe", where=where, fields=["status"])
    await ada.client.call("user.update", set={"status": "missed"})
    monkeypatch.setattr(Past, "read", counted)
    empty_ring(server)
    async with AsyncExitStack() as stack:
        back = [
            await stack.enter_async_context(server.connect(ada.token)) for _ in range(3 * FOLLOWERS)
        ]
        asked = {"where": where, "fields": ["status"], "after": followed["position"]}
        replies = await asyncio.gather(*(each.call("user.subscribe", **asked) for each in back))
    assert [reply["reset"] for reply in replies] == [False] * len(back)
    assert most == AT_ONCE


@pytest.mark.parametrize(("limit", "most"), [("MAX_CHANGES", 20), ("MAX_BYTES", 2000)])
async def test_what_is_too_much_to_tell_is_not_fetched(
    server: Running, ada: Someone, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    where = {"id": ada.id}
    followed = await ada.client.call("user.subscribe", where=where, fields=["status"])
    await ada.client.call("subscription.close", subscription=followed["subscription"])
    for number in range(most if limit == "MAX_CHANGES" else 10):
        await ada.client.call("user.update", set={"status": str(number)})
    await ada.client.call("user.update", set={"status": "one too many"})
    empty_ring(server)
    fetched: list[str] = []
    database_of = server.services.use(Database)
    fetch = database_of.fetch

    async def recorded(sql: str, *arguments: Any) -> list[Any]:
        fetched.append(sql)
        return await fetch(sql, *arguments)

    monkeypatch.setattr(database_of, "fetch", recorded)
    monkeypatch.setattr(log, limit, most)
    asked = {"where": where, "fields": ["status"], "after": followed["position"]}
    assert (await ada.client.call("user.subscribe", **asked))["reset"] is True
    assert log.MEASURE in fetched
    assert log.READ not in fetched
