"""What requests that mean harm cost: a number for each, and nothing in the log."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack, suppress

import pytest
from websockets.exceptions import InvalidStatus

from tests.conftest import database, sign_up
from tests.sockets.attacked import (
    CHUNK,
    MEGABYTE,
    MOST,
    SECONDS,
    Attacked,
    attacked,
    growing_by_at_most,
    is_well,
    pour,
)
from tests.sockets.raw import (
    HEADERS,
    Raw,
    connected,
)


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
    ("headers", "kind"),
    [
        (f"{HEADERS}X: {'x' * 16400}\r\n", "message_too_large"),
        (f"{HEADERS}X: {'x' * 9000}\r\nY: {'y' * 9000}\r\n", "message_too_large"),
        (HEADERS + "".join(f"X{n}: x\r\n" for n in range(130)), "message_too_large"),
        (HEADERS.replace("A" * 22 + "==", "abc"), "invalid_request"),
        (HEADERS.replace("13", "8"), "invalid_request"),
    ],
    ids=[
        "a line too long",
        "lines too long",
        "lines too many",
        "a key that is none",
        "an old version",
    ],
)
async def test_a_handshake_that_only_websockets_refuses_is_answered_as_all_are(
    guarded: Attacked, headers: str, kind: str
) -> None:
    async with asyncio.timeout(SECONDS + 2), connected(guarded.port) as raw:
        head = await raw.handshake(headers)
        assert head.startswith(b"HTTP/1.1 4")
        assert b"content-type: application/json\r\n" in head.lower()
        refusal = json.loads(await raw.until(b"}}"))["error"]
    assert refusal["kind"] == kind
    ours = ("This is no handshake", "The handshake's headers", "The headers have")
    assert refusal["message"].startswith(ours)


async def test_a_header_may_have_nearly_all_that_headers_may_have(guarded: Attacked) -> None:
    async with connected(guarded.port) as raw:
        assert b" 101 " in await raw.handshake(f"{HEADERS}Cookie: {'x' * 15000}\r\n")


async def test_a_post_has_no_larger_headers_than_a_handshake(guarded: Attacked) -> None:
    async with connected(guarded.port) as raw:
        await raw.send(
            b"POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 2\r\nX: %b\r\n\r\n{}" % (b"x" * 16400)
        )
        answer = await raw.until(b"\r\n\r\n")
    assert answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))


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
