"""Calls and sign-ins, on a line that breaks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from people import Connect, make_users, reaches, sign_up
from tests.faults.line import Line

from victoryvault_client import CallError, Connection

pytestmark = pytest.mark.usefixtures("soon")


async def test_a_call_is_answered_and_an_error_has_its_kind(connect: Connect) -> None:
    connection = await connect(token=None)
    assert connection.state == "idle"
    assert (await connection.call("system.info"))["name"] == "VictoryVault"
    with pytest.raises(CallError) as error:
        await connection.call("session.create", {"email": "none", "password": "x"})
    assert (error.value.code, error.value.kind) == (-32602, "invalid_params")
    assert error.value.data["path"] == "email"


async def test_a_sign_in_survives_the_line(connect: Connect, line: Line) -> None:
    connection = await connect(line.url)
    for _ in range(3):
        line.cut()
        await reaches(connection, "waiting")
        assert (await connection.call("session.list"))["sessions"][0]["current"]


async def test_a_renewed_session_survives_the_line(connect: Connect, line: Line) -> None:
    connection = await connect(line.url)
    tokens: list[str] = []
    connection.on("token", tokens.append)
    renewed = await connection.call("session.renew")
    assert tokens == [renewed["token"]]
    line.cut()
    assert len((await connection.call("session.list"))["sessions"]) == 1


async def test_a_write_that_is_in_doubt_is_repeated_and_written_once(
    connect: Connect, admin: Connection, line: Line, tag: str
) -> None:
    writer = Connection(line.url)
    async with writer:
        id_ = await sign_up(writer, tag)
        async with admin.subscribe("user", where={"id": id_}) as users:
            line.stall()  # the reply will not come
            write = asyncio.ensure_future(writer.call("user.update", {"set": {"status": "once"}}))
            async for _ in users:
                break
            line.cut()
            user = (await write)["user"]
            assert (user["version"], user["status"]) == (2, "once")
        assert (await admin.call("user.get", {"id": id_}))["user"]["version"] == 2


async def test_calls_wait_while_the_line_is_down_a_hundred_and_no_more(
    connect: Connect, line: Line
) -> None:
    connection = await connect(line.url)
    line.down()
    await reaches(connection, "waiting")
    calls = [asyncio.ensure_future(connection.call("rpc.ping")) for _ in range(100)]
    await asyncio.sleep(0)
    with pytest.raises(CallError) as full:
        await connection.call("rpc.ping")
    assert full.value.kind == "queue_full"
    line.up()
    assert len(await asyncio.gather(*calls)) == 100


@pytest.mark.parametrize("fault", ["stall", "half_open"])
async def test_the_watchdog_notices_a_line_that_is_dead(
    connect: Connect, line: Line, fault: str
) -> None:
    connection = await connect(line.url, silence=0.3, answer=0.3)
    getattr(line, fault)()
    await reaches(connection, "waiting")
    assert await connection.call("rpc.ping")


async def test_a_token_that_is_not_valid_is_asked_for_once_more(
    connect: Connect, admin: Connection
) -> None:
    other = Connection(admin.url)
    tokens: list[Any] = []
    other.on("token", tokens.append)
    async with other:
        await sign_up(other)
    tokens.insert(0, "not-valid")
    connection = await connect(token=lambda: tokens.pop(0))
    assert (await connection.call("session.list"))["sessions"]
    assert not tokens

    hopeless = await connect(token=lambda: "not-valid")
    with pytest.raises(CallError) as refused:
        await hopeless.call("session.list")
    assert (refused.value.code, refused.value.kind) == (401, "unauthenticated")
    assert hopeless.state == "closed"


async def test_a_session_that_is_ended_elsewhere_ends_the_connection(
    connect: Connect, admin: Connection
) -> None:
    connection = await connect()
    mine = (await connection.call("session.list"))["sessions"][0]
    await admin.call("session.delete", {"id": mine["id"]})
    await reaches(connection, "closed")
    with pytest.raises(CallError) as ended:
        await connection.call("rpc.ping")
    assert (ended.value.code, ended.value.kind) == (4401, "session_expired")
    connection.open()
    await sign_up(connection)


async def test_a_token_with_other_characters_reaches_no_header(connect: Connect) -> None:
    connection = await connect(token=lambda: "a\r\nHost: elsewhere")
    with pytest.raises(CallError) as refused:
        await connection.call("rpc.ping")
    assert refused.value.kind == "connection_closed"


async def test_a_fault_of_a_listener_harms_nobody(connect: Connect) -> None:
    connection = await connect(token=None)
    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    connection.on("state", lambda state: 1 / 0)
    try:
        assert await connection.call("rpc.ping")
    finally:
        asyncio.get_running_loop().set_exception_handler(None)
    assert isinstance(told[0]["exception"], ZeroDivisionError)


async def test_users_that_an_admin_makes_do_not_sign_it_out(admin: Connection, tag: str) -> None:
    await make_users(admin, tag, 1)
    sessions = (await admin.call("session.list"))["sessions"]
    assert len(sessions) == 1
