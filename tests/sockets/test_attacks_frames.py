"""What frames that mean harm cost: a number for each, and nothing in the log."""

from __future__ import annotations

import asyncio

import pytest

from tests.sockets.attacked import (
    ALIVE,
    CHUNK,
    CONTROL_FRAMES,
    MEGABYTE,
    Attacked,
    growing_by_at_most,
    is_well,
    percentile,
    pour,
    waits_of,
)
from tests.sockets.raw import (
    BINARY,
    CLOSE,
    CONTINUATION,
    HEADERS,
    PING,
    PONG,
    SMALL,
    TEXT,
    connected,
    frame,
    shaken,
)


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
