"""`python -m bench changes [part …]`: a table for each, in less than five minutes."""

from __future__ import annotations

import argparse
import resource
from pathlib import Path

from bench.changes import deliveries, frozen, latency, memory, resume
from bench.ground import Ground
from bench.options import check_names, parser_of
from bench.processes import StartError

FILES = 4096
"""A process may have open."""
PARTS = {
    "latency": ("From COMMIT to the client", latency.measured),
    "deliveries": ("The price of a delivery", deliveries.measured),
    "resume": ("All come back at once", resume.measured),
    "frozen": ("A thousand that never read", frozen.measured),
    "memory": ("Memory of an idle connection", memory.measured),
}


def arguments(given: list[str]) -> argparse.Namespace:
    parser = parser_of("changes", "What a change costs, from its COMMIT to all who follow it.")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; or all")
    options = parser.parse_args(given)
    check_names(parser, options.parts, PARTS)
    return options


def run(options: argparse.Namespace, folder: Path, ground: Ground) -> None:
    allow_files()
    for name in options.parts or PARTS:
        title, measured = PARTS[name]
        print(f"### {title}", "", sep="\n", flush=True)
        for line in measured(folder, ground):
            print(line, flush=True)
        print(flush=True)


def allow_files() -> None:
    """Each socket is one, in the server and in a reader. Raises StartError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < FILES:
        raise StartError(f"a process may open {hard} files, and needs {FILES}: ulimit -n")
    if soft < FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, hard))
