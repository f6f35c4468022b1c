"""Who is online: on real sockets, at two workers, and when one of them is killed."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from server.database.engine import Database
from server.resources.presence import attendance, rows
from server.resources.presence.attendance import Attendance
from server.resources.sessions.rows import hashed
from tests.client import Client
from tests.conftest import PASSWORD, Running, Someone, database, serving, settings_for, sign_up
from tests.process import process


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less grace for the worker in this process."""
    monkeypatch.setattr(attendance, "GRACE_SECONDS", 0.3)


@pytest.fixture
async def psql(dsn: str) -> AsyncIterator[Any]:
    async with database(dsn) as connection:
        yield connection


async def follow(client: Client, **params: Any) -> dict[str, Any]:
    found: dict[str, Any] = await client.call("presence.subscribe", **params)
    return found


async def told(client: Client) -> Any:
    (change,) = (await client.notification("presence.changed"))["changes"]
    return change


async def comes(client: Client, user: str) -> Any:
    """Until the user is told to be online; nothing else is told before."""
    change = await told(client)
    assert (change["op"], change["id"], change["set"]["online"]) == ("enter", user, True)
    return change


async def heard_nothing(client: Client) -> bool:
    await client.call("subscription.sync")
    return all(each.get("method") != "presence.changed" for each in client.others)


async def idle(server: Running, client: Client) -> None:
    """Until the worker has written whoever came, and no grace is left."""
    attending = server.services.use(Attendance)
    while attending.leaving or attending.coming:
        await client.call("rpc.ping")


@pytest.fixture
async def visitor(server: Running, ada: Someone) -> Someone:
    """Has been online, and is not."""
    async with server.connect() as socket:
        someone = await sign_up(socket)
        followed = await follow(ada.client, where={"id": someone.id})
        if not followed["presence"]:
            await comes(ada.client, someone.id)
    change = await told(ada.client)
    assert (change["op"], change["set"]["online"]) == ("change", False)
    await ada.client.call("subscription.close", subscription=followed["subscription"])
    return someone


async def test_ones_own_coming_is_told(server: Running) -> None:
    async with server.connect() as socket:
        someone = await sign_up(socket)
        followed = await follow(socket, where={"id": someone.id})
        row = followed["presence"][0] if followed["presence"] else await comes(socket, someone.id)
        assert row["version"] == 1
        (listed,) = (await socket.call("presence.list", where={"id": someone.id}))["presence"]
        assert listed.keys() == {"id", "online", "last_seen", "version"}
        assert (listed["id"], listed["online"]) == (someone.id, True)


async def test_the_first_socket_comes_and_the_last_goes(
    server: Running, ada: Someone, visitor: Someone
) -> None:
    (before,) = (await follow(ada.client, where={"id": visitor.id}))["presence"]
    assert not before["online"]
    async with server.connect(visitor.token):
        came = await told(ada.client)
        assert (came["op"], came["set"]["online"]) == ("change", True)
        assert came["set"]["last_seen"] > before["last_seen"]
        async with server.connect() as second:
            await second.call("session.create", email=visitor.email, password=PASSWORD)
            await second.call("rpc.ping")
        await idle(server, ada.client)
        assert await heard_nothing(ada.client)
    went = await told(ada.client)
    assert (went["op"], went["set"]["online"]) == ("change", False)
    assert went["version"] == came["version"] + 1 == before["version"] + 2
    assert went["set"]["last_seen"] > came["set"]["last_seen"]


async def test_who_is_online_enters_and_leaves(
    server: Running, ada: Someone, visitor: Someone
) -> None:
    where = {"all": [{"online": True}, {"id": visitor.id}]}
    assert (await follow(ada.client, where=where))["presence"] == []
    async with server.connect(visitor.token):
        await comes(ada.client, visitor.id)
    change = await told(ada.client)
    assert (change["op"], change["id"], change["reason"]) == ("leave", visitor.id, "filter")


@pytest.mark.parametrize("again", ["session.resume", "session.create"])
async def test_a_reload_within_the_grace_writes_and_tells_nothing(
    server: Running,
    ada: Someone,
    visitor: Someone,
    again: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await follow(ada.client, where={"id": visitor.id})
    attending = server.services.use(Attendance)
    async with server.connect(visitor.token):
        await told(ada.client)
        monkeypatch.setattr(attendance, "GRACE_SECONDS", 60.0)
    while not attending.leaving:
        await ada.client.call("rpc.ping")
    for _ in range(2):  # it has written all that was to be written since
        await beats_again(attending, ada.client, monkeypatch)
    monkeypatch.setattr(attendance, "GRACE_SECONDS", 0.3)
    async with server.connect() as socket:
        if again == "session.resume":
            await socket.call(again, token=visitor.token)
            assert not attending.leaving
            assert not attending.coming
        else:
            await socket.call(again, email=visitor.email, password=PASSWORD)
            while attending.coming:
                await ada.client.call("rpc.ping")
            for session in attending.leaving:
                attending.leaving[session] = 0.0  # the grace of the first is over
            await idle(server, ada.client)
        assert await heard_nothing(ada.client)
    assert (await told(ada.client))["set"]["online"] is False


async def test_a_deleted_user_leaves(server: Running, ada: Someone, visitor: Someone) -> None:
    await follow(ada.client, where={"id": visitor.id})
    async with server.connect(visitor.token) as socket:
        await told(ada.client)
        await socket.call("user.delete")
        change = await told(ada.client)
        assert (change["op"], change["id"], change["reason"]) == ("leave", visitor.id, "deleted")
    await idle(server, ada.client)
    assert await heard_nothing(ada.client)


async def test_a_session_that_is_ended_takes_its_user_offline(
    server: Running, ada: Someone, visitor: Someone
) -> None:
    await follow(ada.client, where={"id": visitor.id})
    async with server.connect(visitor.token) as socket:
        await told(ada.client)
        await socket.call("session.delete")
        assert (await socket.closed())[0] == 4401
        assert (await told(ada.client))["set"]["online"] is False


async def test_a_resume_tells_what_one_missed(
    server: Running, ada: Someone, visitor: Someone
) -> None:
    followed = await follow(ada.client, where={"id": visitor.id})
    async with server.connect(visitor.token):
        await told(ada.client)
        await ada.client.call("subscription.close", subscription=followed["subscription"])
        resumed = await follow(ada.client, where={"id": visitor.id}, after=followed["position"])
        (change,) = resumed["changes"]
        assert (resumed["reset"], change["op"], change["set"]["online"]) == (False, "change", True)


async def test_a_signed_in_socket_that_signs_in_as_another_goes_and_comes(
    server: Running, ada: Someone, grace: Someone, visitor: Someone
) -> None:
    await follow(ada.client, where={"id": visitor.id})
    async with server.connect(visitor.token) as socket:
        await told(ada.client)
        await socket.call("session.resume", token=grace.token)
        assert (await told(ada.client))["set"]["online"] is False


async def test_a_list_is_in_order_of_id_or_as_asked(ada: Someone, visitor: Someone) -> None:
    ids = [row["id"] for row in (await ada.client.call("presence.list"))["presence"]]
    assert visitor.id in ids
    assert ids == sorted(ids)
    page = await ada.client.call("presence.list", order_by=["-last_seen"], limit=1)
    assert page["presence"][0]["id"] == visitor.id
    where = {"last_seen": {"gte": page["presence"][0]["last_seen"]}, "version": {"gte": 2}}
    found = (await ada.client.call("presence.list", where=where))["presence"]
    assert [row["id"] for row in found] == [visitor.id]


async def test_a_session_is_online_as_its_user_is(server: Running, ada: Someone, psql: Any) -> None:
    async with server.connect() as second:
        await second.call("session.create", email=ada.email, password=PASSWORD)
        await idle(server, ada.client)
        sessions = (await ada.client.call("session.list"))["sessions"]
        assert [each["online"] for each in sessions] == [True, True]
    online = [True, True]
    while online != [False, True]:
        sessions = (await ada.client.call("session.list"))["sessions"]
        online = [each["online"] for each in sessions]
    assert await psql.fetchval("SELECT online FROM presence WHERE id = $1", ada.id)


async def test_the_last_of_two_workers_takes_the_user_offline(
    server: Running, dsn: str, ada: Someone, visitor: Someone
) -> None:
    """By one session, as of two tabs, which two workers hold."""
    await follow(ada.client, where={"id": visitor.id})
    async with process(dsn) as other:
        async with server.connect(visitor.token):
            assert (await told(ada.client))["set"]["online"] is True
            async with other.connect(visitor.token) as elsewhere:
                where = {"id": visitor.id, "online": True}
                assert (await follow(elsewhere, where=where))["presence"]
                await until_attended(dsn, visitor.session, workers=2)
            await until_attended(dsn, visitor.session, workers=1)
            assert await heard_nothing(ada.client)
            async with other.connect(visitor.token):
                await until_attended(dsn, visitor.session, workers=2)
        assert (await told(ada.client))["set"]["online"] is False


async def until_attended(dsn: str, session: str, *, workers: int) -> None:
    async with database(dsn) as psql, asyncio.timeout(10):
        count = "SELECT count(*) FROM attendances WHERE session = $1"
        while await psql.fetchval(count, session) != workers:
            pass


async def test_users_of_a_killed_worker_are_offline_when_its_time_is_over(
    server: Running,
    dsn: str,
    psql: Any,
    ada: Someone,
    visitor: Someone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await follow(ada.client, where={"id": visitor.id})
    async with process(dsn) as other, other.connect(visitor.token):
        assert (await told(ada.client))["set"]["online"] is True
        other.kill()
        await other.ended()
        mine = server.services.use(Attendance)
        await beats_again(mine, ada.client, monkeypatch)
        assert await heard_nothing(ada.client)
        await psql.execute("UPDATE workers SET until = now() WHERE id <> $1", mine.worker)
        assert (await told(ada.client))["set"]["online"] is False
    assert await psql.fetchval("SELECT count(*) FROM workers") == 1
    others = "SELECT count(*) FROM attendances WHERE worker <> $1"
    assert await psql.fetchval(others, mine.worker) == 0


async def beats_again(
    attending: Attendance, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From now on it beats as often as it can."""
    monkeypatch.setattr(attendance, "BEAT_SECONDS", 0.1)
    before = attending.beat_at
    attending._wake.set()
    async with asyncio.timeout(10):
        while attending.beat_at == before:
            await client.call("rpc.ping")


async def test_a_worker_that_stops_leaves_its_users_the_grace_to_come_back_elsewhere(
    server: Running,
    dsn: str,
    psql: Any,
    ada: Someone,
    visitor: Someone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await follow(ada.client, where={"id": visitor.id})
    async with process(dsn) as other, other.connect(visitor.token):
        assert (await told(ada.client))["set"]["online"] is True
        assert await other.stop() == 0
    left = await psql.fetchval(
        "SELECT until - now() < interval '4 s' FROM workers WHERE id <> $1",
        server.services.use(Attendance).worker,
    )
    assert left
    async with server.connect(visitor.token):
        await until_attended(dsn, visitor.session, workers=2)
        await beats_again(server.services.use(Attendance), ada.client, monkeypatch)
        await until_attended(dsn, visitor.session, workers=1)
        assert await heard_nothing(ada.client)
    assert (await told(ada.client))["set"]["online"] is False


async def test_a_worker_that_was_taken_for_dead_says_again_who_is_there(
    server: Running, psql: Any, ada: Someone, visitor: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    await follow(ada.client, where={"id": visitor.id})
    async with server.connect(visitor.token):
        assert (await told(ada.client))["set"]["online"] is True
        await psql.execute("UPDATE workers SET until = now() - interval '1 s'")
        await rows.bury(server.services.use(Database))
        assert (await told(ada.client))["set"]["online"] is False
        await beats_again(server.services.use(Attendance), ada.client, monkeypatch)
        assert (await told(ada.client))["set"]["online"] is True


async def test_going_waits_for_who_comes_at_another_worker(
    server: Running, dsn: str, psql: Any, ada: Someone, visitor: Someone
) -> None:
    """Another worker holds the row while it says that the user has come; then the last one here
    goes, who began to look before that was committed."""
    await follow(ada.client, where={"id": visitor.id})
    other = "01900000-0000-7000-8000-000000000001"
    await psql.execute("INSERT INTO workers VALUES ($1, now() + interval '1 hour')", other)
    async with server.connect(visitor.token):
        assert (await told(ada.client))["set"]["online"] is True
        coming = psql.transaction()
        await coming.start()
        await psql.execute(rows.COME, [visitor.id])
        await psql.execute(rows.ATTEND, other, [visitor.session], [visitor.id])
    async with database(dsn) as second, asyncio.timeout(10):
        while not await second.fetchval(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        ):
            pass
    await coming.commit()
    await until_attended(dsn, visitor.session, workers=1)
    assert await heard_nothing(ada.client)
    await psql.execute("DELETE FROM workers WHERE id = $1", other)


async def test_five_hundred_at_once_are_a_few_transactions(dsn: str, psql: Any) -> None:
    settings = settings_for(dsn, sign_in_attempts_per_minute=0)
    people = await psql.fetch(
        "INSERT INTO users (email, full_name) SELECT gen_random_uuid()::text || '@x.org', 'Crowd'"
        " FROM generate_series(1, 500) RETURNING id"
    )
    async with serving(settings) as crowded, AsyncExitStack() as sockets:
        watcher = await sockets.enter_async_context(crowded.connect())
        await sign_up(watcher)
        await follow(watcher, where={"id": {"in": [str(each["id"]) for each in people]}})
        before = await psql.fetchval("SELECT max(sequence) FROM changes")
        tokens = [await token_of(psql, each["id"]) for each in people]
        await asyncio.gather(
            *(sockets.enter_async_context(crowded.connect(token)) for token in tokens)
        )
        seen: set[str] = set()
        while len(seen) < len(people):
            params = await watcher.notification("presence.changed")
            seen |= {each["id"] for each in params["changes"]}
        transactions = await psql.fetchval(
            "SELECT count(DISTINCT xid) FROM changes WHERE source = 'presence' AND sequence > $1",
            before,
        )
        assert transactions <= 20


async def token_of(psql: Any, user: Any) -> str:
    """Of a session that somebody else wrote."""
    token = secrets.token_urlsafe(32)
    await psql.execute(
        'INSERT INTO sessions ("user", token, expires_at, address, client)'
        " VALUES ($1, $2, now() + interval '1 day', '', '')",
        user,
        hashed(token),
    )
    return token
