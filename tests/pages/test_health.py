"""`/health` and `/ready`, and what `/metrics` says when the database goes away and comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import httpx
import pytest

from server.calls.connection import Connections
from tests.conftest import Running, serving, settings_for
from tests.faults.proxy import Proxy, proxied
from tests.pages.scraping import scrapes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Faulty(NamedTuple):
    server: Running
    proxy: Proxy


@pytest.fixture
async def faulty(dsn: str) -> AsyncIterator[Faulty]:
    """A server that reaches its database through a proxy."""
    async with proxied(dsn) as proxy, serving(settings_for(proxy.dsn)) as server:
        yield Faulty(server, proxy)


async def asked(server: Running, path: str, method: str = "GET") -> httpx.Response:
    async with httpx.AsyncClient() as http:
        return await http.request(method, f"{server.url}{path}")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_server_that_can_serve_says_so(server: Running, method: str) -> None:
    for path in ("/health", "/ready"):
        assert (await asked(server, path, method)).status_code == 200


async def test_without_a_database_it_is_alive_not_ready_and_heals(faulty: Faulty) -> None:
    server, proxy = faulty
    proxy.cut()
    async for seen in scrapes(server.url):
        if not seen.value("workers_ready"):
            break
    assert seen.value("workers") == 1
    assert (await asked(server, "/health")).status_code == 200
    away = await asked(server, "/ready")
    assert (away.status_code, away.json()) == (503, {"status": "the database is away"})
    proxy.heal()
    async for healed in scrapes(server.url):
        if healed.value("workers_ready"):
            break
    assert healed.value("feed_failures_total") > 0
    assert (await asked(server, "/ready")).status_code == 200


async def test_a_database_that_stands_still_is_seen_by_the_delay_of_the_feed(
    faulty: Faulty,
) -> None:
    server, proxy = faulty
    proxy.stall()
    async for seen in scrapes(server.url):
        if seen.value("feed_delay_seconds") > 1:
            break


async def test_a_server_that_drains_is_not_ready(server: Running) -> None:
    connections = server.services.use(Connections)
    connections.is_draining = True
    try:
        refused = await asked(server, "/ready")
        assert (refused.status_code, refused.json()["status"]) == (
            503,
            "the server is about to stop",
        )
        assert (await asked(server, "/health")).status_code == 200
        async for seen in scrapes(server.url):
            assert seen.value("workers_ready") == 0
            break
    finally:
        connections.is_draining = False
