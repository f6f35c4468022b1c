"""The measuring: server and baseline by turns, round after round, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import NamedTuple

from bench.calls.order import Order
from bench.processes import Worker
from bench.usage import seconds_of
from bench.window import Tally, Window


class Side(NamedTuple):
    """`subject` is the process whose CPU time counts; `workers` are those that count calls."""

    subject: int
    workers: list[Worker]
    port: int = 0


class Sample(NamedTuple):
    rate: float
    """Calls a second."""
    cost: float
    """CPU-µs of the subject for a call."""
    busiest: float
    """The share of a core that the busiest worker used: near 1 it was the bottleneck."""


class Spread(NamedTuple):
    middle: float
    least: float
    most: float


class Result(NamedTuple):
    call: str
    served: list[Sample]
    baseline: list[Sample]

    def spread(self, of: Callable[[Sample, Sample], float]) -> Spread:
        """Of a figure of each round, made from the server's sample and the baseline's."""
        figures = [
            of(ours, theirs) for ours, theirs in zip(self.served, self.baseline, strict=True)
        ]
        return Spread(median(figures), min(figures), max(figures))


def measure(side: Side, call: str, warm_up: float, seconds: float) -> Sample:
    """CPU time as a share of the wall time that was really observed, over the calls a second that
    the workers really saw: nobody has to wake up at the same microsecond."""
    window = Window.soon(warm_up, seconds)
    for worker in side.workers:
        worker.say(Order(call, window, side.port))
    pids = [side.subject, *(worker.pid for worker in side.workers)]
    before, began = used_at(window.begin, pids)
    after, ended = used_at(window.end, pids)
    rate = sum(worker.hear(Tally).rate for worker in side.workers)
    shares = [(last - first) / (ended - began) for first, last in zip(before, after, strict=True)]
    return Sample(rate, shares[0] / rate * 1e6, max(shares[1:]))


def used_at(moment: float, pids: list[int]) -> tuple[list[float], float]:
    time.sleep(max(0.0, moment - time.monotonic()))
    return [seconds_of(pid) for pid in pids], time.monotonic()


def results(
    sides: dict[str, tuple[Side, Side]], rounds: int, warm_up: float, seconds: float
) -> Iterator[Result]:
    """For each call: server, baseline, then the other way round, so that a drift favours none."""
    for call, (served, baseline) in sides.items():
        result = Result(call, [], [])
        for number in range(rounds):
            turns = [(served, result.served), (baseline, result.baseline)]
            for side, samples in turns if number % 2 == 0 else reversed(turns):
                samples.append(measure(side, call, warm_up, seconds))
        yield result
