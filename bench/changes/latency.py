"""From COMMIT to the client: a thousand subscribers of different rows, and a steady writer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.changes.contenders import ours
from bench.changes.crowd import Mix, players
from bench.changes.stage import staged
from bench.ground import Ground
from bench.table import bold, figure, head, row

SECONDS = 5.0


class Load(NamedTuple):
    name: str
    way: str
    lanes: int
    rate: int
    """Writes a second."""


LOADS = (
    Load("plain SQL, one connection", "sql", 1, 30),
    Load("the same", "sql", 1, 300),
    Load("`user.update`, eight sockets", "call", 8, 300),
)
READING = """\
1 000 sockets, each signed in as another user and subscribed: 500 to their own row, 400 in groups of
ten to a guild of ten rows, 100 to a list of twenty friends; 640 topics, and a write reaches 6.5
sockets on average. All rows are written in turn. The clock starts just before COMMIT is sent, and
for `user.update` just before the call is; it stops when the frame was read. A server that cannot
keep up tells only the newest state of a row, and delivers less than 6.5 a write."""


def measured(folder: Path, ground: Ground) -> Iterator[str]:
    yield from head(
        "writes",
        "wanted a second",
        "written",
        "deliveries/s",
        "p50, ms",
        "p99, ms",
        "server, of a core",
        "PostgreSQL",
        "busiest reader",
    )
    mix = Mix(ground)
    with ours(folder, ground, players(ground)) as server, staged(folder, server) as stage:
        stage.open(mix.clients)
        for name, way, lanes, rate in LOADS:
            sample = stage.write(SECONDS, mix.of_write, rate=rate, way=way, lanes=lanes)
            yield row(
                name,
                figure(rate),
                figure(sample.writes),
                figure(sample.rate),
                bold(sample.delay(50), 1),
                bold(sample.delay(99), 1),
                f"{sample.server:.0%}",
                f"{sample.postgres:.0%}",
                f"{sample.busiest:.0%}",
            )
    yield ""
    yield READING
