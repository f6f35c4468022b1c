"""How often to call: protocol §7."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from server.database.engine import Database
from server.resources.sessions import rows as session_rows
from server.sockets import endpoint
from tests.client import Client
from tests.conftest import Running, serving, settings_for, sign_up
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


@pytest.mark.parametrize("door", ["socket", "post"])
async def test_tokens_that_are_not_valid_are_limited_before_they_are_looked_up(
    dsn: str, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    looked_up = []
    find = session_rows.find_by_token

    async def counted(database: Database, token: str, days: int) -> Any:
        looked_up.append(token)
        return await find(database, token, days)

    monkeypatch.setattr(endpoint, "find_by_token", counted)
    async with (
        serving(settings_for(dsn, max_calls_per_second=RATE)) as server,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        refused = [await refusal(server, http, door) for _ in range(4 * BURST)]
        async with server.connect() as anonymous:
            assert not is_refused(await anonymous.ask(ping()))
    statuses = [status for status, _retry_after, _body in refused]
    assert statuses[:BURST] == [401] * BURST
    assert set(statuses) == {401, 429}
    assert len(looked_up) == statuses.count(401)
    _status, retry_after, body = refused[statuses.index(429)]
    assert int(retry_after) > 0
    assert json.loads(body)["error"].keys() == {"message", "kind"}
    assert json.loads(body)["error"]["kind"] == "too_many_attempts"


async def refusal(server: Running, http: httpx.AsyncClient, door: str) -> tuple[int, str, bytes]:
    """Of a token that is not valid: the status, Retry-After and the body."""
    if door == "socket":
        with pytest.raises(InvalidStatus) as refused:
            async with server.connect("nothing"):
                pass
        response = refused.value.response
        return response.status_code, response.headers.get("Retry-After", ""), bytes(response.body)
    headers = {"authorization": "Bearer nothing", "content-type": "application/json"}
    posted = await http.post(f"{server.url}/rpc", content=ping(), headers=headers)
    return posted.status_code, posted.headers.get("retry-after", ""), posted.content


async def test_a_crowd_with_valid_tokens_comes_in_at_once(server: Running, client: Client) -> None:
    token = (await sign_up(client)).token
    async with AsyncExitStack() as stack:
        doors = (stack.enter_async_context(server.connect(token)) for _ in range(10 * BURST))
        crowd = await asyncio.gather(*doors)
        assert not is_refused(await crowd[-1].ask(ping()))


@pytest.mark.parametrize("text", [ping(), notification(), batch(*[ping()] * 10)])
async def test_ten_bursts_within_a_second_are_closed_with_1008(client: Client, text: str) -> None:
    for _ in range(13 * BURST):
        await client.send(text)
    with suppress(ConnectionClosed):
        while await client.receive_new():
            pass
    assert client.socket.close_code == 1008
