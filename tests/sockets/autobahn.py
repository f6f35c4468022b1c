"""Runs the Autobahn cases against a URL, and prints what came of each as JSON.

Of those with large messages, the ones that are named.

A program of its own, for kosoku's threads may abort the process that ends while they run.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Sequence
from typing import Any

from kosoku import FailureError, run_fuzzingclient

COMPRESSION = ("12.*", "13.*")
LARGE = ("9.*",)
"""Messages of many megabytes; each hinders those beside it, so there are few at a time."""


async def run(url: str, large: Sequence[str]) -> list[Any]:
    small = await outcome(
        run_fuzzingclient(url, exclude_cases=[*COMPRESSION, *LARGE], concurrency=16)
    )
    return small + await outcome(run_fuzzingclient(url, large, concurrency=2))


async def outcome(cases: Awaitable[list[Any]]) -> list[Any]:
    try:
        return await cases
    except FailureError as failure:
        return failure.results


def main(url: str, *large: str) -> None:
    outcomes = [
        {
            "case": each.case_id,
            "passed": each.passed,
            "behavior": each.behavior.value,
            "close": each.behavior_close.value,
            "why": f"{each.result} {each.result_close}",
        }
        for each in asyncio.run(run(url, large))
    ]
    print(json.dumps(outcomes), flush=True)  # noqa: T201
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
