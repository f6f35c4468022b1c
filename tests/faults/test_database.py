"""The database goes away, stands still, or keeps its answer: calls say so, nothing is doubled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import httpx
import pytest

from server.database import engine, transactions
from server.database.engine import Database, Engine
from tests.client import PATIENCE, ReplyError
from tests.conftest import PASSWORD, Running, database, serving, settings_for, sign_up, unique_email
from tests.faults.proxy import Proxy, proxied
from tests.process import process


class Faulty(NamedTuple):
    server: Running
    proxy: Proxy


@pytest.fixture
async def faulty(dsn: str) -> AsyncIterator[Faulty]:
    """A server that reaches its database through a proxy."""
    async with (
        proxied(dsn) as proxy,
        serving(settings_for(proxy.dsn, call_timeout_seconds=1)) as server,
    ):
        yield Faulty(server, proxy)


async def status(server: Running, path: str) -> int:
    async with httpx.AsyncClient() as http:
        return (await http.get(f"{server.url}{path}")).status_code


async def until_ready(server: Running, expected: int = 200) -> None:
    async with asyncio.timeout(15):
        while await status(server, "/ready") != expected:  # noqa: ASYNC110 - each turn asks again
            await asyncio.sleep(0.01)


async def test_without_a_database_calls_answer_503_at_once_and_sockets_stay(faulty: Faulty) -> None:
    server, proxy = faulty
    async with server.connect() as client:
        someone = await sign_up(client)
        proxy.cut()
        for _ in range(20):
            async with asyncio.timeout(1):
                with pytest.raises(ReplyError) as refused:
                    await client.call("user.get", id=someone.id)
            assert (refused.value.code, refused.value.kind) == (503, "unavailable")
        for method, params in (
            ("user.update", {"set": {"status": "x"}}),
            ("user.list", {}),
            ("session.create", {"email": someone.email, "password": PASSWORD}),
            ("session.resume", {"token": someone.token}),
        ):
            async with asyncio.timeout(1):
                with pytest.raises(ReplyError) as refused:
                    await client.call(method, **params)
            assert refused.value.kind == "unavailable"
        assert "position" in await client.call("rpc.ping")
        assert await status(server, "/health") == 200
        await until_ready(server, 503)


async def test_all_heals_by_itself_when_the_database_is_back(faulty: Faulty) -> None:
    server, proxy = faulty
    async with server.connect() as client:
        someone = await sign_up(client)
        proxy.cut()
        with pytest.raises(ReplyError):
            await client.call("user.get", id=someone.id)
        proxy.heal()
        await until_ready(server)
        assert (await client.call("user.get", id=someone.id))["user"]["id"] == someone.id
        updated = await client.call("user.update", set={"status": "back"})
        assert updated["user"]["status"] == "back"


async def test_a_database_that_stands_still_costs_a_call_its_time_and_no_other_anything(
    faulty: Faulty,
) -> None:
    server, proxy = faulty
    async with server.connect() as client:
        await sign_up(client)
        proxy.stall()
        await client.push("user.list", 900)
        assert "position" in await client.call("rpc.ping")
        with pytest.raises(ReplyError) as refused:
            await client.reply(900)
        assert (refused.value.code, refused.value.kind) == (504, "timeout")


@pytest.mark.parametrize(
    "fetch", [Database.fetch, lambda database, sql: database.engine.run_ddl(sql)]
)
async def test_a_database_that_stands_still_within_a_transaction_keeps_no_connection(
    short: tuple[Database, Proxy], fetch: Callable[[Database, str], Awaitable[Any]]
) -> None:
    database, proxy = short
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(TimeoutError):  # noqa: PT012 - it stands still after BEGIN
            async with database.transaction():
                proxy.stall()
                await fetch(database, "SELECT 1")
        proxy.flowing.set()
        assert await database.fetchrow("SELECT 1")


async def test_who_gets_no_connection_for_a_transaction_does_not_wait_for_ever(
    short: tuple[Database, Proxy],
) -> None:
    database, _proxy = short
    pool: Any = database.engine.pool
    async with asyncio.timeout(PATIENCE), pool.acquire():
        with pytest.raises(TimeoutError):
            async with database.transaction():
                pass
    async with database.transaction():
        assert await database.fetchrow("SELECT 1")


@pytest.fixture
async def short(dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Database, Proxy]]:
    """One connection, whose statements are short."""
    for module in (engine, transactions):
        monkeypatch.setattr(module, "STATEMENT_SECONDS", 0.5)
    async with proxied(dsn) as proxy:
        opened = Database(Engine(proxy.dsn), 1, commit_seconds=1)
        await opened.open()
        yield opened, proxy
        await opened.close()


@pytest.mark.parametrize("line", ["cut", "stalled"])
async def test_a_write_whose_commit_got_no_answer_is_done_once_when_repeated(
    faulty: Faulty, dsn: str, line: str
) -> None:
    server, proxy = faulty
    async with server.connect() as client:
        someone = await sign_up(client)
        call = {"set": {"status": "once"}, "retry_key": "in doubt"}
        proxy.lose_commit("once", proxy.cut if line == "cut" else lambda: None)
        with pytest.raises(ReplyError) as refused:
            await client.call("user.update", **call)
        assert refused.value.kind == "unavailable"
        assert "retry_key" in refused.value.message
        proxy.heal()
        await until_ready(server)
        repeated = await client.call("user.update", **call)
        assert repeated["user"]["version"] == 2
        async with database(dsn) as connection:
            row = await connection.fetchrow("SELECT * FROM users WHERE id = $1", someone.id)
        assert (row["status"], row["version"]) == ("once", 2)


async def test_an_account_whose_creation_is_in_doubt_is_created_once_with_a_valid_token(
    faulty: Faulty,
) -> None:
    server, proxy = faulty
    account = {
        "email": unique_email(),
        "full_name": "Ada",
        "password": PASSWORD,
        "retry_key": "create",
    }
    async with server.connect() as client:
        proxy.lose_commit(account["email"], proxy.cut)
        with pytest.raises(ReplyError):
            await client.call("user.create", **account)
    proxy.heal()
    await until_ready(server)
    async with server.connect() as client:
        created = await client.call("user.create", **account)
        own = await client.call("user.get", id=created["user"]["id"])
        assert own["user"]["email"] == account["email"]
    async with server.connect(created["token"]) as client:
        assert len((await client.call("session.list"))["sessions"]) == 1


async def test_a_write_is_done_once_when_the_server_is_killed_between_commit_and_reply(
    dsn: str,
) -> None:
    call: dict[str, Any] = {"set": {"status": "once"}, "retry_key": "killed"}
    async with proxied(dsn) as proxy:
        async with process(proxy.dsn) as killed, killed.connect() as client:
            someone = await sign_up(client)
            proxy.lose_commit("once", killed.kill)
            await client.push("user.update", 1, **call)
            assert await killed.ended() == -9
            assert (await client.closed())[0] == 1006
        async with process(dsn) as server, server.connect(someone.token) as client:
            repeated = await client.call("user.update", **call)
    assert repeated["user"]["version"] == 2
    assert repeated["user"]["status"] == "once"


async def test_the_log_has_the_trace_and_nothing_that_is_secret(dsn: str) -> None:
    async with process(dsn, VICTORYVAULT_LOG_LEVEL="debug") as server:
        async with database(dsn) as connection:
            await connection.execute(
                "ALTER TABLE users ADD CONSTRAINT no_eve CHECK (full_name <> 'Eve')"
            )
        async with server.connect() as client:
            someone = await sign_up(client)
            with pytest.raises(ReplyError) as refused:
                await sign_up(client, full_name="Eve", email=f"eve-{someone.email}")
            with pytest.raises(ReplyError):
                await client.call("session.create", email=someone.email, password="wrong password")
        assert refused.value.code == -32603
        assert refused.value.data.keys() == {"kind", "trace"}
    async with database(dsn) as connection:
        await connection.execute("ALTER TABLE users DROP CONSTRAINT no_eve")
    log = "".join(server.log)
    assert refused.value.data["trace"] in log
    for secret in (someone.email, someone.token, PASSWORD, "wrong password", "Eve"):
        assert secret not in log
