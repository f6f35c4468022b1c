"""A process that works for the benchmark: takes orders on stdin, answers on stdout, JSON lines.

Its loop runs on between two orders. It ends when its stdin does, so it never outlives the
benchmark.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
import uvloop


class Work(Protocol):
    async def open(self) -> None: ...

    async def run(self, order: Any) -> Any: ...


def follow(make: Callable[[Any], Work], settings: Any, order: Any) -> None:
    """Until stdin ends. The first line are the settings, each other line is an order."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # what the server runs on
        runner.run(served(make, settings, order))


async def served(make: Callable[[Any], Work], settings: Any, order: Any) -> None:
    work = make(msgspec.json.decode(await line(), type=settings))
    await work.open()
    answer("ready")
    while said := await line():
        answer(await work.run(msgspec.json.decode(said, type=order)))


async def line() -> bytes:
    return await asyncio.to_thread(sys.stdin.buffer.readline)


def answer(said: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
    sys.stdout.buffer.flush()
