"""The machine that was measured, as lines of a Markdown table."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.processes import ROOT

PACKAGES = ("asyncpg", "piccolo", "msgspec", "starlette", "uvicorn", "uvloop", "websockets")


def table(postgres: str) -> Iterator[str]:
    """What the figures are worth nothing without."""
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
