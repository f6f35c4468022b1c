"""What it costs when somebody reads nothing, or says nothing."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack

import pytest

from tests.conftest import database, sign_up
from tests.sockets.attacked import (
    IN_FLIGHT,
    LARGE_CALL,
    MEGABYTE,
    REPLY,
    SECONDS,
    Attacked,
    growing_by_at_most,
    is_well,
    percentile,
    pour,
    waits_of,
)
from tests.sockets.raw import (
    HEADERS,
    SMALL,
    TEXT,
    frame,
    shaken,
)
from tests.specification.rules import call


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
