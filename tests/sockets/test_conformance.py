"""RFC 6455 by the cases of the Autobahn test suite, which kosoku drives: both ways of the framing.

But for those of compression, which are of zlib more than of us.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.conftest import free_port
from tests.process import ServerProcess, command, spawn

WAYS = {"framed": ["9.*"], "plain": ["9.1.*", "9.2.*"]}
"""And their cases of large messages. How these come in is the same for both ways."""
CASES = {"framed": 301, "plain": 259}
CUT_BY_A_CLOSE = "7.1.5"


@pytest.fixture(scope="module")
async def outcomes() -> AsyncIterator[dict[str, list[Any]]]:
    """Of each case, by the way it went."""
    port = free_port()
    echo = ServerProcess(await spawn(None, str(port), module="tests.sockets.echo"))
    try:
        await echo.listening()
        runs = await asyncio.gather(*[run(f"{echo.url}/{way}", WAYS[way]) for way in WAYS])
        yield dict(zip(WAYS, runs, strict=True))
    finally:
        await echo.stop()
    assert not echo.log


async def run(url: str, large: list[str]) -> list[Any]:
    url = url.replace("http", "ws", 1)
    code, said = await command(None, url, *large, module="tests.sockets.autobahn")
    assert code == 0, said
    results: list[Any] = json.loads(said.splitlines()[0])
    return results


@pytest.mark.parametrize("way", WAYS)
def test_all_cases_of_autobahn_pass(outcomes: dict[str, list[Any]], way: str) -> None:
    assert len(outcomes[way]) == CASES[way]
    failed = [each for each in outcomes[way] if not each["passed"]]
    assert [each for each in failed if each["case"] != CUT_BY_A_CLOSE] == []


@pytest.mark.parametrize("way", WAYS)
def test_a_close_may_come_between_two_fragments(outcomes: dict[str, list[Any]], way: str) -> None:
    (only,) = [each for each in outcomes[way] if each["case"] == CUT_BY_A_CLOSE]
    assert only["passed"], only
