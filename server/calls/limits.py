"""How often: a bucket of calls for a connection, and attempts for an email or an address."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from server.protocol.errors import CallError

ABUSE_BURSTS = 10
"""So many of them refused within a second are abuse."""


class Bucket:
    """Lets `rate` calls a second through, and bursts of twice that. A rate of 0 means no limit."""

    def __init__(self, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.burst = 2 * rate
        self.clock = clock
        self.level = float(self.burst)
        self.at = clock()
        self.refused = 0
        self.refused_since = self.at
        self.is_abused = False
        """Whether so many were refused that it is no mistake any more."""

    def take(self) -> None:
        """Raises CallError `too_many_calls` when the bucket is empty."""
        if not self.rate:
            return
        now = self.clock()
        level = self.level + (now - self.at) * self.rate
        self.at = now
        if level >= 1:
            self.level = (min(self.burst, level)) - 1
            return
        self.level = level
        if now - self.refused_since > 1:
            self.refused, self.refused_since = 0, now
        self.refused += 1
        self.is_abused = self.refused > ABUSE_BURSTS * self.burst
        raise CallError(
            "too_many_calls",
            f"The limit is {self.rate} calls a second.",
            retry_after_ms=math.ceil((1 - self.level) / self.rate * 1000),
        )

    @property
    def is_empty(self) -> bool:
        """Whether `take` would raise."""
        return self.rate > 0 and self.level + (self.clock() - self.at) * self.rate < 1

    @property
    def is_full(self) -> bool:
        """Whether it was not used for so long that a new one is the same."""
        return self.level + (self.clock() - self.at) * self.rate >= self.burst


class Attempts:
    """Counts attempts by key over a minute. A success gives its attempt back."""

    WINDOW = 60.0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.made: dict[str, list[float]] = {}
        self.swept = clock()

    def take(self, key: str, limit: int) -> float:
        """Counts one, and returns its mark for `give_back`.

        Raises CallError `too_many_attempts` when `limit` were made within the last minute.
        """
        now = self.clock()
        self._sweep(now)
        recent = [at for at in self.made.get(key, ()) if at > now - self.WINDOW]
        if limit and len(recent) >= limit:
            wait = recent[-limit] + self.WINDOW - now
            raise CallError("too_many_attempts", retry_after_ms=math.ceil(wait * 1000))
        recent.append(now)
        self.made[key] = recent
        return now

    def give_back(self, key: str, mark: float) -> None:
        marks = self.made.get(key, [])
        if mark in marks:
            marks.remove(mark)

    def _sweep(self, now: float) -> None:
        if now - self.swept < self.WINDOW:
            return
        self.swept = now
        self.made = {
            key: marks
            for key, marks in self.made.items()
            if marks and marks[-1] > now - self.WINDOW
        }
