"""Why there is no connection is said, for people."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import pytest
from people import reaches

from tests.conftest import Running
from victoryvault_client import CallError, Connection

NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address where nobody listens, and nobody else will."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
async def another() -> AsyncIterator[str]:
    """The address of a server that is not ours."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(NOT_FOUND)
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def said(url: str) -> str:
    """What it says of an address where it cannot connect, after the words that are always there."""
    async with Connection(url) as connection:
        await reaches(connection, "waiting")
        assert connection.reason
        assert (connection.reason.code, connection.reason.kind) == (1006, "connection_lost")
        with pytest.raises(CallError) as late:
            await connection.call("rpc.ping", timeout=0.01)
        assert late.value.kind == "timeout"
        assert late.value.message == (
            f"rpc.ping had no answer within 0.01 s. {connection.reason.message}"
        )
        could_not, _, why = connection.reason.message.partition(": ")
        assert could_not == "The connection could not be opened"
        return why


async def test_nobody_listens_there(nobody: str) -> None:
    host, port = nobody.split(":")
    assert await said(f"ws://{nobody}/rpc") == f"Connection refused ({host!r}, {port})"


async def test_nobody_listens_at_any_of_its_addresses(
    nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(nobody.partition(":")[2])
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))
        for address in ("127.0.0.1", "127.0.0.2")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    why = await said("ws://vault.example/rpc")
    assert why == (
        f"Multiple exceptions: Connection refused ('127.0.0.1', {port}),"
        f" Connection refused ('127.0.0.2', {port})"
    )


async def test_another_path_is_named_by_the_server(server: Running) -> None:
    url = server.rpc.removesuffix("rpc")
    assert await said(url) == "the server answered 404: There is no socket here: connect to /rpc."


async def test_another_server_answers_there(another: str) -> None:
    assert await said(f"ws://{another}/rpc") == "the server answered 404: Not Found"


async def test_the_server_there_speaks_no_tls(server: Running) -> None:
    assert (await said(server.rpc.replace("ws:", "wss:"))).startswith("TLS failed: [SSL: ")


async def test_no_host_has_this_name() -> None:
    why = await said("ws://nowhere.invalid/rpc")
    assert "name" in why.lower()
    assert "Errno" not in why


async def test_a_call_says_that_the_connection_is_not_open_yet() -> None:
    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(hold, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Connection(f"ws://127.0.0.1:{port}/rpc") as connection:
            with pytest.raises(CallError) as late:
                await connection.call("rpc.ping", timeout=0.01)
    assert late.value.message == (
        "rpc.ping had no answer within 0.01 s. The connection is not open."
    )
