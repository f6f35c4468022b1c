"""The price of a delivery: a thousand subscribers of the same rows, and others' servers beside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import mean

from bench.changes.contenders import Contender, ours, pocket_base, starlette_loop
from bench.changes.crowd import SUBSCRIBERS, clients, in_guild, players
from bench.changes.orders import Client
from bench.changes.stage import Sample, Stage, staged
from bench.ground import GUILDS, Ground
from bench.processes import StartError
from bench.table import bold, figure, head, row

ROUNDS = 2
RATE = 10
SECONDS = {"10 writes/s": 4.0, "as fast as told": 3.0}
LANES = 8
GUILD = 1
READING = f"""\
{SUBSCRIBERS} sockets that all follow the same ten rows, which are written in turn: {RATE} times a
second, or as fast as they are told, with {LANES} writes under way on as many connections. CPU-µs
are those of the server's process and of all of PostgreSQL, the writes among them, over the
deliveries; a delivery is one change that one socket was told of, however many share a frame. The
loop is Starlette on uvicorn without compression, a trigger, LISTEN, and `await send_text` for each
socket; PocketBase has SQLite in its process, and sends whole records. Each is started fresh,
{ROUNDS} times in turn, the second time in the other order; figures are the mean, in brackets both.
A reader near 100 % would be the bottleneck itself."""

Start = Callable[[], AbstractContextManager[Contender]]


def measured(folder: Path, ground: Ground) -> Iterator[str]:
    rows = players(ground)[GUILD - 1 :: GUILDS]
    following = clients(ground, lambda _player: in_guild(GUILD))
    nothing = [Client()] * SUBSCRIBERS
    contenders: dict[str, tuple[Start, list[Client]]] = {
        "VictoryVault": (lambda: ours(folder, ground, rows), following),
        "the loop": (lambda: starlette_loop(folder, ground, rows), nothing),
        "PocketBase": (lambda: pocket_base(folder), nothing),
    }
    samples: dict[tuple[str, str], list[Sample]] = {}
    missing: dict[str, str] = {}
    for number in range(ROUNDS):
        turns = list(contenders.items())
        for name, (start, who) in turns if number % 2 == 0 else reversed(turns):
            if name in missing:
                continue
            try:
                with start() as contender, staged(folder, contender) as stage:
                    stage.open(who)
                    for load, sample in loads(stage):
                        samples.setdefault((load, name), []).append(sample)
            except StartError as error:
                if name == "VictoryVault":
                    raise
                missing[name] = str(error).splitlines()[-1]
    yield from table(samples, missing)
    yield ""
    yield READING


def loads(stage: Stage) -> Iterator[tuple[str, Sample]]:
    steady, saturated = SECONDS
    yield (
        steady,
        stage.write(SECONDS[steady], lambda _number: SUBSCRIBERS, rate=RATE),
    )
    yield (
        saturated,
        stage.write(SECONDS[saturated], lambda _number: SUBSCRIBERS, lanes=LANES),
    )


def table(samples: dict[tuple[str, str], list[Sample]], missing: dict[str, str]) -> Iterator[str]:
    yield from head(
        "writes",
        "server",
        "deliveries/s",
        "CPU-µs a delivery",
        "of the server",
        "of PostgreSQL",
        "to ours",
        "p50, ms",
        "p99, ms",
        "changes a frame",
        "bytes a frame",
        "busiest reader",
        words=2,
    )
    for load in SECONDS:
        ours_cost = mean(cost(each) for each in samples[load, "VictoryVault"])
        for name in dict.fromkeys(name for of_load, name in samples if of_load == load):
            found = samples[load, name]
            costs = [cost(each) for each in found]
            yield row(
                load,
                name,
                figure(mean(each.rate for each in found)),
                f"{bold(mean(costs), 1)} ({', '.join(figure(each, 1) for each in costs)})",
                figure(mean(1e6 * each.server / each.rate for each in found), 1),
                figure(mean(1e6 * each.postgres / each.rate for each in found), 1),
                figure(mean(costs) / ours_cost, 2),
                figure(mean(each.delay(50) for each in found), 1),
                figure(mean(each.delay(99) for each in found), 1),
                figure(mean(each.changes_a_frame for each in found), 1),
                figure(mean(each.size for each in found)),
                f"{max(each.busiest for each in found):.0%}",
            )
    for name, why in missing.items():
        yield row("", name, f"not measured: {why}", *[""] * 9)


def cost(sample: Sample) -> float:
    """CPU-µs a delivery."""
    return 1e6 * (sample.server + sample.postgres) / sample.rate
