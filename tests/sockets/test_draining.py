"""Protocol §5: a server that is about to stop tells its clients, and serves them until then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from server.sockets import http11
from tests.client import PATIENCE
from tests.conftest import serving, settings_for, sign_up
from tests.process import process
from tests.sockets.raw import Raw, connected


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


@asynccontextmanager
async def stopping(dsn: str) -> AsyncIterator[Raw]:
    """A connection that was accepted, and has asked nothing before the server listens no more."""
    async with serving(settings_for(dsn)) as running:
        uvicorn = running.uvicorn
        uvicorn.config.timeout_keep_alive = 600
        async with connected(running.port) as raw:
            async with httpx.AsyncClient() as later:  # once it is answered, both were accepted
                await later.get(f"{running.url}/health")
            uvicorn.should_exit = True
            uvicorn.stopping.set()  # type: ignore[attr-defined]
            while uvicorn.servers[0].is_serving():  # noqa: ASYNC110 - uvicorn says it nowhere
                await asyncio.sleep(0)
            yield raw


async def test_a_request_on_its_way_on_a_connection_just_made_is_answered(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http11, "UNDER_WAY_SECONDS", 60.0)
    async with stopping(dsn) as raw:
        await raw.send(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert (await raw.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        await raw.end()


async def test_an_older_connection_without_a_request_is_closed(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http11, "UNDER_WAY_SECONDS", 0.0)
    async with stopping(dsn) as raw:
        assert await raw.until(b"\r\n\r\n") == b""
