"""Who does not sign in, and who neither asks nor follows anything, where an operator minds; and who
is none of them."""

from __future__ import annotations

import asyncio

from tests.client import PATIENCE, Client
from tests.conftest import serving, settings_for, sign_up
from tests.sockets.raw import PING, connected


async def closed_with(client: Client) -> tuple[int | None, str | None]:
    async with asyncio.timeout(PATIENCE):
        await client.socket.wait_closed()
    return client.socket.close_code, client.socket.close_reason


async def test_a_socket_that_nobody_signs_in_on_is_closed(dsn: str) -> None:
    async with (
        serving(settings_for(dsn, sign_in_timeout_seconds=1)) as server,
        server.connect() as signed_in,
        server.connect() as anonymous,
    ):
        await sign_up(signed_in)
        assert await closed_with(anonymous) == (4401, "nobody signed in in time")
        await signed_in.call("rpc.ping")


async def test_a_socket_that_asks_and_follows_nothing_is_closed(dsn: str) -> None:
    async with (
        serving(settings_for(dsn, idle_timeout_seconds=1)) as server,
        server.connect() as follower,
        server.connect() as idle,
        server.connect() as asking,
    ):
        ada = await sign_up(follower)
        await follower.call("user.subscribe", where={"id": ada.id})
        while idle.socket.close_code is None:
            await asking.call("rpc.ping")
        assert await closed_with(idle) == (1001, "nothing was asked or followed for too long")
        await follower.call("rpc.ping")


async def test_a_socket_on_a_connection_that_was_used_before_is_kept(dsn: str) -> None:
    """As proxies use them. The first ping comes after the time that a handshake has."""
    short = {"handshake_timeout_seconds": 1, "ping_interval_seconds": 2}
    async with serving(settings_for(dsn, **short)) as server, connected(server.port) as raw:
        await raw.send(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        head = await raw.until(b"\r\n\r\n")
        await raw.exactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
        assert (await raw.handshake()).startswith(b"HTTP/1.1 101 ")
        assert (await raw.receive()).opcode == PING
