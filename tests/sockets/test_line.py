"""On a server that offers nothing but ASGI, all is served the same: `PlainLine`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from server import resources
from server.app import build
from server.calls.connection import Connections
from server.serving import tune
from server.settings import Settings
from server.sockets.framing import Framed
from server.sockets.line import PlainLine
from server.sockets.outbox import HIGH
from tests.changes.test_slow import BIG, read_up_to, small_socket, waiting
from tests.client import PATIENCE
from tests.conftest import QuietServer, Running, Someone, listen, settings_for, sign_up
from tests.sockets.raw import HEADERS, SMALL, TEXT, frame, shaken
from tests.specification.holding import holding
from tests.specification.rules import batch, ping

WRITES = 200
LARGE_REPLY = frame(TEXT, b'{"jsonrpc":"2.0","method":"rpc.discover","id":1}')


@asynccontextmanager
async def plainly(settings: Settings) -> AsyncIterator[Running]:
    """As `serving`, by uvicorn's own protocols."""
    listener = listen()
    tune(listener, settings)  # so that little fills what the kernel holds
    bound = {table: table._meta._db for table in resources.tables()}
    app = build(settings)
    uvicorn = QuietServer(
        Config(
            app,
            ws="websockets-sansio",
            http="h11",
            ws_max_size=settings.max_message_bytes,
            lifespan="on",
            log_config=None,
            timeout_graceful_shutdown=1,
        )
    )
    task = asyncio.create_task(uvicorn.serve([listener]))
    while not hasattr(uvicorn, "stopping"):
        assert not task.done(), "the server did not start"
        await asyncio.sleep(0.005)
    try:
        yield Running(listener.getsockname()[1], app.state.services, uvicorn)
    finally:
        uvicorn.should_exit = True
        uvicorn.stopping.set()
        await task
        for table, engine in bound.items():
            table._meta._db = engine


@pytest.fixture(scope="module")
async def server(dsn: str) -> AsyncIterator[Running]:
    async with plainly(settings_for(dsn, max_calls_in_flight=4)) as running:
        yield running


async def test_the_protocol_is_not_ours(server: Running) -> None:
    async with server.connect() as client:
        await client.call("rpc.ping")
        (protocol,) = server.uvicorn.server_state.connections
        assert isinstance(protocol, WebSocketsSansIOProtocol)
        assert not isinstance(protocol, Framed)


async def test_calls_and_batches_are_answered(server: Running, ada: Someone) -> None:
    assert (await ada.client.call("user.get", id=ada.id))["user"]["email"] == ada.email
    replies = await ada.client.ask(batch(*[ping(str(id_)) for id_ in range(5)]))
    assert [reply["id"] for reply in replies] == list(range(5))
    large = await ada.client.call("rpc.discover")
    assert len(json.dumps(large)) > HIGH / 4


async def test_a_change_comes_after_the_reply_of_subscribe_and_before_that_of_the_write(
    ada: Someone,
) -> None:
    await ada.client.push("user.subscribe", "open", where={"id": ada.id})
    assert (await ada.client.receive_new())["id"] == "open"
    await ada.client.push("user.update", "write", set={"status": "told"})
    assert (await ada.client.receive_new())["method"] == "user.changed"
    assert (await ada.client.receive_new())["id"] == "write"


async def test_a_binary_frame_is_closed_with_1003(server: Running) -> None:
    async with server.connect() as client:
        await client.send(ping().encode())
        assert (await client.closed())[0] == 1003


async def test_the_client_may_leave_whenever_it_wants(server: Running) -> None:
    async with server.connect() as client:
        await client.call("rpc.ping")
        await client.socket.close(1000)
        assert await client.closed() == (1000, "")


async def test_of_too_many_calls_in_flight_none_is_lost_and_none_answered_twice(
    server: Running, ada: Someone, dsn: str
) -> None:
    calls = 60
    async with holding(dsn, ada.id) as hold, server.connect() as other:
        for id_ in range(calls):
            await ada.client.push("user.update", id_, set={"status": str(id_)})
        await hold.until_blocked(4)
        assert await other.call("rpc.ping")
        await hold.release()
        ids = [(await ada.client.receive())["id"] for _ in range(calls)]
    assert sorted(ids) == list(range(calls))


async def test_a_frozen_reader_holds_no_more_than_its_outbox_and_catches_up_merged(
    server: Running, ada: Someone, grace: Someone, admin: Someone
) -> None:
    async with server.connect(grace.token, sock=small_socket(server.port), max_queue=1) as frozen:
        where = {"id": {"in": [grace.id]}}
        await frozen.call("user.subscribe", where=where, fields=["profile"])
        for n in range(WRITES):
            profile = {"n": n, "fill": chr(97 + n % 26) * BIG}
            await admin.client.call("user.update", id=grace.id, set={"profile": profile})
            assert max(waiting(server)) <= HIGH + 2 * BIG
        seen = await read_up_to(frozen, WRITES - 1)
    assert seen == sorted(set(seen))
    assert len(seen) < WRITES / 2


async def test_a_frozen_reader_that_leaves_leaves_nothing_behind(
    server: Running, ada: Someone
) -> None:
    """It has asked for more than it reads, so that the server has stopped reading too."""
    connections = server.services.use(Connections)
    async with server.connect() as client:
        frozen_one = await sign_up(client)
    headers = f"{HEADERS}Authorization: Bearer {frozen_one.token}\r\n"
    async with shaken(server.port, buffer=SMALL, headers=headers) as frozen:
        (socket,) = of_session(connections, frozen_one)
        while not is_stuck(server, socket):
            await frozen.send(LARGE_REPLY * 10)
            await ada.client.call("rpc.ping")
    async with asyncio.timeout(PATIENCE / 4):
        while of_session(connections, frozen_one):
            await ada.client.call("rpc.ping")


def of_session(connections: Connections, someone: Someone) -> list[Any]:
    return [
        each
        for session in connections.sessions()
        if str(session) == someone.session
        for each in connections.of_session(session)
    ]


def is_stuck(server: Running, socket: Any) -> bool:
    """Neither read from nor written to, and its line is waiting for room."""
    assert isinstance(socket.line, PlainLine)
    stuck = [
        each
        for each in server.uvicorn.server_state.connections
        if isinstance(each, WebSocketsSansIOProtocol) and not each.writable.is_set()
    ]
    return bool(stuck) and socket.line.size > 0 and not socket.line.may_read.is_set()
