"""Nothing is left behind, whatever ends."""

from __future__ import annotations

import asyncio
import sys

import pytest
from people import Connect, reaches, tasks_left
from tests.faults.line import Line

from tests.conftest import Running
from victoryvault_client import CallError, Connection

QUIET = """
import asyncio
from victoryvault_client import Connection

async def main():
    connection = Connection({url!r})
    users = connection.subscribe("user")
    await connection.call("rpc.ping")
    asyncio.gather(connection.call("rpc.ping"), anext(aiter(users)), return_exceptions=True)
    {ending}

asyncio.run(main())
"""


@pytest.mark.parametrize("ending", ["pass", "await connection.close()"])
async def test_a_program_that_just_ends_is_quiet(server: Running, ending: str) -> None:
    text = QUIET.format(url=server.rpc, ending=ending)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-W", "error", "-c", text),
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, said.decode()) == (0, "")


async def test_a_call_that_is_cancelled_frees_its_place(connect: Connect, line: Line) -> None:
    connection = await connect(line.url)
    line.stall()
    call = asyncio.ensure_future(connection.call("rpc.ping"))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    line.cut()
    assert await connection.call("rpc.ping")


async def test_what_fails_in_the_block_comes_out_of_it(server: Running) -> None:
    connection = Connection(server.rpc)

    async def fail() -> None:
        async with connection:
            await connection.call("rpc.ping")
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert not tasks_left()
    assert connection.state == "closed"


async def test_closing_ends_a_handshake_that_nobody_answers() -> None:
    came = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with Connection(f"ws://127.0.0.1:{port}/rpc") as connection:
            call = asyncio.ensure_future(connection.call("rpc.ping"))
            await came.wait()
        assert not [each for each in tasks_left() if each is not call]
        with pytest.raises(CallError) as closed:
            await call
    assert closed.value.kind == "connection_closed"


async def test_closing_a_dead_line_takes_no_longer_than_a_goodbye(
    connect: Connect, line: Line
) -> None:
    connection = await connect(line.url)
    line.stall()
    await asyncio.wait_for(connection.close(), 5)


async def test_a_closed_connection_opens_anew(connect: Connect) -> None:
    connection = await connect()
    await connection.close()
    with pytest.raises(CallError):
        await connection.call("rpc.ping")
    connection.open()
    assert (await connection.call("session.list"))["sessions"]


async def test_an_address_that_is_none_closes_it() -> None:
    async with Connection("http://127.0.0.1/rpc") as connection:
        await reaches(connection, "closed")
        with pytest.raises(CallError) as closed:
            await connection.call("rpc.ping")
    assert closed.value.kind == "connection_closed"
