"""Rights of this moment in the corners that the oracle found: between a read and what is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from server.calls.connection import Connections
from server.calls.following import Following
from server.changes.feed import Feed
from server.database.engine import Database
from server.resources import subscribing
from server.resources.resource import Resource
from server.resources.sessions import rows as session_rows
from server.resources.sessions.rights import Rights
from server.sockets import endpoint
from tests.changes.test_oracle_findings import Gate, is_admin
from tests.conftest import Running, Someone, database, serving, settings_for, sign_up


async def boss_of(socket: Any, psql: Any) -> Someone:
    boss = await sign_up(socket, full_name="Boss")
    await psql.execute("UPDATE users SET role = 'admin' WHERE id = $1", boss.id)
    await socket.call("session.resume", token=boss.token)
    return boss


async def add(psql: Any, name: str, count: int) -> None:
    await psql.execute(
        "INSERT INTO users (email, full_name) SELECT gen_random_uuid()::text || '@x.org', $1"
        " FROM generate_series(1, $2)",
        name,
        count,
    )


async def test_a_part_of_a_long_snapshot_has_the_rights_of_its_moment(
    server: Running, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server.connect() as socket, database(dsn) as psql:
        boss = await boss_of(socket, psql)
        await add(psql, "parts", 3)
        part_gate, part = Gate(), subscribing.Parts.part
        feed_gate, read = Gate(), Feed._read

        async def held(self: subscribing.Parts, topic: Any) -> bool:
            await part_gate.wait()
            return await part(self, topic)

        async def stopped(self: Feed, head: Any, *, sure: bool) -> bool:
            if not sure:  # by the clock; who waits for it is served
                await feed_gate.wait()
            return await read(self, head, sure=sure)

        monkeypatch.setattr(subscribing.Parts, "part", held)
        asked = {"where": {"full_name": "parts"}, "limit": 1}
        assert (await socket.call("user.subscribe", **asked))["more"]
        await part_gate.reached.wait()
        monkeypatch.setattr(Feed, "_read", stopped)
        await feed_gate.reached.wait()
        await psql.execute("UPDATE users SET role = 'player' WHERE id = $1", boss.id)
        await psql.execute("UPDATE users SET email = 'secret-' || id WHERE full_name = 'parts'")
        part_gate.opened.set()
        feed_gate.opened.set()
        assert (await socket.notification("subscription.closed"))["reason"] == "rights_changed"
        assert "secret" not in repr(socket.others)


async def test_who_signs_in_with_the_role_of_before_is_not_subscribed_with_it(
    server: Running, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server.connect() as socket, database(dsn) as psql:
        boss = await boss_of(socket, psql)
        await add(psql, "late", 1)
        found, find = Gate(), session_rows.find_by_token
        looked, look_up = Gate(), Rights.look_up

        async def slow(*arguments: Any) -> Any:
            caller = await find(*arguments)
            await found.wait()
            return caller

        async def later(self: Rights) -> None:
            await looked.wait()
            await look_up(self)

        monkeypatch.setattr(endpoint, "find_by_token", slow)
        door = server.connect(boss.token)
        opening = asyncio.create_task(door.__aenter__())
        await found.reached.wait()
        await psql.execute("UPDATE users SET role = 'player' WHERE id = $1", boss.id)
        while is_admin(server, boss.id):  # the first socket has been told
            await socket.call("rpc.ping")
        monkeypatch.setattr(Rights, "look_up", later)
        found.opened.set()
        late = await opening
        await late.push("user.subscribe", "early", where={"full_name": "late"})
        await looked.reached.wait()
        assert "position" in await late.call("rpc.ping")
        assert late.others == []
        looked.opened.set()
        reply = await late.reply("early")
        assert "email" not in reply["users"][0]
        await door.__aexit__(None, None, None)


async def test_a_reply_that_grows_while_it_is_made_comes_in_parts(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(dsn, max_reply_bytes=20_000)
    async with serving(settings) as server, database(dsn) as psql, server.connect() as socket:
        await sign_up(socket)
        snapshot = Resource.snapshot

        async def then_more(self: Any, *arguments: Any) -> Any:
            found = await snapshot(self, *arguments)
            await psql.execute(
                "UPDATE users SET profile = jsonb_build_object('p', repeat('p', 7000))"
                " WHERE full_name = 'grows'"
            )
            return found

        await add(psql, "grows", 4)
        monkeypatch.setattr(Resource, "snapshot", then_more)
        reply = await socket.call("user.subscribe", where={"full_name": "grows"})
        assert (reply["more"], reply["position"]) == (True, None)
        rows = {row["id"]: row["profile"] for row in reply["users"]}
        while (told := await socket.notification("user.changed"))["position"] is None:
            rows |= {each["id"]: each["set"]["profile"] for each in told["changes"]}
        rows |= {each["id"]: each["set"]["profile"] for each in told["changes"]}
        assert list(rows.values()) == [{"p": "p" * 7000}] * 4


async def test_a_session_that_expires_while_somebody_signs_in_with_it_stays_expired(
    server: Running, ada: Someone, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, fetchrow = Gate(), Database.fetchrow

    async def held(self: Database, sql: str, *arguments: Any) -> Any:
        if sql == session_rows.TOUCH:
            await gate.wait()
        return await fetchrow(self, sql, *arguments)

    async with server.connect() as client, database(dsn) as psql:
        monkeypatch.setattr(Database, "fetchrow", held)
        await client.push("session.resume", 1, token=ada.token)
        await gate.reached.wait()
        await psql.execute("UPDATE sessions SET expires_at = now() WHERE id = $1", ada.session)
        gate.opened.set()
        assert await client.notification("session.ended") == {"reason": "expired"}
        still = "SELECT expires_at > now() FROM sessions WHERE id = $1"
        assert not await psql.fetchval(still, ada.session)


async def test_neither_signing_in_nor_a_role_in_a_profile_is_a_look_at_everybody(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    walked = []
    sessions = Connections.sessions

    def counted(self: Connections) -> Iterator[UUID]:
        walked.append(self)
        return sessions(self)

    async with serving(settings_for(dsn)) as server, server.connect() as socket:
        ada = await sign_up(socket)
        monkeypatch.setattr(Connections, "sessions", counted)
        for _ in range(3):
            async with server.connect(ada.token):
                await server.services.use(Rights).known(UUID(ada.session))
        assert not walked
        for role in ("mage", "knight"):
            await socket.call("user.update", set={"profile": {"role": role}})
        assert not walked
        async with database(dsn) as psql:
            await psql.execute("UPDATE users SET role = 'admin' WHERE id = $1", ada.id)
        while not is_admin(server, ada.id):
            await socket.call("rpc.ping")
        assert walked


async def test_of_a_batch_too_the_reply_comes_before_subscription_closed(
    server: Running, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server.connect() as socket, database(dsn) as psql:
        boss = await boss_of(socket, psql)
        gate, sync = Gate(), Following.sync

        async def held(self: Following) -> Any:
            await gate.wait()
            return await sync(self)

        monkeypatch.setattr(Following, "sync", held)
        subscribe = {"jsonrpc": "2.0", "id": 1, "method": "user.subscribe", "params": {"where": {}}}
        await socket.send([subscribe, {"jsonrpc": "2.0", "id": 2, "method": "subscription.sync"}])
        await gate.reached.wait()
        await psql.execute("UPDATE users SET role = 'player' WHERE id = $1", boss.id)
        while is_admin(server, boss.id):
            async with server.connect() as other:
                await other.call("rpc.ping")
        gate.opened.set()
        replies = await socket.receive_new()
        assert [each["id"] for each in replies] == [1, 2]
        closed = await socket.receive_new()
        assert closed["params"]["reason"] == "rights_changed"
        assert closed["params"]["subscription"] == replies[0]["result"]["subscription"]
