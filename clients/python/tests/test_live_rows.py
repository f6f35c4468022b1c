"""Rows that match, live, on a line that breaks."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from typing import Any

import pytest
from people import Connect, becomes, make_users, reaches, sign_up
from tests.faults.line import Line

from victoryvault_client import CallError, Change, Connection, Stored, Subscription
from victoryvault_client.generated import UserUpdate

COUNT = 12
CHANGES = 300
FAULTS = [*["cut"] * 8, "stall", "half_open"]
chance = random.SystemRandom()


class Record:
    """What a subscription has told, held against what it may tell."""

    def __init__(self, subscription: Subscription[Any]) -> None:
        self.versions = {row["id"]: row["version"] for row in subscription.rows.values()}
        self.changes = self.twice = self.resets = 0
        subscription.on_change(self.told)

    def told(self, changes: list[Change]) -> None:
        for change in changes:
            if change["op"] == "reset":
                self.resets += 1
                continue
            self.changes += 1
            before = self.versions.get(change["id"], 0)
            is_deletion = change["op"] == "leave" and change["reason"] == "deleted"
            self.twice += change["version"] < before + (not is_deletion)
            self.versions[change["id"]] = change["version"]


@pytest.mark.usefixtures("soon")
async def test_rows_at_the_end_are_the_servers_whatever_happens_to_the_line(
    admin: Connection, connect: Connect, line: Line, tag: str
) -> None:
    ids = await make_users(admin, tag, COUNT)
    where = {"full_name": {"prefix": tag}}
    reader = await connect(line.url, silence=0.3, answer=0.3)
    async with reader.subscribe("user", where=where) as users:
        record = Record(users)
        written = asyncio.Semaphore(0)

        async def write() -> None:
            for number in itertools.count():
                if number >= CHANGES and cutting.done():
                    return
                made: list[UserUpdate] = [
                    {"status": f"at {number}"},
                    {"full_name": f"away {number}"},
                    {"full_name": f"{tag} {number}"},
                    {"profile": {"points": number}},
                ]
                new: UserUpdate = chance.choice(made)
                await admin.call("user.update", {"id": chance.choice(ids[1:]), "set": new})
                if number == CHANGES // 2:
                    await admin.call("user.delete", {"id": ids[0]})
                written.release()

        async def cut() -> None:
            for fault in chance.sample(FAULTS, len(FAULTS)):
                for _ in range(CHANGES // (len(FAULTS) + 2)):
                    await written.acquire()
                lost = asyncio.ensure_future(becomes(reader, "waiting"))
                if fault == "cut":
                    line.cut_after(chance.randint(1, 2000))
                else:
                    getattr(line, fault)()
                await lost
                await reaches(reader, "open")
                line.release()

        cutting = asyncio.ensure_future(cut())
        await asyncio.gather(write(), cutting)
        await reader.call("subscription.sync")
        fresh = await reader.call("user.list", {"where": where, "limit": 500})
        assert dict(users.rows) == {row["id"]: row for row in fresh["users"]}
        assert (record.twice, record.resets) == (0, 0)
        assert record.changes > len(FAULTS)


@pytest.mark.usefixtures("soon")
async def test_a_snapshot_in_parts_is_ready_when_it_is_whole_and_begins_anew_when_it_is_cut_before(
    admin: Connection, connect: Connect, line: Line, tag: str
) -> None:
    await make_users(admin, tag, 7)
    reader = await connect(line.url)
    cuts: list[str] = []
    reader.on("state", cuts.append)
    line.cut_after(1500)  # of about 3000
    async with reader.subscribe("user", where={"full_name": {"prefix": tag}}, limit=2) as users:
        assert cuts.count("waiting") == 1
        assert len(users.rows) == 7
        assert users.position is not None


async def test_a_stored_copy_is_brought_up_to_date_by_what_has_changed_alone(
    admin: Connection, tag: str
) -> None:
    first, *_ = await make_users(admin, tag, 3)
    where = {"full_name": {"prefix": tag}}
    async with admin.subscribe("user", where=where, fields=["status"]) as users:
        text = json.dumps({"position": users.position, "rows": list(users.rows.values())})
    await admin.call("user.update", {"id": first, "set": {"status": "new"}})

    told: list[Change] = []
    later = admin.subscribe(
        "user", where=where, fields=["status"], stored=Stored(**json.loads(text))
    )
    later.on_change(told.extend)
    async with later:
        assert told == [{"op": "change", "id": first, "version": 2, "set": {"status": "new"}}]
        assert dict(later.rows[first]) == {"id": first, "version": 2, "status": "new"}
        assert len(later.rows) == 3
        before = later.position
        await make_users(admin, "others", 1)
        assert later.position == before
        await admin.call("subscription.sync")
        assert later.position != before, "so that it does not grow old"


async def test_who_is_slow_gets_one_change_for_each_row_the_newest(
    admin: Connection, tag: str
) -> None:
    one, two = await make_users(admin, tag, 2)
    async with admin.subscribe("user", where={"full_name": {"prefix": tag}}) as users:
        changes = aiter(users)
        first = asyncio.ensure_future(anext(changes))
        for number in range(10):
            await admin.call("user.update", {"id": one, "set": {"status": f"{number}"}})
            await admin.call("user.update", {"id": two, "set": {"profile": {"at": number}}})
        assert users.rows[one]["status"] == "9", "a call that has returned is in the rows"
        assert first.done()
        rest = [await anext(changes), await anext(changes)]
        assert sorted((each["id"], each["version"]) for each in rest if each["op"] != "reset") == (
            sorted([(one, 11), (two, 11)])
        )
        users.close()
        with pytest.raises(StopAsyncIteration):
            await anext(changes)


async def test_a_subscription_that_nobody_may_have_says_why(admin: Connection) -> None:
    users = admin.subscribe("user", where={"nonsense": 1})
    with pytest.raises(CallError) as refused:
        await users.ready()
    assert refused.value.kind == "invalid_params"
    with pytest.raises(CallError, match=refused.value.message):
        async for _ in users:
            pass
    with pytest.raises(CallError):
        async with admin.subscribe("user", where={"nonsense": 1}):
            raise AssertionError


async def test_a_subscription_waits_for_a_sign_in_and_follows_whoever_signs_in(
    connect: Connect, admin: Connection
) -> None:
    connection = await connect(token=None)
    users = connection.subscribe("user")
    await connection.call("rpc.ping")
    assert not users.is_live
    await sign_up(connection)
    await users.ready()
    assert users.rows


async def test_changed_rights_make_a_subscription_anew(
    connect: Connect, admin: Connection, tag: str
) -> None:
    other = Connection(admin.url)
    async with other:
        id_ = await sign_up(other, tag)
        async with other.subscribe("user", where={"full_name": tag}) as users:
            anew = asyncio.Event()
            users.on_change(lambda told: anew.set() if told[0]["op"] == "reset" else None)
            await admin.call("user.update", {"id": id_, "set": {"role": "admin"}})
            await asyncio.wait_for(anew.wait(), 10)
            assert users.rows[id_]["role"] == "admin"
