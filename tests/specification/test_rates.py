"""How often to call: protocol §7."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.client import Client
from tests.conftest import Running, serving, settings_for
from tests.specification.rules import batch, notification, ping

RATE = 5
BURST = 2 * RATE


@pytest.fixture(scope="module")
async def server(dsn: str) -> AsyncIterator[Running]:
    """A worker that allows few calls."""
    async with serving(settings_for(dsn, max_calls_per_second=RATE)) as running:
        yield running


def is_refused(reply: Any) -> bool:
    if "result" in reply:
        return False
    assert reply["error"]["code"] == 429
    assert reply["error"]["data"]["kind"] == "too_many_calls"
    return True


async def test_calls_beyond_a_burst_get_429_and_the_socket_stays(client: Client) -> None:
    for id_ in range(4 * BURST):
        await client.send(ping(str(id_)))
    replies = [await client.receive() for _ in range(4 * BURST)]
    assert [reply["id"] for reply in replies] == list(range(4 * BURST))
    assert not any(map(is_refused, replies[:BURST]))
    assert is_refused(replies[-1])
    await client.ask(ping())


async def test_429_says_when_to_come_back(client: Client) -> None:
    for id_ in range(4 * BURST):
        await client.send(ping(str(id_)))
    replies = [await client.receive() for _ in range(4 * BURST)]
    waits = [reply["error"]["data"]["retry_after_ms"] for reply in replies if is_refused(reply)]
    assert waits
    assert all(isinstance(wait, int) and 0 < wait <= 1000 / RATE for wait in waits)


async def test_the_entries_of_a_batch_count(client: Client) -> None:
    replies = await client.ask(batch(*[ping(str(id_)) for id_ in range(2 * BURST)]))
    assert not any(map(is_refused, replies[:BURST]))
    assert is_refused(replies[-1])


async def test_notifications_count(client: Client) -> None:
    for _ in range(2 * BURST):
        await client.send(notification())
    assert is_refused(await client.ask(ping()))


async def test_one_connection_does_not_count_for_another(server: Running, client: Client) -> None:
    await client.ask(batch(*[ping()] * 2 * BURST))
    async with server.connect() as other:
        assert not is_refused(await other.ask(ping()))


@pytest.mark.parametrize("text", [ping(), notification(), batch(*[ping()] * 10)])
async def test_ten_bursts_within_a_second_are_closed_with_1008(client: Client, text: str) -> None:
    for _ in range(13 * BURST):
        await client.send(text)
    with suppress(ConnectionClosed):
        while await client.receive_new():
            pass
    assert client.socket.close_code == 1008
