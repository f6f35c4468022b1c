"""The oracle for some seconds, the oracle's own check, and what it cannot see: delay and order."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.changes import oracle
from tests.changes.oracle_copy import WrongError
from tests.conftest import Databases, Someone, database

SEED = 20_261_124


async def test_every_copy_equals_a_fresh_list_whatever_happened(databases: Databases) -> None:
    dsn = await databases.create()
    outcome = await oracle.run(dsn, SEED, seconds=2, subscribers=6, writers=4, least=2001)
    assert outcome.delivered > 2000, outcome
    assert outcome.resumed > 5, outcome
    assert outcome.parts > 0, outcome
    assert outcome.rights + outcome.reset > 0, outcome
    assert outcome.ended > 0, outcome
    await databases.drop(dsn)


async def test_so_do_those_brought_up_from_the_log_in_small_parts(databases: Databases) -> None:
    dsn = await databases.create()
    outcome = await oracle.run(dsn, SEED, seconds=2, subscribers=5, writers=3, how="small")
    assert outcome.parts > 20, outcome
    await databases.drop(dsn)


LEAKED = r"an email of after the demotion|shows \{|shows \[[^]]*\], the others \["
"""Or, after the promotion, rows in the view of before it among those of after it."""
NOTICED = (
    rf"row that is|torn|stale|went back|over a change of the role|{LEAKED}"
    r"|KeyError.*protocol/changes\.py:\d+ applied"
)
"""By the client, or by the server when it brings a snapshot up by a change of no row it has; a
change of a role can be misread like any other. Any other error of the server, as of a misread that
is no SQL, does not count."""


@pytest.mark.parametrize(
    ("how", "noticed"),
    [("serial", NOTICED), ("xmin", NOTICED), ("order", NOTICED), ("rights", LEAKED)],
)
async def test_the_oracle_notices_when_the_log_is_read_wrongly(
    databases: Databases, how: str, noticed: str
) -> None:
    dsn = await databases.create()
    with pytest.raises(WrongError, match=noticed):
        await oracle.run(dsn, SEED, seconds=8, subscribers=6, writers=4, how=how)
    await databases.drop(dsn)


async def test_a_write_held_open_delays_nobody(ada: Someone, grace: Someone, dsn: str) -> None:
    where = {"id": {"in": [ada.id, grace.id]}}
    await ada.client.call("user.subscribe", where=where, fields=["status"])
    async with database(dsn) as slow, database(dsn) as psql:
        held = slow.transaction()
        await held.start()
        await slow.execute("UPDATE users SET status = 'late' WHERE id = $1", ada.id)
        for status in ("one", "two"):
            await psql.execute("UPDATE users SET status = $2 WHERE id = $1", grace.id, status)
            (change,) = (await ada.client.notification("user.changed"))["changes"]
            assert (change["id"], change["set"]) == (grace.id, {"status": status})
        await held.commit()
        (change,) = (await ada.client.notification("user.changed"))["changes"]
        assert (change["id"], change["set"]) == (ada.id, {"status": "late"})


async def test_replies_frame_what_is_told_under_load(
    ada: Someone, grace: Someone, dsn: str
) -> None:
    """No notification before the reply of subscribe, none after that of close: on raw frames."""
    told = 0
    async with database(dsn) as psql:
        load = asyncio.create_task(write(psql, grace.id))
        for turn in range(40):
            where = {"id": grace.id}
            await ada.client.push("user.subscribe", f"open-{turn}", where=where)
            opened = await ada.client.receive_new()
            assert opened["id"] == f"open-{turn}", opened
            for _ in range(turn % 4):
                assert (await ada.client.receive_new())["method"] == "user.changed"
                told += 1
            subscription = opened["result"]["subscription"]
            await ada.client.push("subscription.close", "close", subscription=subscription)
            while (await ada.client.receive_new()).get("id") != "close":
                told += 1
            await ada.client.push("rpc.ping", "ping")
            assert (await ada.client.receive_new())["id"] == "ping"
        load.cancel()
        await asyncio.gather(load, return_exceptions=True)
    assert told > 0


async def write(psql: Any, id_: str) -> None:
    while True:
        await psql.execute("UPDATE users SET status = status WHERE id = $1", id_)
