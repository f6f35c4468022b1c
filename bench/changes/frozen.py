"""A thousand sockets that follow everything and never read, beside ten that do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.changes.contenders import ours
from bench.changes.crowd import clients, in_guild, players
from bench.changes.stage import Sample, staged
from bench.ground import GUILDS, Ground
from bench.table import bold, figure, head, row
from bench.usage import resident

READERS = 10
GUILD = 1
RATE = 50
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
{BYTES} bytes, for {FILL_SECONDS:g} s while buffers fill, then for {SECONDS:g} s. Memory is the
server's, resident, at the end of each row."""


def measured(folder: Path, ground: Ground) -> Iterator[str]:
    yield from head(
        "who is there",
        "memory, MiB",
        "p50 of the readers, ms",
        "p99, ms",
        "p99 to without",
        "server, of a core",
    )
    rows = players(ground)[GUILD - 1 :: GUILDS]
    crowd = clients(ground, lambda _player: in_guild(GUILD))
    with ours(folder, ground, rows, SQL) as server, staged(folder, server, readers=2) as stage:
        reading, frozen = crowd[:READERS], crowd
        stage.open(reading)

        def write(seconds: float) -> Sample:
            return stage.write(seconds, lambda _number: READERS, rate=RATE)

        without = write(SECONDS)

        def shown(name: str, sample: Sample) -> str:
            return row(
                name,
                bold(resident(server.pid) / MIB),
                figure(sample.delay(50), 1),
                bold(sample.delay(99), 1),
                figure(sample.delay(99) / without.delay(99), 2),
                f"{sample.server:.0%}",
            )

        yield shown(f"{READERS} readers", without)
        stage.open(frozen, frozen=True)
        yield row("1 000 more have subscribed", bold(resident(server.pid) / MIB), *[""] * 4)
        yield shown("they stop reading, and buffers fill", write(FILL_SECONDS))
        yield shown("they are frozen", write(SECONDS))
    yield ""
    yield READING
