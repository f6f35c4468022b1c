"""Changes that go straight to a socket come after what waited for it, and not after its end."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest

from server.changes.hub import Hub, Topic
from server.protocol import closing
from server.sockets.framing import Framed
from server.sockets.outbox import Outbox
from tests.conftest import Running, Someone, database
from tests.sockets.raw import CLOSE, HEADERS, PING, TEXT, Raw, frame, shaken
from tests.specification.rules import call, ping


class Follower(NamedTuple):
    """Who follows one user; at the other end, what the server has of them."""

    raw: Raw
    topic: Topic
    outbox: Outbox
    line: Framed
    publish: Callable[[], None]
    """The last change once more, in this turn of the loop."""


@asynccontextmanager
async def following(server: Running, someone: Someone, dsn: str) -> AsyncIterator[Follower]:
    headers = f"{HEADERS}Authorization: Bearer {someone.token}\r\n"
    async with shaken(server.port, headers=headers) as raw, database(dsn) as psql:
        where = json.dumps({"where": {"id": someone.id}})
        await raw.send(frame(TEXT, call("user.subscribe", where).encode()))
        id_ = json.loads((await raw.receive()).data)["result"]["subscription"]
        hub = server.services.use(Hub)
        topic, ring = hub.topics[id_], hub.ring
        await psql.execute("UPDATE users SET status = 'x' WHERE id = $1", someone.id)
        assert await told(raw) == "x"
        assert ring is not None
        batch = ring.batches[-1]
        (subscription,) = topic.straight
        outbox: Outbox = subscription.reader.outbox  # type: ignore[attr-defined]
        assert isinstance(outbox.line, Framed)
        yield Follower(
            raw,
            topic,
            outbox,
            outbox.line,
            lambda: hub.publish(batch, ring, batch.position),
        )


async def told(raw: Raw) -> Any:
    notification = json.loads((await raw.receive()).data)
    return notification["params"]["changes"][0]["set"]["status"]


async def test_a_reply_of_the_same_turn_comes_before_it(
    server: Running, ada: Someone, dsn: str
) -> None:
    async with following(server, ada, dsn) as it:
        it.line.data_received(frame(TEXT, ping("1").encode()))
        assert it.outbox.frames
        it.publish()
        assert json.loads((await it.raw.receive()).data)["id"] == 1
        assert await told(it.raw) == "x"


def close(it: Follower) -> None:
    it.outbox.close(closing.IDLE)
    it.outbox.turn.end()


ENDS: dict[str, Callable[[Follower], object]] = {
    "the client closes": lambda it: it.line.data_received(frame(CLOSE)),
    "the client breaks the protocol": lambda it: it.line.data_received(frame(PING, bytes(126))),
    "the server closes": close,
    "the server gives it up": lambda it: it.line.close(closing.NOTHING_READ),
    "uvicorn stops": lambda it: it.line.shutdown(),
    "no pong came": lambda it: it.line.keepalive_timeout(),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
async def test_nothing_comes_after_the_close_frame(
    server: Running, ada: Someone, dsn: str, end: Callable[[Follower], object]
) -> None:
    async with following(server, ada, dsn) as it:
        end(it)
        it.publish()
        assert (await it.raw.receive()).opcode == CLOSE
        it.raw.connection.shutdown(socket.SHUT_WR)
        while await it.raw.more():
            pass
        assert not it.raw.buffer


async def test_who_follows_another_topic_too_gets_all_of_a_turn_in_one_write(
    server: Running, ada: Someone, dsn: str
) -> None:
    async with following(server, ada, dsn) as it:
        await it.raw.send(frame(TEXT, call("presence.subscribe", "{}").encode()))
        other = json.loads((await it.raw.receive()).data)["result"]["subscription"]
        assert not it.topic.straight
        params = json.dumps({"subscription": other})
        await it.raw.send(frame(TEXT, call("subscription.close", params).encode()))
        await it.raw.receive()
        assert len(it.topic.straight) == 1


async def test_who_is_gone_without_a_word_gets_nothing_more(
    server: Running, ada: Someone, dsn: str
) -> None:
    async with following(server, ada, dsn) as it:
        it.line.connection_lost(ConnectionResetError())
        assert not it.topic.straight
