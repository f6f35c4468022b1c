"""`python -m bench [calls] [call …]`: a table for the README, in less than two minutes."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path

from bench.calls import load, raw, report
from bench.calls.calls import CALLS, PING
from bench.calls.rounds import Side, results
from bench.ground import Ground
from bench.options import bounded, check_names, parser_of
from bench.processes import environment, free_port, listening, working

IN_FLIGHT = 32
"""Calls of one connection that the server takes at a time."""
MOST_SLOTS = 512


def arguments(given: list[str]) -> argparse.Namespace:
    parser = parser_of("calls", "What a call costs, beside raw asyncpg doing the same.")
    parser.epilog = "`changes` in place of `calls` measures changes, `all` both."
    parser.add_argument("calls", nargs="*", metavar="call", help=f"of {', '.join(CALLS)}; or all")
    parser.add_argument("--rounds", type=bounded(1, 50), default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="of one round, at most 60")
    parser.add_argument("--warm-up", type=float, default=0.5, help="seconds before each round")
    parser.add_argument("--connections", type=bounded(1, 256), default=16)
    parser.add_argument("--depth", type=bounded(1, IN_FLIGHT), default=4, help="calls under way")
    parser.add_argument("--generators", type=bounded(1, 16), default=2, help="load processes")
    parser.add_argument("--pool", type=bounded(1, 100), default=10, help="database connections")
    options = parser.parse_args(given)
    check_names(parser, options.calls, CALLS)
    if not (0 < options.seconds <= 60 and 0.1 <= options.warm_up <= 10):
        parser.error("a round has up to 60 seconds, and a warm-up of 0.1 to 10")
    if options.connections % options.generators:
        parser.error("the connections are shared evenly: a multiple of the generators")
    if options.connections * options.depth > MOST_SLOTS:
        parser.error(f"at most {MOST_SLOTS} calls are under way, connections times depth")
    return options


def run(options: argparse.Namespace, folder: Path, ground: Ground) -> None:
    with ExitStack() as stack:
        sides = started(options, stack, folder, ground)
        measured = results(sides, options.rounds, options.warm_up, options.seconds)
        for line in report.table(measured):
            print(line, flush=True)
    print("", report.READING.format_map(vars(options)), sep="\n", flush=True)


def started(
    options: argparse.Namespace, stack: ExitStack, folder: Path, ground: Ground
) -> dict[str, tuple[Side, Side]]:
    """For each call the server, and what it is compared with. Both wait until it is their turn."""
    slots = options.connections * options.depth
    port, stub_port = free_port(), free_port()
    settings = environment(
        DATABASE_URL=ground.dsn,
        VICTORYVAULT_POOL_SIZE=str(options.pool),
        VICTORYVAULT_MAX_CALLS_PER_SECOND="0",
    )
    serve = listening(folder, port, "server", "serve", "--port", str(port), env=settings)
    server = stack.enter_context(serve)
    generators = [
        stack.enter_context(
            working(
                folder,
                "bench.calls.load",
                load.Settings(
                    ground.tokens[0],
                    ground.users,
                    options.connections // options.generators,
                    options.depth,
                    number * slots // options.generators,
                    slots,
                ),
            )
        )
        for number in range(options.generators)
    ]
    asked = raw.Settings(ground.dsn, ground.users, slots, options.pool)
    statements = stack.enter_context(working(folder, "bench.calls.raw", asked))
    stub = stack.enter_context(listening(folder, stub_port, "bench.calls.stub", str(stub_port)))
    served = Side(server, generators, port)
    return {
        name: (
            served,
            Side(stub, generators, stub_port)
            if name == PING
            else Side(statements.pid, [statements]),
        )
        for name in options.calls or CALLS
    }
