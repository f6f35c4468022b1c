"""Protocol §4, sessions: signing in and coming back, and how sessions end, here and elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from tests.client import Client, ReplyError
from tests.conftest import (
    PASSWORD,
    Running,
    Someone,
    database,
    serving,
    settings_for,
)
from tests.process import process
from tests.specification.holding import holding
from tests.specification.test_methods import NOBODY, OWN, PUBLIC, SESSION, kind_of

NEW = "a new and longer one"
SOON = 1.0
"""Seconds within which the end of a session reaches its sockets, wherever they are."""


@asynccontextmanager
async def soon() -> AsyncIterator[None]:
    async with asyncio.timeout(SOON):
        yield


async def assert_ended(client: Client) -> None:
    params = await client.notification("session.ended")
    assert isinstance(params["reason"], str)
    assert (await client.closed())[0] == 4401


async def signed_in(client: Client, someone: Someone) -> Any:
    return await client.call("session.create", email=someone.email, password=PASSWORD)


async def test_signing_in_gives_a_session_and_signs_the_connection_in(
    client: Client, ada: Someone
) -> None:
    made = await client.call("session.create", email=ada.email.upper(), password=PASSWORD)
    assert made.keys() == {"session", "token", "expires_at", "user"}
    assert made["session"].keys() == SESSION
    assert made["user"].keys() == OWN
    assert (made["user"]["id"], made["session"]["user"]) == (ada.id, ada.id)
    assert made["session"]["expires_at"] == made["expires_at"]
    assert (made["session"]["current"], made["session"]["online"]) == (True, True)
    assert (await client.call("user.get", id=ada.id))["user"].keys() == OWN


async def test_who_signs_in_on_a_signed_in_socket_is_online(ada: Someone, grace: Someone) -> None:
    made = await signed_in(ada.client, grace)
    (listed,) = [
        each
        for each in (await ada.client.call("session.list"))["sessions"]
        if each["id"] == made["session"]["id"]
    ]
    assert listed["online"]
    assert made["session"]["online"]


@pytest.mark.parametrize("email", ["known", "unknown"])
async def test_bad_credentials_do_not_say_what_is_wrong(
    client: Client, ada: Someone, email: str
) -> None:
    given = ada.email if email == "known" else "nobody@example.org"
    with pytest.raises(ReplyError) as refused:
        await client.call("session.create", email=given, password="wrong")
    assert (refused.value.code, refused.value.kind) == (401, "bad_credentials")
    assert refused.value.data == {"kind": "bad_credentials"}
    assert refused.value.message == "The email or the password is wrong."


async def test_too_many_attempts_are_refused_even_with_the_right_password(
    dsn: str, ada: Someone
) -> None:
    settings = settings_for(dsn, sign_in_attempts_per_minute=2)
    async with serving(settings) as strict, strict.connect() as client:
        kinds = []
        for password in ("wrong", "wrong", PASSWORD):
            with pytest.raises(ReplyError) as refused:
                await client.call("session.create", email=ada.email, password=password)
            kinds.append(refused.value.kind)
        assert kinds == ["bad_credentials", "bad_credentials", "too_many_attempts"]
        assert refused.value.code == 429
        assert 0 < refused.value.data["retry_after_ms"] <= 60_000


async def test_a_token_brings_its_user_back(client: Client, ada: Someone) -> None:
    resumed = await client.call("session.resume", token=ada.token)
    assert resumed.keys() == {"session", "expires_at", "user"}
    assert resumed["session"].keys() == SESSION
    assert resumed["session"]["id"] == ada.session
    assert resumed["user"].keys() == OWN
    assert (await client.call("user.get", id=ada.id))["user"] == resumed["user"]


async def test_a_connection_may_become_another_users(ada: Someone, grace: Someone) -> None:
    await ada.client.call("session.resume", token=grace.token)
    assert (await ada.client.call("user.get", id=grace.id))["user"].keys() == OWN
    assert (await ada.client.call("user.get", id=ada.id))["user"].keys() == PUBLIC


@pytest.mark.parametrize("token", ["", "nothing", "é"])
async def test_a_token_that_is_none_signs_nobody_in(ada: Someone, token: str) -> None:
    assert (await kind_of(ada, "session.resume", token=token))[:2] == (401, "unauthenticated")
    assert (await ada.client.call("user.get", id=ada.id))["user"].keys() == OWN


async def test_a_new_token_ends_the_old_one_and_keeps_the_session(
    server: Running, client: Client, ada: Someone
) -> None:
    async with server.connect(ada.token) as second:
        renewed = await ada.client.call("session.renew")
        assert renewed.keys() == {"session", "token", "expires_at"}
        assert renewed["session"]["id"] == ada.session
        assert renewed["token"] != ada.token
        with pytest.raises(ReplyError) as refused:
            await client.call("session.resume", token=ada.token)
        assert refused.value.code == 401
        resumed = await client.call("session.resume", token=renewed["token"])
        assert resumed["session"]["id"] == ada.session
        for each in (ada.client, second):
            assert (await each.call("user.get", id=ada.id))["user"].keys() == OWN


async def test_an_expired_session_says_so_and_its_sockets_are_closed(
    client: Client, ada: Someone, dsn: str
) -> None:
    async with database(dsn) as psql:
        await psql.execute(
            "UPDATE sessions SET expires_at = now() - interval '1 second' WHERE id = $1",
            ada.session,
        )
    async with soon():
        await assert_ended(ada.client)
    with pytest.raises(ReplyError) as refused:
        await client.call("session.resume", token=ada.token)
    assert (refused.value.code, refused.value.kind) == (401, "session_expired")


async def test_a_session_is_told_before_it_expires_and_renewed_keeps_its_subscriptions(
    ada: Someone, dsn: str
) -> None:
    subscribed = await ada.client.call("user.subscribe", where={"id": ada.id})
    expires = "UPDATE sessions SET expires_at = now() + $2::interval WHERE id = $1 RETURNING"
    written = """ to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    async with database(dsn) as psql:
        for seconds in (59, 58):
            due = await psql.fetchval(expires + written, ada.session, timedelta(seconds=seconds))
            assert await ada.client.notification("session.expiring") == {"expires_at": due}
        renewed = await ada.client.call("session.renew")
        assert renewed["expires_at"] > due
        await psql.execute("UPDATE users SET status = 'still here' WHERE id = $1", ada.id)
        told = await ada.client.notification("user.changed")
        assert told["subscription"] == subscribed["subscription"]
        soon_over = timedelta(seconds=0.3)
        due = await psql.fetchval(expires + written, ada.session, soon_over)
        assert await ada.client.notification("session.expiring") == {"expires_at": due}
    assert await ada.client.notification("session.ended") == {"reason": "expired"}
    assert (await ada.client.closed())[0] == 4401
    (closed,) = ada.client.others
    assert (closed["method"], closed["params"]["reason"]) == ("subscription.closed", "signed_out")


async def test_what_is_under_way_when_a_session_ends_is_answered_before_the_socket_is_closed(
    ada: Someone, dsn: str
) -> None:
    async with holding(dsn, ada.id) as hold, database(dsn) as psql:
        await ada.client.push("user.update", 1, set={"status": "too late"})
        await hold.until_blocked()
        await psql.execute("DELETE FROM sessions WHERE id = $1", ada.session)
        with pytest.raises(ReplyError) as refused:
            await ada.client.reply(1)
        assert refused.value.kind == "cancelled"
        assert await ada.client.notification("session.ended") == {"reason": "ended"}
        assert (await ada.client.closed())[0] == 4401
        await hold.release()
        status = "SELECT status FROM users WHERE id = $1"
        assert await psql.fetchval(status, ada.id) == ""


async def test_calls_with_one_id_are_all_cancelled_when_their_session_ends(
    ada: Someone, dsn: str
) -> None:
    async with holding(dsn, ada.id) as hold, database(dsn) as psql:
        for calls in (1, 2):
            await ada.client.push("user.update", 1, set={"status": "too late"})
            await hold.until_blocked(calls)
        await psql.execute("DELETE FROM sessions WHERE id = $1", ada.session)
        for _ in range(2):
            with pytest.raises(ReplyError) as refused:
                await ada.client.reply(1)
            assert refused.value.kind == "cancelled"
        assert (await ada.client.closed())[0] == 4401


async def test_a_session_lists_where_one_is_signed_in(server: Running, ada: Someone) -> None:
    async with server.connect(user_agent_header="Game/1.0") as second:
        made = await signed_in(second, ada)
        sessions = (await second.call("session.list"))["sessions"]
        by_id = {each["id"]: each for each in sessions}
        assert by_id.keys() == {ada.session, made["session"]["id"]}
        here, there = by_id[made["session"]["id"]], by_id[ada.session]
        assert (here["current"], there["current"]) == (True, False)
        assert (here["online"], there["online"]) == (True, True)
        assert (here["client"], here["address"]) == ("Game/1.0", "127.0.0.1")
        assert all(each["user"] == ada.id and each.keys() == SESSION for each in sessions)


async def test_anothers_sessions_are_for_admins(
    ada: Someone, grace: Someone, admin: Someone
) -> None:
    assert await kind_of(ada, "session.list", user=grace.id) == (403, "forbidden", None)
    assert (await kind_of(ada, "session.delete", id=grace.session))[:2] == (404, "not_found")
    assert (await kind_of(ada, "session.delete", id=NOBODY))[:2] == (404, "not_found")
    (listed,) = (await admin.client.call("session.list", user=grace.id))["sessions"]
    assert (listed["id"], listed["current"]) == (grace.session, False)
    assert await ada.client.call("session.list", user=ada.id) == await ada.client.call(
        "session.list"
    )
    assert await admin.client.call("session.delete", id=grace.session) == {}
    async with soon():
        await assert_ended(grace.client)


async def test_ending_ones_own_session_answers_then_closes(server: Running, ada: Someone) -> None:
    assert await ada.client.call("session.delete") == {}
    await assert_ended(ada.client)
    async with server.connect() as client:
        with pytest.raises(ReplyError) as refused:
            await client.call("session.resume", token=ada.token)
        assert refused.value.code == 401


async def test_ending_another_session_closes_its_sockets_and_not_this_one(
    server: Running, ada: Someone
) -> None:
    async with server.connect() as second, server.connect() as third:
        made = await signed_in(second, ada)
        await third.call("session.resume", token=made["token"])
        assert await ada.client.call("session.delete", id=made["session"]["id"]) == {}
        async with soon():
            await assert_ended(second)
            await assert_ended(third)
    assert len((await ada.client.call("session.list"))["sessions"]) == 1


async def test_a_session_ended_on_another_worker_closes_its_sockets_here(
    dsn: str, ada: Someone
) -> None:
    async with process(dsn) as other, other.connect() as elsewhere:
        await signed_in(elsewhere, ada)
        assert await elsewhere.call("session.delete", id=ada.session) == {}
        async with soon():
            await assert_ended(ada.client)


async def test_another_worker_knows_who_is_online(dsn: str, ada: Someone) -> None:
    async with process(dsn) as other, other.connect(ada.token) as elsewhere:
        made = await signed_in(elsewhere, ada)
        async with soon():
            while True:
                sessions = (await ada.client.call("session.list"))["sessions"]
                online = {each["id"]: each["online"] for each in sessions}
                if online == {ada.session: True, made["session"]["id"]: True}:
                    break


async def test_a_new_password_ends_the_other_sessions(server: Running, ada: Someone) -> None:
    async with server.connect() as second, server.connect() as third:
        await signed_in(second, ada)
        await third.call("session.resume", token=ada.token)
        changed = await ada.client.call("user.set_password", current=PASSWORD, new=NEW)
        assert changed.keys() == {"position"}
        async with soon():
            await assert_ended(second)
        for client in (ada.client, third):
            assert (await client.call("user.get", id=ada.id))["user"].keys() == OWN
    assert len((await ada.client.call("session.list"))["sessions"]) == 1
    params = {"email": ada.email, "password": PASSWORD}
    assert (await kind_of(ada, "session.create", **params))[:2] == (401, "bad_credentials")
    await ada.client.call("session.create", email=ada.email, password=NEW)


async def test_a_password_is_changed_by_who_knows_it_and_must_be_long(ada: Someone) -> None:
    wrong = await kind_of(ada, "user.set_password", current="wrong", new=NEW)
    assert wrong[:2] == (401, "bad_credentials")
    weak = await kind_of(ada, "user.set_password", current=PASSWORD, new="short")
    assert weak[:2] == (422, "weak_password")
    new = {"email": "weak@example.org", "full_name": "x", "password": "short"}
    assert (await kind_of(ada, "user.create", **new))[:2] == (422, "weak_password")
    await ada.client.call("session.create", email=ada.email, password=PASSWORD)


async def test_a_user_deleted_by_psql_is_signed_out(ada: Someone, dsn: str) -> None:
    async with database(dsn) as psql:
        await psql.execute("DELETE FROM users WHERE id = $1", ada.id)
    async with soon():
        await assert_ended(ada.client)


async def test_no_reply_holds_a_password_or_a_token_but_as_token(
    server: Running, ada: Someone, admin: Someone
) -> None:
    async with server.connect(ada.token) as client:
        sent: dict[str, dict[str, Any]] = {
            "user.get": {"id": ada.id},
            "user.list": {},
            "user.update": {"set": {"status": "x"}},
            "user.set_password": {"current": PASSWORD, "new": NEW},
            "session.resume": {"token": ada.token},
            "session.list": {},
            "system.info": {},
            "rpc.discover": {},
        }
        replies = [str(await client.call(method, **params)) for method, params in sent.items()]
        replies.append(str(await admin.client.call("session.list", user=ada.id)))
        replies.append(str(await admin.client.call("user.list", where={"id": ada.id})))
        replies.append(str(await client.call("session.renew") | {"token": ""}))
        made = await client.call("session.create", email=ada.email, password=NEW)
        replies.append(str(made | {"token": ""}))
        for method, params in (
            ("session.create", {"email": ada.email, "password": PASSWORD}),
            ("session.resume", {"token": ada.token}),
            ("user.set_password", {"current": PASSWORD, "new": NEW}),
        ):
            with pytest.raises(ReplyError) as refused:
                await client.call(method, **params)
            replies.append(f"{refused.value.message} {refused.value.data}")
    for reply in replies:
        for secret in (PASSWORD, NEW, ada.token, made["token"], "argon2"):
            assert secret not in reply
