"""What reading the code beside the oracle found: each a short sequence of calls, on the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from server.calls.connection import Connections
from server.calls.following import Following
from server.changes import hub as hub_module
from server.changes.feed import Feed
from server.changes.ring import Ring
from server.protocol.errors import CallError
from server.resources import subscribing
from server.resources.resource import Resource
from tests.client import Client, ReplyError
from tests.conftest import Running, Someone, database, serving, settings_for, sign_up, unique_email

Rows = dict[str, dict[str, Any]]


class Gate:
    """Holds calls of one coroutine function until it is opened."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def wait(self) -> None:
        self.reached.set()
        await self.opened.wait()


@asynccontextmanager
async def many(dsn: str, name: str, count: int) -> AsyncIterator[Any]:
    async with database(dsn) as psql:
        await psql.execute(
            "INSERT INTO users (email, full_name, status)"
            " SELECT $1 || n || '@example.org', $1, 'x' FROM generate_series(1, $2::int) AS n",
            name,
            count,
        )
        yield psql


def hold_parts(monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate, part = Gate(), subscribing.Parts.part

    async def held(self: subscribing.Parts, topic: hub_module.Topic) -> bool:
        await gate.wait()
        return await part(self, topic)

    monkeypatch.setattr(subscribing.Parts, "part", held)
    return gate


def apply(rows: Rows, changes: list[dict[str, Any]]) -> None:
    """Raises when a row enters twice, or one changes or leaves that is not held."""
    for each in changes:
        if each["op"] == "enter":
            assert each["id"] not in rows, f"entered twice: {each}"
            rows[each["id"]] = each["set"]
        elif each["op"] == "change":
            rows[each["id"]] |= each["set"]
        else:
            del rows[each["id"]]


async def test_a_fraction_in_a_profile_is_a_number_in_a_notification_too(
    ada: Someone, grace: Someone
) -> None:
    await ada.client.call("user.subscribe", where={"id": grace.id}, fields=["profile"])
    await grace.client.call("user.update", set={"profile": {"x": 1.5}})
    (change,) = (await ada.client.notification("user.changed"))["changes"]
    assert change["set"]["profile"] == {"x": 1.5}


async def test_subscribing_twice_at_once_sends_each_change_once(
    ada: Someone, grace: Someone
) -> None:
    for id_ in (900, 901):
        await ada.client.push("user.subscribe", id_, where={"id": grace.id}, fields=["status"])
    for id_ in (900, 901):
        await ada.client.reply(id_)
    await grace.client.call("user.update", set={"status": "once"})
    await ada.client.call("subscription.sync")
    told = [message for message in ada.client.others if "method" in message]
    assert len(told) == 1


async def test_one_that_leaves_during_its_snapshot_does_not_take_the_topic_along(
    server: Running, ada: Someone, grace: Someone, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = {"full_name": "leaver"}
    async with many(dsn, "leaver", 3) as psql:
        gate = hold_parts(monkeypatch)
        first = await grace.client.call("user.subscribe", where=where, limit=1)
        assert first["more"] is True
        await gate.reached.wait()
        await ada.client.call("user.subscribe", where=where)
        await grace.client.call("subscription.close", subscription=first["subscription"])
        gate.opened.set()
        await psql.execute("UPDATE users SET status = 'y' WHERE full_name = 'leaver'")
        changed = await ada.client.notification("user.changed")
    assert len(changed["changes"]) == 3


async def test_sync_during_a_snapshot_in_parts_keeps_it_whole(
    ada: Someone, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with many(dsn, "parts", 3) as psql:
        gate = hold_parts(monkeypatch)
        where = {"full_name": "parts"}
        reply = await ada.client.call("user.subscribe", where=where, limit=1, fields=["status"])
        rows = {row["id"]: {"status": row["status"]} for row in reply["users"]}
        await gate.reached.wait()
        await psql.execute("UPDATE users SET status = 'y' WHERE full_name = 'parts'")
        await ada.client.push("subscription.sync", 902)
        await ada.client.push("rpc.ping", 903)
        await ada.client.reply(903)
        gate.opened.set()
        await ada.client.reply(902)
        await ada.client.call("subscription.sync")
        for message in ada.client.others:
            apply(rows, message["params"]["changes"])
    assert [row["status"] for row in rows.values()] == ["y"] * 3


async def test_of_a_batch_the_reply_of_subscribe_comes_before_its_notifications(
    ada: Someone, grace: Someone, dsn: str, server: Running
) -> None:
    batch = [
        {"jsonrpc": "2.0", "id": 1, "method": "user.subscribe", "params": {"where": {}}},
        {"jsonrpc": "2.0", "id": 2, "method": "user.update", "params": {"set": {"status": "b"}}},
        {"jsonrpc": "2.0", "id": 3, "method": "subscription.sync"},
    ]
    first = json.loads(await raw(ada.client, json.dumps(batch)))
    assert isinstance(first, list), first


async def raw(client: Client, text: str) -> str | bytes:
    await client.socket.send(text)
    async with asyncio.timeout(10):
        return await client.socket.recv()


async def test_a_throttled_one_is_told_the_newest_state_after_a_sync_between(
    ada: Someone, grace: Someone, dsn: str
) -> None:
    await grace.client.call("user.update", set={"status": "x"})
    where = {"id": grace.id}
    await ada.client.call("user.subscribe", where=where, fields=["status"], interval_ms=500)
    await grace.client.call("user.update", set={"status": "at once"})
    await ada.client.notification("user.changed")
    await grace.client.call("user.update", set={"status": "between"})
    await ada.client.call("subscription.sync")
    (seen,) = (await ada.client.notification("user.changed"))["changes"]
    assert seen["set"] == {"status": "between"}
    await grace.client.call("user.update", set={"status": "at once"})
    (seen,) = (await ada.client.notification("user.changed"))["changes"]
    assert seen["set"] == {"status": "at once"}


async def test_the_position_of_sync_holds_for_a_throttled_one(
    ada: Someone, grace: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two are brought up one after the other; what happens between belongs to both or to none."""
    one = {"where": {"id": grace.id}, "fields": ["status"], "interval_ms": 60_000}
    two = {"where": {"id": grace.id}, "fields": ["full_name"], "interval_ms": 60_000}
    first = await ada.client.call("user.subscribe", **one)
    await ada.client.call("user.subscribe", **two)
    await grace.client.call("user.update", set={"status": "s", "full_name": "f"})
    for _ in range(2):
        await ada.client.notification("user.changed")
    gate = Gate()
    following_bring = Following.bring

    async def held(self: Following, subscription: Any) -> None:
        if subscription.topic.id != first["subscription"]:
            await gate.wait()
        await following_bring(self, subscription)

    monkeypatch.setattr(Following, "bring", held)
    await ada.client.push("subscription.sync", 904)
    await gate.reached.wait()
    await grace.client.call("user.update", set={"status": "missed"})
    gate.opened.set()
    synced = await ada.client.reply(904)
    monkeypatch.undo()
    copy = {"status": "s"}
    for message in ada.client.others:
        if message["params"]["subscription"] == first["subscription"]:
            copy |= message["params"]["changes"][0]["set"]
    resumed = await ada.client.call("user.subscribe", **one, after=synced["position"])
    for change in resumed["changes"]:
        copy |= change["set"]
    assert copy == {"status": "missed"}


async def test_two_that_bring_the_same_one_up_from_the_log_send_each_change_once(
    server: Running, ada: Someone, grace: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed = await ada.client.call(
        "user.subscribe", where={"id": grace.id}, fields=["status"], interval_ms=60_000
    )
    await grace.client.call("user.update", set={"status": "at once"})
    await ada.client.notification("user.changed")
    await grace.client.call("user.update", set={"status": "twice?"})
    feed = server.services.use(Feed)
    feed.ring = feed.hub.ring = Ring(feed.position)  # as after 20 000 changes
    assert followed["reset"] is True
    for id_ in (905, 906):
        await ada.client.push("subscription.sync", id_)
    for id_ in (905, 906):
        await ada.client.reply(id_)
    told = [message for message in ada.client.others if "method" in message]
    assert len(told) == 1


async def test_a_subscription_under_way_when_the_role_changes_has_the_new_view(
    server: Running, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server.connect() as socket, database(dsn) as psql:
        boss = await sign_up(socket, full_name="Boss")
        await psql.execute("UPDATE users SET role = 'admin' WHERE id = $1", boss.id)
        await socket.call("session.resume", token=boss.token)
        gate, new = Gate(), subscribing.Subscribing.new

        async def held(self: subscribing.Subscribing) -> dict[str, Any]:
            await gate.wait()
            return await new(self)

        monkeypatch.setattr(subscribing.Subscribing, "new", held)
        await socket.push("user.subscribe", 907, where={"full_name": "secret"})
        await gate.reached.wait()
        await psql.execute("UPDATE users SET role = 'player' WHERE id = $1", boss.id)
        while is_admin(server, boss.id):
            await socket.call("rpc.ping")
        gate.opened.set()
        assert (await socket.reply(907))["users"] == []
        async with server.connect() as other:
            await sign_up(other, full_name="secret", email=f"canary-{unique_email()}")
        await socket.call("subscription.sync")
        assert "canary" not in repr(socket.others)


async def test_one_that_is_not_replaced_after_all_has_not_kept_the_old_view(
    server: Running, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server.connect() as socket, database(dsn) as psql:
        boss = await sign_up(socket, full_name="Boss")
        await psql.execute("UPDATE users SET role = 'admin' WHERE id = $1", boss.id)
        await socket.call("session.resume", token=boss.token)
        await socket.call("user.subscribe", where={"full_name": "hidden"})
        gate = Gate()

        async def fails(_self: subscribing.Subscribing) -> dict[str, Any]:
            await gate.wait()
            raise CallError("unavailable")

        monkeypatch.setattr(subscribing.Subscribing, "new", fails)
        await socket.push("user.subscribe", 908, where={"full_name": "hidden"})
        await gate.reached.wait()
        await psql.execute("UPDATE users SET role = 'player' WHERE id = $1", boss.id)
        while is_admin(server, boss.id):
            await socket.call("rpc.ping")
        gate.opened.set()
        with pytest.raises(ReplyError) as refused:
            await socket.reply(908)
        assert refused.value.kind == "unavailable"
        assert (await socket.notification("subscription.closed"))["reason"] == "rights_changed"
        async with server.connect() as other:
            await sign_up(other, full_name="hidden", email=f"canary-{unique_email()}")
        await socket.call("subscription.sync")
        assert "canary" not in repr(socket.others)


def is_admin(server: Running, user: str) -> bool:
    roll = server.services.use(Connections)
    callers = [each.caller for found in roll.by_session.values() for each in found]
    return any(caller and str(caller.user) == user and caller.is_admin for caller in callers)


async def test_one_of_two_that_fails_does_not_take_the_other_along(
    ada: Someone, grace: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, snapshot, asked = Gate(), Resource.snapshot, iter(range(2))

    async def held(self: Resource, *given: Any) -> Any:
        if next(asked):
            await gate.wait()
        return await snapshot(self, *given)

    monkeypatch.setattr(Resource, "snapshot", held)
    for id_ in (905, 906):
        await ada.client.push("user.subscribe", id_, where={"id": grace.id}, fields=["status"])
    await ada.client.reply(905)
    await gate.reached.wait()
    assert (await ada.client.call("rpc.cancel", id=906))["cancelled"]
    with pytest.raises(ReplyError, match="cancelled"):
        await ada.client.reply(906)
    await grace.client.call("user.update", set={"status": "told"})
    assert (await ada.client.notification("user.changed"))["changes"]


async def test_a_snapshot_too_large_to_be_sent_leaves_things_as_they_were(
    server: Running, grace: Someone, dsn: str
) -> None:
    asked = {"where": {"id": grace.id}, "fields": ["status", "profile"]}
    async with server.connect(max_size=None) as socket, database(dsn) as psql:
        await sign_up(socket)
        before = await socket.call("user.subscribe", **asked)
        await psql.execute(
            "UPDATE users SET profile = jsonb_build_object('x', repeat('x', 2000000))"
            " WHERE id = $1",
            grace.id,
        )
        await socket.notification("user.changed")
        with pytest.raises(ReplyError) as refused:
            await socket.call("user.subscribe", **asked)
        assert refused.value.kind == "message_too_large"
        (kept,) = (await socket.call("subscription.list"))["subscriptions"]
        assert kept["subscription"] == before["subscription"]
        await psql.execute("UPDATE users SET profile = '{}', status = 'y' WHERE id = $1", grace.id)
        (change,) = (await socket.notification("user.changed"))["changes"]
    assert change["set"] == {"status": "y", "profile": {}}


async def test_what_is_closed_amid_its_parts_has_no_position_to_store(
    ada: Someone, grace: Someone, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with many(dsn, "closed", 3):
        gate = hold_parts(monkeypatch)
        asked = {"where": {"full_name": "closed"}, "fields": ["status"], "limit": 1}
        assert (await ada.client.call("user.subscribe", **asked))["more"]
        await gate.reached.wait()
        (listed,) = (await ada.client.call("subscription.list"))["subscriptions"]
        await ada.client.call("session.resume", token=grace.token)
    closed = await ada.client.notification("subscription.closed")
    assert closed["reason"] == "signed_out"
    assert listed["position"] is closed["position"] is None


async def test_a_sync_in_the_batch_of_its_subscribe_vouches_for_no_more_than_was_told(
    ada: Someone,
) -> None:
    asked = {"where": {"id": ada.id}, "fields": ["status"]}
    batch = [
        {"jsonrpc": "2.0", "id": 1, "method": "user.subscribe", "params": asked},
        {"jsonrpc": "2.0", "id": 2, "method": "user.update", "params": {"set": {"status": "b"}}},
        {"jsonrpc": "2.0", "id": 3, "method": "subscription.sync"},
    ]
    opened, _, synced = json.loads(await raw(ada.client, json.dumps(batch)))
    assert opened["result"]["users"][0]["status"] == ""
    resumed = await ada.client.call("user.subscribe", **asked, after=synced["result"]["position"])
    assert [change["set"] for change in resumed["changes"]] == [{"status": "b"}]


async def test_subscribing_at_once_does_not_get_past_the_limit(dsn: str) -> None:
    async with (
        serving(settings_for(dsn, max_subscriptions=2)) as server,
        server.connect() as socket,
    ):
        await sign_up(socket)
        for id_ in range(910, 914):
            await socket.push("user.subscribe", id_, where={"status": str(id_)})
        answers = [await answer_of(socket, id_) for id_ in range(910, 914)]
    assert sorted(answers) == ["opened", "opened", *["too_many_subscriptions"] * 2]


async def test_rows_beyond_the_limit_are_refused_also_when_they_fit_one_reply(dsn: str) -> None:
    settings = settings_for(dsn, max_rows_per_subscription=2)
    async with many(dsn, "crowd", 3), serving(settings) as server, server.connect() as socket:
        await sign_up(socket)
        await socket.push("user.subscribe", 915, where={"full_name": "crowd"})
        assert await answer_of(socket, 915) == "too_many_rows"


async def answer_of(socket: Client, id_: int) -> str:
    try:
        await socket.reply(id_)
    except ReplyError as error:
        return str(error.kind)
    return "opened"
