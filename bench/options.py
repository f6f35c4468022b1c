"""Options that are bounded: no run takes longer than its help says."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection


def bounded(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least} and {most}")
        return int(text)

    return number


def parser_of(kind: str, description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m bench {kind}", description=description)
    parser.add_argument("--database", metavar="DSN", help="a PostgreSQL to make a database in")
    return parser


def check_names(parser: argparse.ArgumentParser, names: list[str], known: Collection[str]) -> None:
    if unknown := [name for name in names if name not in known]:
        parser.error(f"{unknown[0]} is none of {', '.join(known)}")
