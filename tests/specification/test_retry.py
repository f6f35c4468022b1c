"""Protocol §4, "Safe to repeat"."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Client, ReplyError
from tests.conftest import (
    PASSWORD,
    Running,
    Someone,
    database,
    unique_email,
)
from tests.process import process

NEW = "another long password"


def same(reply: dict[str, Any]) -> dict[str, Any]:
    """Without the position, which is a place at or past the write whenever it is given."""
    return {name: value for name, value in reply.items() if name != "position"}


async def at_once(clients: list[Client], method: str, **params: Any) -> list[Any]:
    """The replies to one call that all of them send before any is answered."""
    ids = [f"at once {index}" for index in range(len(clients))]
    for client, id_ in zip(clients, ids, strict=True):
        await client.push(method, id_, **params)
    return [await client.reply(id_) for client, id_ in zip(clients, ids, strict=True)]


async def refused(someone: Someone, method: str, **params: Any) -> str:
    with pytest.raises(ReplyError) as error:
        await someone.client.call(method, **params)
    kind: str = error.value.kind
    return kind


@pytest.mark.parametrize(
    ("method", "params", "other"),
    [
        ("user.update", {"set": {"status": "x"}}, {"set": {"status": "y"}}),
        ("user.update", {"set": {"status": "x"}, "version": 1}, {"set": {"status": "x"}}),
        ("user.set_password", {"current": PASSWORD, "new": NEW}, {"current": NEW, "new": PASSWORD}),
        ("session.renew", {}, None),
    ],
)
async def test_a_repeated_call_gives_the_same_reply_and_writes_once(
    ada: Someone, dsn: str, method: str, params: dict[str, Any], other: dict[str, Any] | None
) -> None:
    first = await ada.client.call(method, **params, retry_key="key")
    async with database(dsn) as psql:
        before = await psql.fetchrow("SELECT xmin::text, * FROM users WHERE id = $1", ada.id)
        again = await ada.client.call(method, **params, retry_key="key")
        after = await psql.fetchrow("SELECT xmin::text, * FROM users WHERE id = $1", ada.id)
    assert same(again) == same(first)
    assert before == after
    if other is not None:
        assert await refused(ada, method, **other, retry_key="key") == "retry_key_reused"
    assert await refused(ada, "user.update", set={}, retry_key="key") == "retry_key_reused"


async def test_a_reply_stays_the_same_though_the_row_has_changed(ada: Someone) -> None:
    params = {"set": {"status": "first"}, "retry_key": "key"}
    first = await ada.client.call("user.update", **params)
    await ada.client.call("user.update", set={"status": "second"})
    assert same(await ada.client.call("user.update", **params)) == same(first)
    row = (await ada.client.call("user.get", id=ada.id))["user"]
    assert (row["status"], row["version"]) == ("second", 3)


async def test_a_repeated_password_change_is_the_same_after_another_one(ada: Someone) -> None:
    first = {"current": PASSWORD, "new": NEW, "retry_key": "first"}
    await ada.client.call("user.set_password", **first)
    await ada.client.call("user.set_password", current=NEW, new="a third long one")
    await ada.client.call("user.set_password", **first)
    await ada.client.call("session.create", email=ada.email, password="a third long one")


async def test_another_session_of_the_user_may_repeat(server: Running, ada: Someone) -> None:
    params = {"set": {"status": "x"}, "retry_key": "key"}
    first = await ada.client.call("user.update", **params)
    async with server.connect() as second:
        await second.call("session.create", email=ada.email, password=PASSWORD)
        assert same(await second.call("user.update", **params)) == same(first)


async def test_a_key_of_another_user_is_another_key(ada: Someone, grace: Someone) -> None:
    for someone, status in ((ada, "a"), (grace, "g")):
        written = await someone.client.call(
            "user.update", set={"status": status}, retry_key="shared"
        )
        assert (written["user"]["id"], written["user"]["status"]) == (someone.id, status)


async def test_an_error_leaves_the_key_free(ada: Someone) -> None:
    params = {"set": {"status": "x"}, "retry_key": "key"}
    assert await refused(ada, "user.update", **params, version=9) == "version_conflict"
    written = await ada.client.call("user.update", **params, version=1)
    assert written["user"]["version"] == 2


async def test_without_a_key_each_call_writes(ada: Someone) -> None:
    for version in (2, 3):
        written = await ada.client.call("user.update", set={"status": "x"})
        assert written["user"]["version"] == version


async def test_deleting_is_repeated_by_an_admin(admin: Someone, grace: Someone) -> None:
    params = {"id": grace.id, "retry_key": "key"}
    await admin.client.call("user.delete", **params)
    await admin.client.call("user.delete", **params)
    assert await refused(admin, "user.delete", id=grace.id) == "not_found"


async def test_deleting_a_session_is_repeated(server: Running, ada: Someone) -> None:
    async with server.connect() as second:
        made = await second.call("session.create", email=ada.email, password=PASSWORD)
    params = {"id": made["session"]["id"], "retry_key": "key"}
    assert await ada.client.call("session.delete", **params) == {}
    assert await ada.client.call("session.delete", **params) == {}


@pytest.mark.parametrize(
    ("method", "kind"),
    [("user.create", "retry_key_reused"), ("session.create", "bad_credentials")],
)
async def test_signing_up_and_in_are_repeated_by_email(
    server: Running, ada: Someone, dsn: str, method: str, kind: str
) -> None:
    if method == "user.create":
        params = {"email": unique_email(), "full_name": "x", "password": PASSWORD}
    else:
        params = {"email": ada.email, "password": PASSWORD}
    async with server.connect() as one, server.connect() as two, server.connect() as three:
        first = await one.call(method, **params, retry_key="key")
        again = await two.call(method, **params, retry_key="key")
        assert same(again) == same(first)
        for client in (one, two):
            sessions = (await client.call("session.list"))["sessions"]
            assert [
                each["current"] for each in sessions if each["id"] == first["session"]["id"]
            ] == [True]
        await three.call("session.resume", token=again["token"])
        with pytest.raises(ReplyError) as reused:
            await three.call(method, **{**params, "password": NEW}, retry_key="key")
        assert reused.value.kind == kind
        other = await three.call(
            "user.create", email=unique_email(), full_name="y", password=PASSWORD, retry_key="key"
        )
        assert other["user"]["full_name"] == "y"
    async with database(dsn) as psql:
        counted = await psql.fetchval(
            "SELECT count(*) FROM users WHERE email = $1", params["email"]
        )
        tokens = await psql.fetchval(
            "SELECT count(*) FROM sessions WHERE id = $1", first["session"]["id"]
        )
    assert (counted, tokens) == (1, 1)


async def test_sent_twice_at_once_it_is_written_once(
    server: Running, ada: Someone, dsn: str
) -> None:
    params = {"email": unique_email(), "full_name": "x", "password": PASSWORD, "retry_key": "key"}
    async with server.connect() as one, server.connect() as two:
        replies = await at_once([one, two, one, two], "user.create", **params)
    assert all(same(reply) == same(replies[0]) for reply in replies)
    async with server.connect(ada.token) as second:
        update = {"set": {"status": "x"}, "retry_key": "key"}
        written = await at_once([ada.client, second] * 5, "user.update", **update)
    assert {reply["user"]["version"] for reply in written} == {2}


async def test_it_holds_across_workers(server: Running, ada: Someone, dsn: str) -> None:
    async with process(dsn) as other, other.connect(ada.token) as second:
        update = {"set": {"status": "x"}, "retry_key": "key"}
        written = await at_once([ada.client, second] * 5, "user.update", **update)
        assert {reply["user"]["version"] for reply in written} == {2}
        renewed = await ada.client.call("session.renew", retry_key="new")
        assert same(await second.call("session.renew", retry_key="new")) == same(renewed)
        params = {"email": unique_email(), "full_name": "x", "password": PASSWORD}
        async with server.connect() as here, other.connect() as there:
            replies = await at_once([here, there] * 2, "user.create", **params, retry_key="k")
        assert all(same(reply) == same(replies[0]) for reply in replies)


@pytest.mark.parametrize("key", ["", "x" * 65, 1, [], {}, True])
async def test_what_is_no_key_is_refused(ada: Someone, key: object) -> None:
    assert await refused(ada, "user.update", set={}, retry_key=key) == "invalid_params"


async def test_a_key_may_have_64_characters(ada: Someone) -> None:
    for key in ("x" * 64, "💎" * 64):
        await ada.client.call("user.update", set={}, retry_key=key)


async def test_no_key_and_no_token_is_stored(ada: Someone, dsn: str) -> None:
    key = "a key that nobody else has"
    renewed = await ada.client.call("session.renew", retry_key=key)
    async with database(dsn) as psql:
        stored = await psql.fetchval("SELECT string_agg(receipts::text, ' ') FROM receipts")
        sessions = await psql.fetchval("SELECT string_agg(sessions::text, ' ') FROM sessions")
    for text in (stored, sessions):
        for secret in (key, renewed["token"], ada.token):
            assert secret not in text
            assert secret.encode().hex() not in text
