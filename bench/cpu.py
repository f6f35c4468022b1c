"""What the kernel says of processes: the CPU time that they have used. Linux only."""

from __future__ import annotations

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def seconds_of(pid: int) -> float:
    """Of all its threads, user and system. By the nanosecond where the kernel keeps schedstat."""
    try:
        return sum(nanoseconds(task) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9
    except FileNotFoundError:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


def nanoseconds(task: Path) -> int:
    return int((task / "schedstat").read_text().split()[0])
