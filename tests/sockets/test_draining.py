"""Protocol §5: a server that is about to stop tells its clients, and serves them until then."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.client import PATIENCE
from tests.conftest import sign_up
from tests.process import process


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_who_is_connected_is_told_and_served_and_nobody_new_comes_in(
    dsn: str, workers: str
) -> None:
    serve = ("serve", "--port", "0", "--workers", workers)
    async with process(dsn, *serve, VICTORYVAULT_DRAIN_SECONDS="10") as server:
        async with server.connect() as client, httpx.AsyncClient() as http:
            someone = await sign_up(client)
            server.process.terminate()
            told = await client.notification("server.draining")
            assert 0 <= told["reconnect_in_ms"] <= 10_000
            assert (await http.get(f"{server.url}/ready")).status_code == 503
            assert (await http.get(f"{server.url}/health")).status_code == 200
            with pytest.raises(InvalidStatus) as refused:
                async with server.connect():
                    pass
            assert refused.value.response.status_code == 503
            assert "Retry-After" in refused.value.response.headers
            updated = await client.call("user.update", set={"status": "served"})
            assert updated["user"]["id"] == someone.id
        assert await server.ended() == 0


async def test_who_stays_is_closed_with_1012_when_the_time_is_up(dsn: str) -> None:
    async with process(dsn) as server, server.connect() as client:
        server.process.terminate()
        await client.notification("server.draining")
        assert (await client.closed())[0] == 1012
        assert await server.ended() == 0


async def test_a_second_signal_stops_at_once(dsn: str) -> None:
    async with process(dsn, VICTORYVAULT_DRAIN_SECONDS="60") as server, server.connect() as client:
        server.process.terminate()
        await client.notification("server.draining")
        server.process.terminate()
        assert (await client.closed())[0] == 1012
        async with asyncio.timeout(PATIENCE):
            assert await server.ended() == 0


async def test_with_nobody_connected_it_stops_at_once(dsn: str) -> None:
    async with process(dsn, VICTORYVAULT_DRAIN_SECONDS="60") as server:
        async with asyncio.timeout(PATIENCE):
            assert await server.stop() == 0
