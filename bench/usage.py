"""What the kernel says of processes: the CPU time and the memory that they use. Linux only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def seconds_of(pid: int) -> float:
    """Of all its threads, user and system. By the nanosecond where the kernel keeps schedstat."""
    try:
        return sum(nanoseconds(task) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9
    except FileNotFoundError:
        fields = stat(pid)
        return (int(fields[11]) + int(fields[12])) / TICKS


def nanoseconds(task: Path) -> int:
    return int((task / "schedstat").read_text().split()[0])


def stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat behind the name: its state, its parent, and so on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def parent_of(pid: int) -> int:
    return int(stat(pid)[1])


def has_ended(pid: int) -> bool:
    """Of a child that nobody has waited for yet."""
    return stat(pid)[0] == "Z"


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text()


def seconds_of_family(pid: int) -> float:
    """Of a process, its children, and those of its children that have ended."""
    ended = stat(pid)[13:15]
    total = seconds_of(pid) + sum(map(int, ended)) / TICKS
    for each in children_of(pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            total += seconds_of(each)
    return total


def children_of(pid: int) -> Iterator[int]:
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if parent_of(int(folder.name)) == pid:
                yield int(folder.name)


def resident(pid: int) -> int:
    """Bytes of memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
