"""A process that works for the benchmark: takes orders on stdin, answers on stdout, JSON lines.

It ends when its stdin does, so it never outlives the benchmark.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import msgspec
import uvloop

from bench.window import Tally, Window


class Order(NamedTuple):
    """`port` is where to send calls; the baseline, which sends none, ignores it."""

    call: str
    window: Window
    port: int


class Work(Protocol):
    async def open(self) -> None: ...

    async def run(self, order: Order) -> Tally: ...


def follow(make: Callable[[Any], Work], settings: type[Any]) -> None:
    """Until stdin ends. The first line are the settings, each other line is an order."""
    lines = iter(sys.stdin.buffer)
    work = make(msgspec.json.decode(next(lines), type=settings))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # what the server runs on
        runner.run(work.open())
        answer("ready")
        for line in lines:
            answer(runner.run(work.run(msgspec.json.decode(line, type=Order))))


def answer(said: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
    sys.stdout.buffer.flush()
