"""The measuring: all contenders by turns, each window of theirs right after one of the floor."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.ground import Ground
from bench.peers import crowd
from bench.peers.compilation import compiled
from bench.peers.contenders import CONTENDERS, FLOOR, OURS, Peer, title
from bench.peers.orders import Call, FanOut, Open, Seen
from bench.processes import StartError, Worker, working
from bench.usage import has_ended, seconds_of
from bench.window import Window

SUBSCRIBERS = 1000
WARM_UP, SECONDS = 0.6, 0.9
FLOOR_WARM_UP, FLOOR_SECONDS = 0.2, 0.5
ROUNDS = 3


class Load(NamedTuple):
    title: str
    depth: int
    """Publishes in flight, or calls under way on each connection."""
    callers: int = 0
    """None: publishes to all subscribers."""

    def order(self, warm_up: float, seconds: float) -> FanOut | Call:
        window = Window.soon(warm_up, seconds)
        if self.callers:
            return Call(window, self.callers, self.depth)
        return FanOut(window, self.depth)


CALLS = (Load("one at a time", 1, 32), Load("8 in flight", 8, 16))
FAN_OUTS = (Load("one at a time", 1), Load("8 in flight", 8))


class Sample(NamedTuple):
    rate: float
    """Deliveries, or calls, a second."""
    cost: float
    """CPU-µs of the server for one."""
    generator: float
    """The share of a core that the crowd used: near 1 it was the bottleneck."""
    seen: Seen


class Pair(NamedTuple):
    theirs: Sample
    floor: Sample
    """Of just before."""


class Stage(NamedTuple):
    name: str
    peer: Peer
    crowd: Worker


class Outcome(NamedTuple):
    pairs: dict[tuple[Load, str], list[Pair]]
    missing: dict[str, str]
    """Who could not be measured, and why."""


def measured(folder: Path, ground: Ground, names: list[str]) -> Outcome:
    """Each is started fresh in each round, every second time in the other order, so that a drift
    favours none. Raises StartError without the floor or VictoryVault."""
    outcome = Outcome(defaultdict(list), {})
    library = compiled("crowd.c", folder / "crowd.so", "-shared", "-fPIC")
    settings = crowd.Settings(str(library))
    with floors(folder, ground, settings) as floor:
        for number in range(ROUNDS):
            for name in names if number % 2 == 0 else reversed(names):
                if name in outcome.missing:
                    continue
                try:
                    with (
                        CONTENDERS[name].start(folder, ground) as peer,
                        working(folder, "bench.peers.crowd", settings) as worker,
                    ):
                        measure(Stage(name, peer, worker), floor, outcome)
                except StartError as error:
                    if name == OURS:
                        raise
                    outcome.missing[name] = str(error).splitlines()[-1]
    return outcome


@contextmanager
def floors(folder: Path, ground: Ground, settings: crowd.Settings) -> Iterator[dict[Load, Stage]]:
    """One server for the whole run, with a crowd that calls and one that follows."""
    with ExitStack() as stack:
        peer = stack.enter_context(CONTENDERS[FLOOR].start(folder, ground))
        stages: dict[Load, Stage] = {}
        for loads in (CALLS, FAN_OUTS):
            worker = stack.enter_context(working(folder, "bench.peers.crowd", settings))
            stage = Stage(FLOOR, peer, worker)
            enter(stage, loads)
            stages |= dict.fromkeys(loads, stage)
        yield stages


def measure(stage: Stage, floor: dict[Load, Stage], outcome: Outcome) -> None:
    for loads in (CALLS, FAN_OUTS):
        if loads is CALLS and not CONTENDERS[stage.name].wire.call:
            continue
        enter(stage, loads)
        for load in loads:
            below = sample(floor[load], load, FLOOR_WARM_UP, FLOOR_SECONDS)
            pair = Pair(sample(stage, load, WARM_UP, SECONDS), below)
            outcome.pairs[load, stage.name].append(pair)


def enter(stage: Stage, loads: tuple[Load, ...]) -> None:
    peer, callers = stage.peer, max(load.callers for load in loads)
    publisher = None if callers else peer.publisher or peer.requests(1)[0]
    requests = peer.requests(callers or SUBSCRIBERS)
    stage.crowd.say(Open(peer.port, CONTENDERS[stage.name].wire, requests, publisher))
    stage.crowd.hear(type(None))


def sample(stage: Stage, load: Load, warm_up: float, seconds: float) -> Sample:
    """CPU time as a share of the wall time that was really observed, over the rate that the crowd
    really saw: nobody has to wake up at the same microsecond. Raises StartError when the crowd saw
    what must not be."""
    order = load.order(warm_up, seconds)
    stage.crowd.say(order)
    pids = stage.peer.pid, stage.crowd.pid
    before, began = used_at(order.window.begin, pids)
    after, ended = used_at(order.window.end, pids)
    try:
        seen = stage.crowd.hear(Seen)
    except StartError as error:
        fate = ", which has ended" if has_ended(stage.peer.pid) else ""
        raise StartError(f"{title(stage.name)}{fate}, {load.title}:\n{error}") from None
    server, generator = (
        (last - first) / (ended - began) for first, last in zip(before, after, strict=True)
    )
    rate = seen.count / seen.seconds
    return Sample(rate, 1e6 * server / rate, generator, seen)


def used_at(moment: float, pids: tuple[int, ...]) -> tuple[list[float], float]:
    time.sleep(max(0.0, moment - time.monotonic()))
    return [seconds_of(pid) for pid in pids], time.monotonic()
