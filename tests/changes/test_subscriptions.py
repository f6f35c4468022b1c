"""Snapshot and stream in one call, resume, enter and leave: what a client sees, on the wire."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import ReplyError
from tests.conftest import Running, Someone, database, sign_up, unique_email

LOBBY = {"status": "lobby"}


def entry(notification: dict[str, Any]) -> dict[str, Any]:
    (only,) = notification["changes"]
    found: dict[str, Any] = only
    return found


async def follow(someone: Someone, **params: Any) -> dict[str, Any]:
    found: dict[str, Any] = await someone.client.call("user.subscribe", **params)
    return found


async def set_status(someone: Someone, status: str) -> dict[str, Any]:
    updated = await someone.client.call("user.update", set={"status": status})
    user: dict[str, Any] = updated["user"]
    return user


async def test_a_snapshot_then_what_happens(ada: Someone, grace: Someone) -> None:
    await set_status(grace, "snapshot")
    followed = await follow(ada, where={"status": "snapshot"})
    assert followed["reset"] is True
    assert followed["more"] is False
    assert [user["id"] for user in followed["users"]] == [grace.id]
    listed = await ada.client.call("user.list", where={"status": "snapshot"})
    assert followed["users"] == listed["users"]
    await grace.client.call("user.update", set={"full_name": "G. Hopper"})
    changed = await ada.client.notification("user.changed")
    assert changed["subscription"] == followed["subscription"]
    assert changed["position"] != followed["position"]
    assert entry(changed)["op"] == "change"
    assert entry(changed)["set"].keys() == {"full_name", "updated_at"}
    assert entry(changed)["set"]["full_name"] == "G. Hopper"


async def test_a_row_enters_changes_and_leaves(ada: Someone, grace: Someone) -> None:
    followed = await follow(ada, where={"status": "enter"})
    assert followed["users"] == []
    shown = await set_status(grace, "enter")
    entered = entry(await ada.client.notification("user.changed"))
    assert entered == {
        "op": "enter",
        "id": grace.id,
        "version": shown["version"],
        "set": {
            name: value
            for name, value in shown.items()
            if name not in {"id", "version", "email", "role"}
        },
    }
    left_with = await set_status(grace, "gone")
    assert entry(await ada.client.notification("user.changed")) == {
        "op": "leave",
        "id": grace.id,
        "version": left_with["version"],
        "reason": "filter",
    }


async def test_psql_is_captured_too_and_a_rollback_is_not(
    ada: Someone, grace: Someone, dsn: str
) -> None:
    await follow(ada, where={"id": grace.id}, fields=["status"])
    async with database(dsn) as psql:
        with pytest.raises(ZeroDivisionError):  # noqa: PT012 - all of it is undone
            async with psql.transaction():
                await psql.execute("UPDATE users SET status = 'undone' WHERE id = $1", grace.id)
                raise ZeroDivisionError
        await psql.execute("UPDATE users SET status = 'done' WHERE id = $1", grace.id)
        assert entry(await ada.client.notification("user.changed"))["set"] == {"status": "done"}
        await psql.execute("DELETE FROM users WHERE id = $1", grace.id)
    left = entry(await ada.client.notification("user.changed"))
    assert (left["op"], left["reason"]) == ("leave", "deleted")


async def test_fields_left_out_are_not_told(ada: Someone, grace: Someone) -> None:
    followed = await follow(ada, where={"id": grace.id}, fields=["full_name"])
    (row,) = followed["users"]
    assert row.keys() == {"id", "version", "full_name"}
    await set_status(grace, "not told")
    await grace.client.call("user.update", set={"full_name": "told"})
    assert entry(await ada.client.notification("user.changed"))["set"] == {"full_name": "told"}


async def test_one_transaction_is_one_notification_with_one_change_a_row(
    ada: Someone, grace: Someone, dsn: str
) -> None:
    await follow(ada, where={"id": {"in": [ada.id, grace.id]}}, fields=["status"])
    async with database(dsn) as psql, psql.transaction():
        for status in ("1", "2", "3"):
            for id_ in (ada.id, grace.id):
                await psql.execute("UPDATE users SET status = $2 WHERE id = $1", id_, status)
    changed = await ada.client.notification("user.changed")
    assert {each["id"]: each["set"] for each in changed["changes"]} == {
        ada.id: {"status": "3"},
        grace.id: {"status": "3"},
    }
    assert len(changed["changes"]) == 2


async def test_ones_own_write_has_arrived_when_its_reply_comes(ada: Someone) -> None:
    await follow(ada, where={"id": ada.id})
    await ada.client.push("user.update", 700, set={"status": "mine"})
    first, second = await ada.client.receive_new(), await ada.client.receive_new()
    assert first["method"] == "user.changed"
    assert second["id"] == 700
    assert second["result"]["position"] == first["params"]["position"]


async def test_37_rows_changed_50_times_each_are_37_changes_on_resume(
    server: Running, ada: Someone, dsn: str
) -> None:
    async with database(dsn) as psql:
        await psql.execute(
            "INSERT INTO users (email, full_name, status)"
            " SELECT 'many' || n || '@example.org', 'many', 'x' FROM generate_series(1, 10000) AS n"
        )
        followed = await follow(ada, where={"full_name": "many"}, limit=10_000, fields=["status"])
        rows = {row["id"]: row for row in followed["users"]}
        position = followed["position"]
        while position is None:
            part = await ada.client.notification("user.changed")
            rows |= {each["id"]: each["set"] for each in part["changes"]}
            position = part["position"]
        assert len(rows) == 10_000
        await ada.client.call("subscription.close", subscription=followed["subscription"])
        for _ in range(50):
            await psql.execute(
                "UPDATE users SET status = status || 'y' WHERE id IN"
                " (SELECT id FROM users WHERE full_name = 'many' ORDER BY id LIMIT 37)"
            )
    async with server.connect(ada.token) as again:
        resumed = await again.call(
            "user.subscribe", where={"full_name": "many"}, fields=["status"], after=position
        )
    assert resumed["reset"] is False
    assert len(resumed["changes"]) == 37
    assert {each["set"]["status"] for each in resumed["changes"]} == {"x" + "y" * 50}


async def test_what_differs_in_nothing_is_not_sent_on_resume(ada: Someone, grace: Someone) -> None:
    await set_status(grace, "same")
    params = {"where": {"id": grace.id}, "fields": ["status"]}
    followed = await follow(ada, **params)
    await ada.client.call("subscription.close", subscription=followed["subscription"])
    await set_status(grace, "other")
    await set_status(grace, "same")
    resumed = await follow(ada, **params, after=followed["position"])
    assert (resumed["reset"], resumed["changes"]) == (False, [])


@pytest.mark.parametrize("position", ["0a1b2c3d.5", "0a1b2c3d.ffffffffff"])
async def test_a_position_of_another_database_is_a_reset(ada: Someone, position: str) -> None:
    followed = await follow(ada, where={"id": ada.id}, after=position)
    assert followed["reset"] is True
    assert [row["id"] for row in followed["users"]] == [ada.id]


async def test_a_malformed_position_is_said(ada: Someone) -> None:
    with pytest.raises(ReplyError) as refused:
        await follow(ada, after="yesterday")
    assert refused.value.data == {"kind": "invalid_params", "path": "after"}


async def test_the_same_subscription_has_one_name_and_replaces_itself(
    ada: Someone, grace: Someone
) -> None:
    where = {"status": "twice"}
    first, second = await follow(ada, where=where), await follow(ada, where=where)
    other = await follow(grace, where=where)
    assert first["subscription"] == second["subscription"] == other["subscription"]
    assert len((await ada.client.call("subscription.list"))["subscriptions"]) == 1
    await set_status(grace, "twice")
    assert entry(await ada.client.notification("user.changed"))["op"] == "enter"
    await ada.client.call("subscription.sync")
    assert [each for each in ada.client.others if each.get("method") == "user.changed"] == []


async def test_nothing_arrives_after_the_reply_of_close(ada: Someone, grace: Someone) -> None:
    followed = await follow(ada, where={"id": grace.id})
    for n in range(20):
        await grace.client.push("user.update", 100 + n, set={"status": str(n)})
        if n == 10:
            await ada.client.push("subscription.close", 800, subscription=followed["subscription"])
    while (await ada.client.receive_new()).get("id") != 800:
        pass
    for n in range(20):
        await grace.client.reply(100 + n)
    await ada.client.call("subscription.sync")
    assert ada.client.others == []
    with pytest.raises(ReplyError) as refused:
        await ada.client.call("subscription.close", subscription=followed["subscription"])
    assert refused.value.kind == "not_found"


async def test_interval_gives_one_notification_with_the_newest_state(
    ada: Someone, grace: Someone
) -> None:
    followed = await follow(ada, where={"id": grace.id}, fields=["status"], interval_ms=60_000)
    await set_status(grace, "at once")
    assert entry(await ada.client.notification("user.changed"))["set"] == {"status": "at once"}
    for n in range(5):
        await set_status(grace, f"throttled {n}")
    assert ada.client.others == []
    synced = await ada.client.call("subscription.sync")
    changed = await ada.client.notification("user.changed")
    assert entry(changed)["set"] == {"status": "throttled 4"}
    assert changed["position"] == synced["position"]
    assert changed["subscription"] == followed["subscription"]


async def test_a_changed_role_closes_what_was_seen_with_the_old_one(ada: Someone, dsn: str) -> None:
    followed = await follow(ada, where={"status": "role"})
    async with database(dsn) as psql:
        await psql.execute("UPDATE users SET role = 'admin' WHERE id = $1", ada.id)
    closed = await ada.client.notification("subscription.closed")
    assert closed["subscription"] == followed["subscription"]
    assert closed["reason"] == "rights_changed"
    again = await follow(ada, where={"id": ada.id})
    assert again["users"][0]["role"] == "admin"


async def test_who_comes_back_with_other_rights_starts_from_a_snapshot(
    server: Running, ada: Someone, grace: Someone, dsn: str
) -> None:
    where = {"id": {"in": [ada.id, grace.id]}}
    async with server.connect(ada.token) as before:
        followed = await before.call("user.subscribe", where=where)
    async with database(dsn) as psql:
        await psql.execute("UPDATE users SET role = 'admin' WHERE id = $1", ada.id)
    async with server.connect(ada.token) as back:
        again = await back.call("user.subscribe", where=where, after=followed["position"])
        assert again["reset"]
        assert {row["email"] for row in again["users"]} == {ada.email, grace.email}
        await set_status(ada, "same rights")
    async with server.connect(ada.token) as back:
        resumed = await back.call("user.subscribe", where=where, after=again["position"])
        assert (resumed["reset"], len(resumed["changes"])) == (False, 1)


async def test_the_email_of_others_is_never_on_the_wire(
    server: Running, ada: Someone, dsn: str
) -> None:
    await follow(ada, where={"full_name": "canary"})
    async with server.connect() as socket:
        canary = await sign_up(socket, full_name="canary", email=f"canary-{unique_email()}")
        await socket.call("user.update", set={"email": f"canary-{unique_email()}"})
        await socket.call("user.delete", id=canary.id)
    seen = [await ada.client.notification("user.changed") for _ in range(3)]
    assert [entry(each)["op"] for each in seen] == ["enter", "change", "leave"]
    assert "canary-" not in repr(seen)


async def test_explain_names_the_clause_that_failed(ada: Someone, grace: Someone) -> None:
    where = {"full_name": "Grace", "status": "explained"}
    followed = await follow(ada, where=where)
    ask = {"subscription": followed["subscription"], "id": grace.id}
    why = await ada.client.call("subscription.explain", **ask)
    assert (why["held"], why["reason"], why["failed"]) == (
        False,
        "filter",
        {"status": "explained"},
    )
    await set_status(grace, "explained")
    why = await ada.client.call("subscription.explain", **ask)
    assert (why["held"], why["reason"], why["failed"]) == (True, "matches", None)
