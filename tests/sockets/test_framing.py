"""Frames in and out: however they are cut, and whoever else is there."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.protocol import State
from websockets.server import ServerProtocol

from server.sockets.connection import AT_ONCE, Socket
from server.sockets.framing import Framed
from tests.client import PATIENCE, Client
from tests.conftest import QuietServer, Running, Someone, database, listen, serving, settings_for
from tests.sockets.echo import echoing
from tests.sockets.raw import (
    BINARY,
    CLOSE,
    CONTINUATION,
    FIN,
    PING,
    PONG,
    TEXT,
    Raw,
    frame,
    shaken,
)
from tests.specification.holding import holding
from tests.specification.rules import batch, call, notification, ping

ROOMY = 200_000
POSITION = re.compile(rb'"position":"[^"]+"')
LAST = batch(ping('"the last"')).encode()
"""A batch, for these are begun in their order and answered after the single calls of before."""
IDS = (
    *("1", "0", "-1", "1.50", "1e2", '""', '"x"', "null", '"💎"', r'"\u0000"', '"\\""', "true"),
    *("[]", f'"{"x" * 256}"', f'"{"x" * 257}"', str(2**60)),
)
SIZES = (1, 60, 124, 125, 126, 127, 300, 65_535, 65_536, 70_000)


@pytest.fixture(scope="module")
async def server(dsn: str) -> AsyncIterator[Running]:
    """A worker that takes large messages, and many pings between."""
    more = {"max_message_bytes": ROOMY, "max_control_frames_per_second": 0}
    async with serving(settings_for(dsn, **more)) as running:
        yield running


# in: any way of cutting


class Message(NamedTuple):
    """A text, where it is cut into fragments, and the pings between these."""

    text: str
    cuts: list[float]
    pings: list[bytes]
    mask: bytes

    @property
    def data(self) -> bytes:
        return self.text.encode()

    def wire(self) -> bytes:
        data = self.data
        at = [0, *sorted(int(cut * len(data)) for cut in self.cuts), len(data)]
        wire = b""
        for n, (start, end) in enumerate(pairwise(at)):
            opcode, fin = CONTINUATION if n else TEXT, n == len(at) - 2
            wire += frame(opcode, data[start:end], fin=fin, mask=self.mask)
            wire += b"".join(frame(PING, each, mask=self.mask) for each in self.pings[n : n + 1])
        return wire


def padded(text: str, size: int) -> str:
    return text + " " * (size - len(text.encode()))


masks = st.sampled_from([bytes(4), b"\x81\xfe\x00\xff", b"abcd"]) | st.binary(
    min_size=4, max_size=4
)
texts = st.one_of(
    st.builds(padded, st.sampled_from(IDS).map(ping), st.sampled_from(SIZES)),
    st.sampled_from(IDS).map(lambda id_: batch(ping(id_), "1", notification())),
    st.sampled_from(["", "x", "[]", "[1", notification(), ping("💎"), call("no", "{}")]),
)
messages = st.builds(
    Message,
    texts,
    st.just([]) | st.lists(st.floats(0, 1), max_size=5),
    st.just([]) | st.lists(st.binary(max_size=125), max_size=4),
    masks,
)


class Heard(NamedTuple):
    texts: list[bytes]
    pongs: list[bytes]


async def heard(raw: Raw, last: bytes = b'"the last"') -> Heard:
    """Until the reply to LAST."""
    found = Heard([], [])
    while True:
        opcode, data = await raw.receive()
        if opcode == PONG:
            found.pongs.append(data)
        elif last in data:
            return found
        else:
            assert opcode == TEXT, (opcode, data)
            found.texts.append(data)


async def one_by_one(port: int, sent: list[Message]) -> list[bytes]:
    """The replies to the same messages, each sent whole once those before it were answered."""
    replies = []
    async with shaken(port) as raw:
        for message in sent:
            await raw.send(frame(TEXT, message.data))
            await raw.send(frame(TEXT, LAST))
            replies += (await heard(raw)).texts
    return replies


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    sent=st.lists(messages, min_size=1, max_size=6),
    cuts=st.lists(st.floats(0, 1), max_size=12),
)
async def test_however_messages_are_cut_they_are_answered_as_when_each_came_whole(
    server: Running, sent: list[Message], cuts: list[float]
) -> None:
    wire = b"".join(message.wire() for message in sent) + frame(TEXT, LAST, mask=b"last")
    at = [0, *sorted(int(cut * len(wire)) for cut in cuts), len(wire)]
    async with shaken(server.port) as raw:
        reading = asyncio.create_task(heard(raw))
        for start, end in pairwise(at):
            await raw.send(wire[start:end])
            await asyncio.sleep(0)  # the server, in this loop, may read it before there is more
            await asyncio.sleep(0)
        found = await reading
    pings = [each for message in sent for each in message.pings[: len(message.cuts) + 1]]
    assert found.pongs == pings
    assert in_order(found.texts) == in_order(await one_by_one(server.port, sent))


def in_order(replies: list[bytes]) -> list[bytes]:
    """Batches are answered as they finish, which may be after what came later.

    The head of the log may move between two calls, whoever moves it.
    """
    told = [POSITION.sub(b'"position":"..."', each) for each in replies]
    return [each for each in told if each[:1] != b"["] + sorted(
        each for each in told if each[:1] == b"["
    )


async def test_a_message_may_come_byte_by_byte(server: Running) -> None:
    async with shaken(server.port) as raw:
        for byte in frame(TEXT, ping().encode(), mask=b"\x01\x02\x03\x04") + frame(TEXT, LAST):
            await raw.send(bytes([byte]))
            await asyncio.sleep(0)
        assert len((await heard(raw)).texts) == 1


@pytest.mark.parametrize("size", [40, 200], ids=["short", "longer"])
async def test_a_frame_that_is_cut_within_its_head_is_no_new_one(
    server: Running, size: int
) -> None:
    """Whatever its mask looks like: here, like an empty text message, and then another."""
    wire = frame(TEXT, padded(ping("7"), size).encode(), mask=b"\x81\x80\x81\x80")
    async with shaken(server.port) as raw:
        await raw.send(frame(TEXT, LAST))
        await heard(raw)
        (socket,) = sockets(server)
        assert isinstance(socket.line, Framed)
        for cut in range(1, 12):
            socket.line.data_received(wire[:cut])
            socket.line.data_received(wire[cut:])
            await raw.send(frame(TEXT, LAST))
            (reply,) = (await heard(raw)).texts
            assert json.loads(reply)["id"] == 7


# in: what is no frame, by websockets' own judgement

GOOD = frame(TEXT, ping().encode())
BEGUN = frame(TEXT, b"[", fin=False)
NO_FRAMES = {
    "not masked": bytes([FIN | TEXT, 2]) + b"[]",
    "not masked, and empty": bytes([FIN | TEXT, 0]),
    "RSV1": frame(TEXT, b"[]", bits=0x40),
    "RSV2": frame(TEXT, b"[]", bits=0x20),
    "RSV3": frame(TEXT, b"[]", bits=0x10),
    "RSV1 of a ping": frame(PING, b"", bits=0x40),
    **{f"opcode {opcode}": frame(opcode, b"[]") for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "a ping in fragments": frame(PING, b"", fin=False),
    "a ping too long": frame(PING, bytes(126)),
    "a close too long": frame(CLOSE, bytes(126)),
    "a close of one byte": frame(CLOSE, b"\x03"),
    "nothing to go on with": frame(CONTINUATION, b"[]"),
    "a text within a text": BEGUN + GOOD,
    "a binary within a text": BEGUN + frame(BINARY, b""),
    "too large": bytes([FIN | TEXT, 0xFF]) + (ROOMY + 1).to_bytes(8, "big") + bytes(4),
    "too large by far": bytes([FIN | TEXT, 0xFF]) + (2**64 - 1).to_bytes(8, "big") + bytes(4),
}


def judged(wire: bytes) -> int:
    """The code that websockets itself closes with."""
    judge = ServerProtocol(state=State.OPEN, max_size=ROOMY)
    judge.receive_data(wire)
    assert judge.close_sent is not None
    return int(judge.close_sent.code)


@pytest.mark.parametrize("before", [b"", GOOD, GOOD * 3, BEGUN + frame(CONTINUATION, b"]")])
@pytest.mark.parametrize("wire", NO_FRAMES.values(), ids=NO_FRAMES.keys())
async def test_what_is_no_frame_is_closed_as_websockets_does_it(
    server: Running, before: bytes, wire: bytes
) -> None:
    async with shaken(server.port) as raw:
        await raw.send(before + wire)
        assert await raw.close_code() == judged(before + wire)
        await raw.end()


def test_websockets_judges_most_of_these_as_protocol_errors() -> None:
    assert Counter(map(judged, NO_FRAMES.values())) == {1002: len(NO_FRAMES) - 2, 1009: 2}


@pytest.mark.parametrize("size", [2, 8])
async def test_a_length_in_more_bytes_than_it_needs_is_taken_as_websockets_does_it(
    server: Running, size: int
) -> None:
    data = ping("7").encode()
    head = bytes([FIN | TEXT, 0xFE if size == 2 else 0xFF]) + len(data).to_bytes(size, "big")
    judge = ServerProtocol(state=State.OPEN)
    judge.receive_data(head + bytes(4) + data)
    assert judge.close_sent is None
    async with shaken(server.port) as raw:
        await raw.send(head + bytes(4) + data + frame(TEXT, LAST))
        (reply,) = (await heard(raw)).texts
        assert json.loads(reply)["id"] == 7


# out


@pytest.fixture(scope="module")
async def echo() -> AsyncIterator[str]:
    """The address of a server that echoes by the extension."""
    listener = listen()
    uvicorn = QuietServer(echoing())
    task = asyncio.create_task(uvicorn.serve([listener]))
    try:
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}/framed"  # it listens; who comes can wait
    finally:
        uvicorn.should_exit = True
        uvicorn.stopping.set()
        await task


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 1_000_000])
async def test_a_client_reads_frames_of_every_length(echo: str, length: int) -> None:
    text = "💎" * (length // 4) + "x" * (length % 4)
    async with connect(echo, compression=None, proxy=None) as client:
        await client.send(text)
        await client.send("and the next")
        assert await received(client) == text
        assert await received(client) == "and the next"


async def received(client: ClientConnection) -> str:
    async with asyncio.timeout(PATIENCE):
        text = await client.recv()
    assert isinstance(text, str)
    return text


async def test_no_reply_overtakes_a_change_that_was_told_before_it(
    server: Running, ada: Someone, grace: Someone, dsn: str
) -> None:
    """A ping's position is the head of the log: what is up to there has been sent before it."""
    await ada.client.call("user.subscribe", where={"id": grace.id}, fields=["status"])
    answered: set[str] = set()
    told: list[str] = []

    async def write() -> None:
        async with database(dsn) as psql:
            for n in range(300):
                await psql.execute("UPDATE users SET status = $2 WHERE id = $1", grace.id, str(n))

    load = asyncio.create_task(write())
    while not load.done():
        await ada.client.push("rpc.ping", "ping")
        while "method" in (message := await ada.client.receive_new()):
            position = message["params"]["position"]
            assert position not in answered, "the reply to a ping was there before"
            told.append(position)
        answered.add(message["result"]["position"])
    await load
    assert len(told) > 1
    assert answered & set(told)


# too many


async def test_of_too_many_calls_in_flight_none_is_lost_and_none_answered_twice(
    dsn: str, ada: Someone, grace: Someone
) -> None:
    calls = 300
    async with (
        serving(settings_for(dsn, max_calls_in_flight=4)) as narrow,
        narrow.connect(ada.token) as client,
        narrow.connect(grace.token) as other,
        holding(dsn, ada.id) as hold,
    ):
        for id_ in range(calls):
            if id_ % 3:
                await client.push("rpc.ping", id_)
            else:
                await client.push("user.update", id_, set={"status": str(id_)})
            if id_ % 50 == 0:
                await client.socket.ping()
        await hold.until_blocked(4)
        assert (await other.call("user.update", set={"status": "quick"}))["user"]["version"] == 2
        (socket,) = [each for each in sockets(narrow) if each.unanswered]
        assert socket.unanswered == 4
        await hold.release()
        ids = [(await client.receive())["id"] for _ in range(calls)]
        assert (await client.call("rpc.ping"))["position"]
        assert not client.others
    assert sorted(ids) == list(range(calls))


def sockets(server: Running) -> list[Socket]:
    framed = [each for each in server.uvicorn.server_state.connections if isinstance(each, Framed)]
    return [each.listener for each in framed if isinstance(each.listener, Socket)]


async def test_ten_thousand_pings_at_once_are_all_answered_and_others_have_their_turns(
    server: Running, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    flood = 10_000
    begun: list[Any] = []
    (neighbour,) = sockets(server)
    begin = neighbour.dispatch.begin

    def counted(text: str, connection: Any) -> Any:
        begun.append(connection)
        return begin(text, connection)

    monkeypatch.setattr(neighbour.dispatch, "begin", counted)
    async with shaken(server.port) as raw:
        wire = b"".join(frame(TEXT, ping(str(id_)).encode()) for id_ in range(flood))
        sending = asyncio.create_task(raw.send(wire + frame(TEXT, LAST)))
        reading = asyncio.create_task(heard(raw))
        turns = 0
        while not reading.done():
            await client.call("rpc.ping")
            turns += 1
        await sending
        replies = (await reading).texts
    assert [json.loads(reply)["id"] for reply in replies] == list(range(flood))
    assert longest_row(begun, neighbour) <= ROWS * AT_ONCE
    assert turns > flood / (ROWS * AT_ONCE)


ROWS = 12
"""Turns of the loop that a ping takes there and back, with the client in the same loop."""


def longest_row(begun: list[Any], neighbour: Any) -> int:
    """Of messages begun between two of the neighbour's, from its first to its last."""
    at = [n for n, each in enumerate(begun) if each is neighbour]
    return max((later - earlier for earlier, later in pairwise(at)), default=0)
