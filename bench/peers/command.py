"""`python -m bench peers [name …]`: two tables, in five minutes."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.changes.command import allow_files
from bench.ground import Ground
from bench.options import check_names, parser_of
from bench.peers.contenders import CONTENDERS, FLOOR
from bench.peers.measuring import measured
from bench.peers.report import lines


def arguments(given: list[str]) -> argparse.Namespace:
    parser = parser_of("peers", "What a delivery and an answer cost, beside others' servers.")
    known = [name for name in CONTENDERS if name != FLOOR]
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(known)}; or all")
    options = parser.parse_args(given)
    check_names(parser, options.names, known)
    return options


def run(options: argparse.Namespace, folder: Path, ground: Ground) -> None:
    """With the floor beside them."""
    allow_files()
    names = options.names or [name for name in CONTENDERS if name != FLOOR]
    print(*lines(measured(folder, ground, names), names), sep="\n", flush=True)
