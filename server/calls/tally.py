"""How calls ended and how long they took: plain numbers that the calls leave behind.

Names come from the registry only, so no client can make them grow.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from server.calls.registry import Registry

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Seconds."""
NO_METHOD = "none"
"""Of what names no method that is served."""
ABANDONED = "abandoned"
"""The outcome of a call whose connection went away."""
METHOD_ERROR = "method_error"
"""The outcome of a call that a method refused with an error of its own."""


class Durations:
    """So many up to each bound, and the rest; and the sum in seconds."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds


class Tally:
    def __init__(self, registry: Registry) -> None:
        self.succeeded = defaultdict(int, dict.fromkeys(registry.methods, 0))
        self.failed: Counter[tuple[str, str]] = Counter()
        """By method and kind of error."""
        self.durations = defaultdict(
            Durations,
            {name: Durations() for name, each in registry.methods.items() if each.is_async},
        )
        """Of the methods that wait; the others are over before they could be timed."""

    def fail(self, method: str, kind: str) -> None:
        self.failed[method if method in self.succeeded else NO_METHOD, kind] += 1
