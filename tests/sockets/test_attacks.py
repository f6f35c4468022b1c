"""What it costs the server when somebody means harm: a number for each, and nothing in the log."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.client import Client
from tests.conftest import Someone, database, sign_up
from tests.process import ServerProcess, process
from tests.sockets.raw import (
    BINARY,
    CLOSE,
    CONTINUATION,
    HEADERS,
    PING,
    PONG,
    SMALL,
    TEXT,
    Raw,
    connected,
    frame,
    shaken,
)
from tests.specification.holding import holding
from tests.specification.rules import batch, call, ping

SECONDS = 1
"""Of the handshake's and of sending's timeout."""
MOST = 20
"""Connections of one address."""
MEGABYTE = 2**20
CHUNK = 2**18
REPLY = MEGABYTE
"""Bytes of the largest reply."""
IN_FLIGHT = 32
CONTROL_FRAMES = 10
ALIVE = frame(TEXT, ping().encode())
LARGE_CALL = frame(TEXT, call("rpc.discover", "[]").encode())
TIMEOUT = str(SECONDS)
LISTENS = "0A"


class Attacked:
    """A server whose memory and log are looked at."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.port = int(server.url.rpartition(":")[2])
        self.files = Path(f"/proc/{server.process.pid}")

    def status(self, name: str) -> int:
        """Bytes."""
        for line in (self.files / "status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
        raise KeyError(name)

    @property
    def sockets(self) -> int:
        """Connections of clients that it has not let go."""
        lines = [line.split() for line in (self.files / "net/tcp").read_text().splitlines()[1:]]
        return sum(
            int(local.rpartition(":")[2], 16) == self.port and state != LISTENS and inode != "0"
            for _, local, _, state, _, _, _, _, _, inode, *_ in lines
        )

    def forget_peak(self) -> int:
        (self.files / "clear_refs").write_text("5")
        return self.status("VmRSS")

    @property
    def faults(self) -> list[str]:
        """What the log has of things that went wrong here, and not at the client's."""
        return [line for line in self.server.log if "exception" in line or "Traceback" in line]


@asynccontextmanager
async def attacked(dsn: str, **environment: str) -> AsyncIterator[Attacked]:
    async with process(dsn, **environment) as server:
        found = Attacked(server)
        async with server.connect() as client:
            for method in ("rpc.ping", "rpc.discover", "system.info"):
                await client.call(method)
        yield found
    assert found.faults == []


@pytest.fixture(scope="module")
async def guarded(dsn: str) -> AsyncIterator[Attacked]:
    """With the limits that it comes with, but for how long it is patient."""
    async with attacked(
        dsn,
        VICTORYVAULT_HANDSHAKE_TIMEOUT_SECONDS=TIMEOUT,
        VICTORYVAULT_SEND_TIMEOUT_SECONDS=TIMEOUT,
        VICTORYVAULT_MAX_CONNECTIONS_PER_ADDRESS=str(MOST),
    ) as found:
        yield found


@pytest.fixture(scope="module")
async def lenient(dsn: str) -> AsyncIterator[Attacked]:
    """With none of the limits that can be taken away."""
    async with attacked(
        dsn,
        VICTORYVAULT_SEND_TIMEOUT_SECONDS=TIMEOUT,
        VICTORYVAULT_MAX_CONNECTIONS_PER_ADDRESS="0",
        VICTORYVAULT_MAX_CONTROL_FRAMES_PER_SECOND="0",
        VICTORYVAULT_MAX_FRAGMENTS="0",
        VICTORYVAULT_MAX_MESSAGE_BYTES=str(4 * MEGABYTE),
    ) as found:
        yield found


@asynccontextmanager
async def growing_by_at_most(server: Attacked, size: int) -> AsyncIterator[None]:
    """At its peak, not only at the end."""
    before = server.forget_peak()
    yield
    grown = server.status("VmHWM") - before
    print(f"RSS grew by {grown / MEGABYTE:.2f} MB")  # noqa: T201 - shown with -s and when it fails
    assert grown <= size


async def pour(raw: Raw, data: bytes, total: int) -> int:
    """Sends it again and again, until so many bytes were taken or the server has had enough."""
    sent = 0
    with suppress(OSError, TimeoutError):
        while sent < total:
            await raw.send(data)
            sent += len(data)
    return sent


async def is_well(server: Attacked) -> None:
    async with server.server.connect() as client:
        assert await client.call("rpc.ping")
    assert server.faults == []


# frames


async def test_pings_that_nobody_reads_the_pongs_of_end_with_1008(guarded: Attacked) -> None:
    pings = frame(PING, b"x" * 125) * (CHUNK // 131)
    async with growing_by_at_most(guarded, 2 * MEGABYTE):
        async with shaken(guarded.port, buffer=SMALL) as raw:
            assert await pour(raw, pings, 200 * MEGABYTE) < 20 * MEGABYTE
        async with shaken(guarded.port) as raw:
            await raw.send(frame(PING) * CONTROL_FRAMES + ALIVE)
            while (received := await raw.receive()).opcode == PONG:
                pass
            assert received.opcode == TEXT
            await raw.send(frame(PING) * 2 * CONTROL_FRAMES)
            assert await raw.close_code() == 1008
    await is_well(guarded)


@pytest.mark.parametrize("size", [125, 0])
async def test_without_a_limit_pings_are_not_read_while_their_pongs_are_not(
    lenient: Attacked, size: int
) -> None:
    """The bound is one read of 256 KiB, each of whose frames is some objects for a moment."""
    pings = frame(PING, b"x" * size) * (CHUNK // (size + 6))
    async with growing_by_at_most(lenient, 16 * MEGABYTE):
        async with shaken(lenient.port, buffer=SMALL) as raw:
            assert await pour(raw, pings, 200 * MEGABYTE) < 30 * MEGABYTE
        await is_well(lenient)


async def test_who_was_closed_and_reads_nothing_is_sent_no_pongs_any_more(
    lenient: Attacked,
) -> None:
    pings = frame(PING, b"x" * 125) * (CHUNK // 131)
    async with growing_by_at_most(lenient, 16 * MEGABYTE):
        async with shaken(lenient.port, buffer=SMALL) as raw:
            await raw.send(frame(BINARY))
            await pour(raw, pings, 50 * MEGABYTE)
        await is_well(lenient)


@pytest.mark.timing
async def test_a_million_empty_fragments_delay_no_neighbour(guarded: Attacked) -> None:
    fragments = frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * (CHUNK // 6)
    attack = asyncio.create_task(attack_with(guarded, fragments, 1_000_000 * 6))
    async with guarded.server.connect() as neighbour:
        waits = await waits_of(neighbour, attack.done)
    print(f"{len(waits)} pings, p99 {percentile(waits, 99) * 1000:.1f} ms")  # noqa: T201
    assert len(waits) > 100
    assert percentile(waits, 99) < 0.05
    async with shaken(guarded.port) as raw:
        await raw.send(fragments[: 6 * 65])
        assert await raw.close_code() == 1008
    await is_well(guarded)


async def attack_with(server: Attacked, data: bytes, total: int) -> None:
    """Comes back whenever it is closed."""
    sent = 0
    while sent < total:
        async with shaken(server.port) as raw:
            sent += max(await pour(raw, data, total - sent), len(data))


async def waits_of(client: Client, is_over: Callable[[], bool], least: int = 200) -> list[float]:
    waits: list[float] = []
    while not is_over() or len(waits) < least:
        began = time.perf_counter()
        await client.call("rpc.ping")
        waits.append(time.perf_counter() - began)
    return waits


def percentile(values: list[float], percent: int) -> float:
    return sorted(values)[len(values) * percent // 100]


@pytest.mark.parametrize(
    "data", [b"\xff" * 125, b"\xc3\x28" * 30_000, b"\xed\xa0\x80", b'{"id":"\xc3'], ids=len
)
async def test_bytes_that_are_no_text_are_closed_with_1007(guarded: Attacked, data: bytes) -> None:
    async with shaken(guarded.port) as raw:
        await raw.send(frame(TEXT, data))
        assert await raw.close_code() == 1007
    async with shaken(guarded.port) as raw:
        await raw.send(frame(TEXT, data[:1], fin=False) + frame(CONTINUATION, data[1:]))
        assert await raw.close_code() == 1007
    await is_well(guarded)


@pytest.mark.parametrize("code", [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535])
async def test_a_close_with_a_code_that_is_none_is_closed_with_1002(
    guarded: Attacked, code: int
) -> None:
    async with shaken(guarded.port) as raw:
        await raw.send(frame(CLOSE, code.to_bytes(2, "big")))
        assert await raw.close_code() == 1002
        await raw.end()
    assert guarded.faults == []


async def test_a_close_whose_reason_is_no_text_is_closed_with_1007(guarded: Attacked) -> None:
    async with shaken(guarded.port) as raw:
        await raw.send(frame(CLOSE, b"\x03\xe8\xff"))
        assert await raw.close_code() == 1007
    assert guarded.faults == []


async def test_a_message_of_two_megabytes_is_closed_with_1009_before_it_is_there(
    guarded: Attacked,
) -> None:
    message = frame(TEXT, b" " * 2 * MEGABYTE)
    async with growing_by_at_most(guarded, MEGABYTE), shaken(guarded.port) as raw:
        await raw.send(message[:1000])
        assert await raw.close_code() == 1009
    async with shaken(guarded.port) as raw:
        await pour(raw, message, 1)
        await raw.end()
    await is_well(guarded)


async def test_compression_that_is_offered_is_not_taken(guarded: Attacked) -> None:
    offer = f"{HEADERS}Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    async with connected(guarded.port) as raw:
        assert b"sec-websocket-extensions" not in (await raw.handshake(offer)).lower()
        await raw.send(frame(TEXT, b"\x00", bits=0x40))
        assert await raw.close_code() == 1002


# HTTP


@pytest.mark.parametrize(
    "beginning", ["", "G", "GET /rpc HTTP/1.1\r\n", f"GET /rpc HTTP/1.1\r\n{HEADERS}"]
)
async def test_a_handshake_that_is_not_finished_is_let_go(
    guarded: Attacked, beginning: str
) -> None:
    async with connected(guarded.port) as raw:
        await raw.send(beginning.encode())
        began = time.monotonic()
        await raw.end()
    assert SECONDS / 2 < time.monotonic() - began < SECONDS + 5


async def test_a_handshake_that_comes_byte_by_byte_is_let_go(guarded: Attacked) -> None:
    began = time.monotonic()
    async with connected(guarded.port) as raw:
        await raw.send(b"GET /rpc HTTP/1.1\r\nX:")
        with suppress(OSError):
            while await dripped(raw):
                assert time.monotonic() - began < SECONDS + 5


async def test_headers_of_twenty_megabytes_are_refused(guarded: Attacked) -> None:
    async with growing_by_at_most(guarded, 2 * MEGABYTE), connected(guarded.port) as raw:
        await raw.send(b"GET /rpc HTTP/1.1\r\nX: ")
        assert await pour(raw, b"x" * CHUNK, 20 * MEGABYTE) < 20 * MEGABYTE
        await raw.end()
    async with connected(guarded.port) as raw:
        await raw.send(b"GET /rpc HTTP/1.1\r\nX: " + b"x" * 17_000)
        assert (await raw.until(b"\r\n")).startswith(b"HTTP/1.1 4")
    await is_well(guarded)


@pytest.mark.parametrize(
    "more",
    [f"X: {'x' * 9000}\r\n", "".join(f"X{n}: x\r\n" for n in range(130))],
    ids=["a line too long", "lines too many"],
)
async def test_a_handshake_that_only_websockets_refuses_is_answered(
    guarded: Attacked, more: str
) -> None:
    async with asyncio.timeout(SECONDS + 2), connected(guarded.port) as raw:
        assert (await raw.handshake(HEADERS + more)).startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize("request_line", ["POST /rpc", "GET /health"])
async def test_a_body_that_drips_on_after_its_answer_is_let_go(
    guarded: Attacked, request_line: str
) -> None:
    async with connected(guarded.port) as raw:
        await raw.send(
            f"{request_line} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            "Content-Length: 100000\r\n\r\n{".encode()
        )
        assert b"HTTP/1.1" in await raw.until(b"\r\n\r\n")
        began = time.monotonic()
        with suppress(OSError):
            while await dripped(raw):
                assert time.monotonic() - began < SECONDS + 2


async def dripped(raw: Raw) -> bool:
    """Sends a byte; False when the server has closed the connection meanwhile."""
    await raw.send(b" ")
    with suppress(TimeoutError):
        async with asyncio.timeout(0.1):
            return bool(await raw.loop.sock_recv(raw.connection, CHUNK))
    return True


async def test_a_body_that_does_not_come_is_408(guarded: Attacked) -> None:
    async with connected(guarded.port) as raw:
        await raw.send(
            b"POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 1000\r\n\r\n{"
        )
        assert (await raw.until(b"\r\n")).startswith(b"HTTP/1.1 408 ")
    await is_well(guarded)


async def test_connections_beyond_those_of_an_address_are_503(guarded: Attacked) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(MOST):
            await stack.enter_async_context(guarded.server.connect())
        with pytest.raises(InvalidStatus) as refused:
            await stack.enter_async_context(guarded.server.connect())
        assert refused.value.response.status_code == 503
    await until_well(guarded)


async def until_well(server: Attacked) -> None:
    """Once the server has seen that those before have left."""
    async with asyncio.timeout(5):
        while True:
            with suppress(InvalidStatus):
                await is_well(server)
                return


async def test_nonsense_before_the_handshake_is_answered_is_no_fault_of_ours(dsn: str) -> None:
    async with attacked(dsn) as server, server.server.connect() as client:
        someone = await sign_up(client)
        async with (
            database(dsn) as psql,
            psql.transaction(),
            connected(server.port) as raw,
        ):
            await psql.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
            headers = f"{HEADERS}Authorization: Bearer {someone.token}\r\n"
            await raw.send(f"GET /rpc HTTP/1.1\r\n{headers}\r\n".encode())
            while not await psql.fetchval(
                "SELECT count(*) FROM pg_stat_clear_snapshot(), pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND query LIKE '%WHERE sessions.token = $1'"
            ):
                pass
            await raw.send(b"\xff" * 100)
            await raw.end()


# readers


async def test_a_frozen_reader_is_told_4408_and_is_gone(guarded: Attacked, dsn: str) -> None:
    async with guarded.server.connect() as client:
        someone = await sign_up(client)
    headers = f"{HEADERS}Authorization: Bearer {someone.token}\r\n"
    subscribe = call("user.subscribe", json.dumps({"where": {"id": someone.id}}))
    async with (
        growing_by_at_most(guarded, 2 * MEGABYTE),
        shaken(guarded.port, buffer=SMALL, headers=headers) as raw,
    ):
        before = guarded.sockets
        await raw.send(frame(TEXT, subscribe.encode()))
        began = time.monotonic()
        await raw.send(LARGE_CALL * 100)
        async with asyncio.timeout(SECONDS + 5):
            while guarded.sockets >= before:  # noqa: ASYNC110 - the kernel tells nobody
                await asyncio.sleep(0.02)
        print(f"gone after {time.monotonic() - began:.1f} s")  # noqa: T201
    await is_well(guarded)


@pytest.mark.timing
async def test_a_frozen_reader_that_comes_back_in_time_reads_4408(lenient: Attacked) -> None:
    """The close frame is behind all that was sent before it; it has a second to be read."""
    async with shaken(lenient.port, buffer=SMALL) as raw:
        before = lenient.sockets
        await raw.send(LARGE_CALL * 20)
        deadline = time.monotonic() + SECONDS + 0.3
        while time.monotonic() < deadline:
            assert lenient.sockets == before
            await is_well(lenient)
        assert await raw.close_code() == 4408


async def test_calls_with_large_replies_that_nobody_reads_cost_what_may_be_in_flight(
    lenient: Attacked, dsn: str
) -> None:
    """The bound is max_calls_in_flight replies of max_reply_bytes, and as much again: each is
    there as it was encoded and as it is framed."""
    async with lenient.server.connect() as client:
        someone = await sign_up(client)
        await fill(dsn)
        listing = call("user.list", json.dumps({"limit": 500}))
        reply = await client.ask(listing)
        assert len(json.dumps(reply)) > REPLY / 2
    headers = f"{HEADERS}Authorization: Bearer {someone.token}\r\n"
    async with (
        growing_by_at_most(lenient, 2 * IN_FLIGHT * REPLY),
        shaken(lenient.port, buffer=SMALL, headers=headers) as raw,
    ):
        before = lenient.sockets
        await pour(raw, frame(TEXT, listing.encode()) * 1000, 10 * MEGABYTE)
        async with asyncio.timeout(SECONDS + 10):
            while lenient.sockets >= before:
                await is_well(lenient)


async def fill(dsn: str) -> None:
    """Users with large profiles."""
    async with database(dsn) as psql:
        await psql.execute(
            "INSERT INTO users (id, email, full_name, status, profile)"
            " SELECT gen_random_uuid(), n || '@example.com', 'Many', '',"
            " jsonb_build_object('fill', repeat('x', 7000)) FROM generate_series(1, 200) AS n"
        )


@pytest.mark.timing
async def test_a_thousand_silent_sockets_cost_little_and_delay_nobody(lenient: Attacked) -> None:
    sockets = 1000
    async with lenient.server.connect() as client, AsyncExitStack() as stack:
        before = lenient.status("VmRSS")
        for _ in range(sockets):
            await stack.enter_async_context(shaken(lenient.port, buffer=SMALL))
        each = (lenient.status("VmRSS") - before) / sockets
        waits = await waits_of(client, lambda: True)
    print(f"{each / 1024:.1f} KiB each, p99 {percentile(waits, 99) * 1000:.1f} ms")  # noqa: T201
    assert each < 40 * 1024
    assert percentile(waits, 99) < 0.05


# JSON


NESTED = "[" * 100_000
MANY = batch(*[ping(str(n)) for n in range(20_000)])
DIGITS = "9" * 4000
HARMFUL: dict[str, tuple[str, Any, str]] = {
    "20 000 entries": (MANY, None, "batch_too_large"),
    "20 000 entries that are none": (batch(*["1"] * 20_000), None, "batch_too_large"),
    "100 000 brackets": (NESTED, None, "parse_error"),
    "100 000 closed brackets": (NESTED + "]" * 100_000, None, "parse_error"),
    "a number of 4 000 digits": (call("user.get", f"[{DIGITS}]"), None, "parse_error"),
    "an id of 4 000 digits": (ping(DIGITS), None, "parse_error"),
    "an exponent of 4 000 digits": (ping(params=f"[1e{DIGITS}]"), None, "parse_error"),
    "4 000 digits behind a point": (ping(f"0.{DIGITS}"), None, "invalid_request"),
}


@pytest.mark.parametrize(("text", "id_", "kind"), HARMFUL.values(), ids=HARMFUL.keys())
async def test_json_that_means_harm_is_answered_at_once(
    lenient: Attacked, text: str, id_: Any, kind: str
) -> None:
    async with lenient.server.connect() as client, lenient.server.connect() as neighbour:
        async with growing_by_at_most(lenient, 16 * MEGABYTE):
            await client.send(text)
            assert await neighbour.call("rpc.ping")
            reply = await client.receive()
        assert (reply["id"], reply["error"]["data"]["kind"]) == (id_, kind)
    await is_well(lenient)


async def test_millions_of_digits_are_refused_in_time(lenient: Attacked) -> None:
    """To read them as a number would cost the square of how many they are."""
    text = call("user.get", f"[{'9' * 4 * 1000 * 1000}]")
    async with lenient.server.connect() as client:
        began = time.monotonic()
        assert "error" in await client.ask(text)
        assert time.monotonic() - began < 2
    await is_well(lenient)


async def test_calls_that_hold_one_row_delay_only_their_own_socket(
    guarded: Attacked, dsn: str
) -> None:
    async with guarded.server.connect() as client, guarded.server.connect() as other:
        someone: Someone = await sign_up(client)
        async with holding(dsn, someone.id):
            for n in range(3):
                await client.push("user.update", n, set={"status": str(n)})
            for n in range(200):
                await client.push("rpc.ping", f"ping {n}")
            assert await other.call("rpc.ping")
        replies = [await client.receive() for _ in range(203)]
    assert len({str(reply["id"]) for reply in replies}) == 203
