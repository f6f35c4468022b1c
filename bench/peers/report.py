"""The report, in Markdown: a table for deliveries, one for calls, and how they were measured."""

from __future__ import annotations

import os
from collections.abc import Iterator
from statistics import median

from bench.peers.contenders import FLOOR, title
from bench.peers.measuring import (
    CALLS,
    FAN_OUTS,
    ROUNDS,
    SECONDS,
    SUBSCRIBERS,
    Load,
    Outcome,
    Sample,
)
from bench.peers.wires import SIZE
from bench.table import bold, figure, head, row

FAN_OUT = ("publishes", "CPU-µs a delivery", "deliveries/s", "deliveries a frame")
CALL = ("calls", "CPU-µs a call", "calls/s", "answers a frame")
READING = f"""\
{SUBSCRIBERS} sockets that follow the same; one message of {SIZE} bytes is published, and the next
when all have it, or when fewer than eight are under way. A ping has 32 connections one at a time,
and 16 connections eight deep. CPU-µs are those of the server's process, over what the sockets read
in {SECONDS:g} s, once warm; each number must come to each socket, once and in order, or the server
is not measured. The floor is a server in C with one `send()` for each delivery. VictoryVault is the
whole server on its PostgreSQL; what is published goes to its hub without a commit, and what comes
in one turn of the loop as one batch, as the commits between two reads of the log do: a frame with
several changes. A delivery is one change that one socket was told of. Each server is started fresh
{ROUNDS} times in turn, every second time in the other order, and each of its windows comes right
after one of the floor, which runs throughout. Figures are medians, in brackets the least and the
most. One thread of C holds all sockets; its share of a core is the generator's: near 100 % it is
the bottleneck itself, as it is beside the floor. A reader that never sleeps need not be woken, so
the floor is, if anything, too cheap, and the ratios of all others too high."""


def lines(outcome: Outcome, names: list[str]) -> Iterator[str]:
    yield from table(FAN_OUT, FAN_OUTS, outcome, names)
    for name, why in outcome.missing.items():
        yield row("", title(name), f"not measured: {why}", *[""] * 7)
    yield ""
    yield from table(CALL, CALLS, outcome, names)
    yield ""
    yield READING
    yield f"The load was {os.getloadavg()[0]:.1f} at the end."


def table(
    columns: tuple[str, str, str, str], loads: tuple[Load, ...], outcome: Outcome, names: list[str]
) -> Iterator[str]:
    kind, cost, rate, a_frame = columns
    yield from head(
        *(kind, "server", cost, "to the floor", rate, "p50, ms", "p99, ms", a_frame),
        *("bytes a frame", "generator"),
        words=2,
    )
    for load in loads:
        measured = {name: outcome.pairs.get((load, name), []) for name in names}
        floor = [pair.floor for pairs in measured.values() for pair in pairs]
        if floor:
            yield cells(load, title(FLOOR), floor, floor)
        for name, pairs in measured.items():
            if pairs:
                theirs = [pair.theirs for pair in pairs]
                yield cells(load, title(name), theirs, [pair.floor for pair in pairs])


def cells(load: Load, name: str, found: list[Sample], floor: list[Sample]) -> str:
    """The floor's samples are those of just before."""
    ratios = [each.cost / below.cost for each, below in zip(found, floor, strict=True)]
    return row(
        load.title,
        name,
        spread([each.cost for each in found], 2),
        spread(ratios, 2),
        figure(median(each.rate for each in found)),
        figure(median(each.seen.p50 for each in found), 1),
        figure(median(each.seen.p99 for each in found), 1),
        figure(median(each.seen.count / each.seen.frames for each in found), 1),
        figure(median(each.seen.size / each.seen.frames for each in found)),
        f"{max(each.generator for each in found):.0%}",
    )


def spread(figures: list[float], digits: int) -> str:
    least, most = figure(min(figures), digits), figure(max(figures), digits)
    return f"{bold(median(figures), digits)} ({least} to {most})"
