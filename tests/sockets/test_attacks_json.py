"""What JSON that means harm costs, and who else feels it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.conftest import Someone, sign_up
from tests.sockets.attacked import MEGABYTE, Attacked, growing_by_at_most, is_well
from tests.specification.holding import holding
from tests.specification.rules import batch, call, ping

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
