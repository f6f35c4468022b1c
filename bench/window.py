"""A stretch of time that several processes measure together, by the clock that they share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

Kind = TypeVar("Kind")


class Window(NamedTuple):
    """Seconds of `time.monotonic()`, which on Linux is the same in every process."""

    begin: float
    end: float

    @classmethod
    def soon(cls, warm_up: float, seconds: float) -> Window:
        begin = time.monotonic() + warm_up
        return cls(begin, begin + seconds)


class Tally(NamedTuple):
    """How much was finished within a window, by the process that saw it finish."""

    calls: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.calls / self.seconds


async def counted(window: Window, total: Callable[[], int]) -> Tally:
    """What `total` grew by. A late wake-up does no harm: the real times are used."""
    first, began = await total_at(window.begin, total)
    last, ended = await total_at(window.end, total)
    return Tally(last - first, ended - began)


async def total_at(moment: float, total: Callable[[], Kind]) -> tuple[Kind, float]:
    await asyncio.sleep(moment - time.monotonic())
    return total(), time.monotonic()
