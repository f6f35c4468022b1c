"""A server with those who follow it and who writes: what every measurement of a change needs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_hex
from statistics import quantiles
from typing import Any, NamedTuple, TypeVar

from bench.changes import reader, writer
from bench.changes.contenders import Contender
from bench.changes.orders import (
    Client,
    Close,
    Note,
    Notes,
    Open,
    Opened,
    Watch,
    Watched,
    Write,
    Written,
)
from bench.processes import StartError, Worker, working
from bench.usage import seconds_of, seconds_of_family
from bench.window import Window

READERS = 2
WARM_UP = 0.5
PATIENCE = 30.0

Kind = TypeVar("Kind")


class Used(NamedTuple):
    """CPU seconds so far, and when that was."""

    server: float
    postgres: float
    readers: list[float]
    moment: float


class Sample(NamedTuple):
    """Of a window. CPU is a share of one core."""

    writes: float
    """A second."""
    rate: float
    """Deliveries a second."""
    changes_a_frame: float
    size: float
    """Bytes of a frame."""
    server: float
    postgres: float
    busiest: float
    """The share of the reader that used most: near 1 it was the bottleneck."""
    delays: list[float]
    """Milliseconds from about to be committed to read, of each delivery, warmed up."""

    def delay(self, percent: int) -> float:
        return quantiles(self.delays, n=100)[percent - 1]


class Stage:
    def __init__(self, contender: Contender, readers: list[Worker], writer: Worker) -> None:
        self.contender = contender
        self.readers = readers
        self.writer = writer

    def open(
        self, clients: list[Client], *, abreast: int = 50, begin: float = 0.0, frozen: bool = False
    ) -> list[Opened]:
        """Shared among the readers; the frozen ones are held by the last."""
        readers = self.readers[-1:] if frozen else self.readers
        shares = shared(clients, len(readers))
        for each, share in zip(readers, shares, strict=True):
            wire, port = self.contender.wire, self.contender.port
            each.say(Open(wire, port, share, abreast // len(readers), begin, frozen))
        return [each.hear(Opened) for each in readers]

    def close(self) -> None:
        self.each(Close(), Notes)

    def used(self) -> Used:
        postmaster = self.contender.postmaster
        return Used(
            seconds_of(self.contender.pid),
            0.0 if postmaster is None else seconds_of_family(postmaster),
            [seconds_of(each.pid) for each in self.readers],
            time.monotonic(),
        )

    def used_at(self, moment: float) -> Used:
        time.sleep(max(0.0, moment - time.monotonic()))
        return self.used()

    def write(
        self,
        seconds: float,
        followers: Callable[[int], int],
        *,
        rate: float = 0.0,
        way: str | None = None,
        lanes: int = 1,
    ) -> Sample:
        """`followers` are how many read a write, by its number. Raises StartError when they were
        not told of the last write to a row."""
        window = Window.soon(2 * WARM_UP, seconds)
        for each in self.readers:
            each.say(Watch(window))
        writing = Window(window.begin - WARM_UP, window.end)
        self.writer.say(Write(writing, way or self.contender.way, lanes, rate))
        before, after = self.used_at(window.begin), self.used_at(window.end)
        written = self.writer.hear(Written)
        watched = [each.hear(Watched) for each in self.readers]
        numbers = range(written.first, written.first + len(written.clocks))
        last = numbers[-len(self.contender.target.rows) :]
        notes = self.arrived({number: followers(number) for number in last})
        return sample(before, after, written, watched, notes, window)

    def write_unread(self, number: int, rate: float) -> None:
        """So many writes that nobody follows."""
        window = Window.soon(0.0, PATIENCE)
        self.writer.say(Write(window, self.contender.way, 1, rate, number))
        written = len(self.writer.hear(Written).clocks)
        if written != number:
            raise StartError(f"{written} of {number} writes were done in {PATIENCE:g} s")

    def arrived(self, last: dict[int, int]) -> Notes:
        """All deliveries, once those of the last writes are there, by number. A server that cannot
        keep up may merge earlier ones."""
        notes: Notes = []
        missing, until = set(last), time.monotonic() + PATIENCE
        while missing:
            if time.monotonic() > until:
                raise StartError(f"{len(missing)} of {len(last)} last writes are missing somewhere")
            time.sleep(0.05)
            for more in self.each(Note(), Notes):
                notes += more
            found = Counter(number for number, _ in notes if number in last)
            missing = {number for number, readers in last.items() if found[number] != readers}
        return notes

    def each(self, order: Any, kind: type[Kind]) -> list[Kind]:
        """What each reader answers."""
        for worker in self.readers:
            worker.say(order)
        return [worker.hear(kind) for worker in self.readers]


def sample(
    before: Used,
    after: Used,
    written: Written,
    watched: list[Watched],
    notes: Notes,
    window: Window,
) -> Sample:
    seconds = after.moment - before.moment
    frames = sum(each.frames for each in watched)
    clocks = dict(enumerate(written.clocks, written.first))
    delays = [
        1000 * (moment - clocks[number])
        for number, moment in notes
        if clocks[number] >= window.begin
    ]
    busy = [last - first for first, last in zip(before.readers, after.readers, strict=True)]
    return Sample(
        len(clocks) / (window.end - window.begin + WARM_UP),
        sum(each.deliveries / each.seconds for each in watched),
        sum(each.deliveries for each in watched) / max(frames, 1),
        sum(each.size for each in watched) / max(frames, 1),
        (after.server - before.server) / seconds,
        (after.postgres - before.postgres) / seconds,
        max(busy) / seconds,
        delays,
    )


def shared(clients: list[Client], number: int) -> list[list[Client]]:
    """One after the other, so that readers have clients of all kinds."""
    return [clients[first::number] for first in range(number)]


@contextmanager
def staged(folder: Path, contender: Contender, readers: int = READERS) -> Iterator[Stage]:
    told = str(folder / f"told-{token_hex(3)}")
    with ExitStack() as stack:
        settings = writer.Settings(contender.target, told)
        writing = stack.enter_context(working(folder, "bench.changes.writer", settings))
        reading = [
            stack.enter_context(working(folder, "bench.changes.reader", reader.Settings(told)))
            for _ in range(readers)
        ]
        yield Stage(contender, reading, writing)
