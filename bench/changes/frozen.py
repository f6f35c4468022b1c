"""A thousand sockets that follow everything and never read, beside ten that do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.changes.contenders import ours
from bench.changes.crowd import clients, in_guild, players
from bench.changes.stage import Sample, Stage, staged
from bench.ground import GUILDS, Ground
from bench.table import bold, figure, head, row
from bench.usage import resident

READERS = 10
GUILD = 1
RATE = 50
ROUNDS = 5
FILL_SECONDS = 8.0
SECONDS = 5.0
BYTES = 2000
SQL = f"""
    UPDATE users SET status = $1::text,
        profile = profile || jsonb_build_object('story', rpad($1::text, {BYTES}, '.'))
    WHERE id = $2::text::uuid
"""  # noqa: S608 - a number
MIB = 2**20
READING = f"""\
{READERS} sockets follow all rows that are written, and read; then 1 000 others subscribe to the
same, read the reply and nothing more (SO_RCVBUF and segments of 1 460 bytes). {RATE} writes/s of
{BYTES} bytes, for {FILL_SECONDS:g} s while buffers fill, when all 1 010 are sent each of them, then
for {SECONDS:g} s. Memory is the server's, resident, at the end of each row. Medians of {ROUNDS}
rounds on fresh servers, in brackets the least and the most; the ratio is within a round. On a
virtual machine that was just started buffers fill slowly: its host has yet to give the pages."""


class Seen(NamedTuple):
    memory: float
    """MiB."""
    p50: float = 0.0
    p99: float = 0.0
    ratio: float = 0.0
    """Of the p99 to that without the thousand."""
    cores: float = 0.0


def measured(folder: Path, ground: Ground) -> Iterator[str]:
    yield from head(
        "who is there",
        "memory, MiB",
        "p50 of the readers, ms",
        "p99, ms",
        "p99 to without",
        "server, of a core",
    )
    for seen in zip(*[measured_once(folder, ground) for _ in range(ROUNDS)], strict=True):
        names, found = zip(*seen, strict=True)
        memory = spread([each.memory for each in found])
        if not found[0].p99:
            yield row(names[0], memory, *[""] * 4)
            continue
        yield row(
            names[0],
            memory,
            spread([each.p50 for each in found], 1),
            spread([each.p99 for each in found], 1),
            spread([each.ratio for each in found], 2),
            f"{median(each.cores for each in found):.0%}",
        )
    yield ""
    yield READING


def spread(figures: list[float], digits: int = 0) -> str:
    least, most = figure(min(figures), digits), figure(max(figures), digits)
    return f"{bold(median(figures), digits)} ({least} to {most})"


def measured_once(folder: Path, ground: Ground) -> list[tuple[str, Seen]]:
    rows = players(ground)[GUILD - 1 :: GUILDS]
    crowd = clients(ground, lambda _player: in_guild(GUILD))
    with ours(folder, ground, rows, SQL) as server, staged(folder, server, readers=2) as stage:
        stage.open(crowd[:READERS])
        without = written(stage, SECONDS)

        def seen(sample: Sample) -> Seen:
            p50, p99 = sample.delay(50), sample.delay(99)
            ratio = p99 / without.delay(99)
            return Seen(resident(server.pid) / MIB, p50, p99, ratio, sample.server)

        found = [(f"{READERS} readers", seen(without))]
        stage.open(crowd, frozen=True)
        found.append(("1 000 more have subscribed", Seen(resident(server.pid) / MIB)))
        filling = written(stage, FILL_SECONDS)
        found.append(("they stop reading, and buffers fill", seen(filling)))
        found.append(("they are frozen", seen(written(stage, SECONDS))))
        return found


def written(stage: Stage, seconds: float) -> Sample:
    return stage.write(seconds, lambda _number: READERS, rate=RATE)
