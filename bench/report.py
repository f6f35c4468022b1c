"""The report, in Markdown: the machine, how it was measured, and the table."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.calls import CALLS
from bench.processes import ROOT
from bench.rounds import Result, Spread

PACKAGES = ("asyncpg", "piccolo", "msgspec", "starlette", "uvicorn", "uvloop", "websockets")
COLUMNS = (
    "call",
    "calls/s",
    "CPU-µs a call",
    "baseline",
    "its calls/s",
    "its CPU-µs",
    "calls/s to baseline",
    "CPU to baseline",
    "busiest generator",
)
READING = """\
Figures are the median of {rounds} rounds of {seconds:g} s, in brackets the least and the most;
{connections} connections with {depth} calls under way each, as many tasks in the baseline, and a
pool of {pool} connections for both. Server, generators and PostgreSQL share the cores, while the
baseline shares them with PostgreSQL alone. Therefore the CPU time that the server's process needs
for a call is the figure to go by; calls/s, and their ratio to the baseline in the same minute,
come second. A generator near 100 % of a core would be the bottleneck itself. Gets that arrive in
one turn of the server's loop share a statement, while the baseline sends one for each: that is how
`user.get` comes near it."""


def machine(postgres: str) -> Iterator[str]:
    """Lines of a table: what the figures are worth nothing without."""
    facts = {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": commit(),
        "CPU": f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start",
        "system": f"Linux {platform.release()}",
        "Python": platform.python_version(),
        "PostgreSQL": postgres,
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    }
    yield "| | |"
    yield "| --- | --- |"
    yield from (f"| {name} | {fact} |" for name, fact in facts.items())


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def commit() -> str:
    """With a word when the tree has changes that the commit does not."""
    try:
        name = git("rev-parse", "--short", "HEAD")
        return f"{name}, with local changes" if git("status", "--porcelain") else name
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def table(measured: Iterable[Result]) -> Iterator[str]:
    """A line as soon as its call is measured."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"| {' | '.join(['---', *['--:'] * 2, '---', *['--:'] * 5])} |"
    for result in measured:
        cells = (
            f"`{result.call}`",
            shown(result.spread(lambda ours, _: ours.rate)),
            shown(result.spread(lambda ours, _: ours.cost)),
            CALLS[result.call].baseline,
            shown(result.spread(lambda _, theirs: theirs.rate)),
            shown(result.spread(lambda _, theirs: theirs.cost)),
            shown(result.spread(lambda ours, theirs: ours.rate / theirs.rate), 2),
            shown(result.spread(lambda ours, theirs: ours.cost / theirs.cost), 2),
            f"{result.spread(lambda ours, _: ours.busiest).middle:.0%}",
        )
        yield f"| {' | '.join(cells)} |"


def shown(spread: Spread, digits: int = 0) -> str:
    middle, least, most = (f"{figure:,.{digits}f}".replace(",", "\u202f") for figure in spread)
    return f"**{middle}** ({least} to {most})"
