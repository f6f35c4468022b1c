"""Where workers leave their numbers for each other: a file for each, in a folder they share.

A worker holds a lock on its file for as long as it lives, whatever ends it. Who comes after a dead
one takes its file over and counts on from there, so that nothing counted is lost.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from array import array
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NUMBER = "d"
WIDTH = 8


class Left(NamedTuple):
    """What one worker left."""

    pid: int
    numbers: Sequence[float]
    is_alive: bool


class Board:
    """Of one worker: `write` its numbers, and `read` all. All workers have as many numbers.

    A number is written whole; of several, some may be read a round earlier than others.
    """

    def __init__(self, folder: Path, size: int) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self.folder = folder
        self.length = (1 + size) * WIDTH
        self.number, self._file = next(filter(None, map(self._claim, count())))
        os.ftruncate(self._file, self.length)
        self._map = mmap.mmap(self._file, self.length)
        self.found = array(NUMBER, self._map[WIDTH:])
        """What the one before has left; zeros when there was none."""

    def _claim(self, number: int) -> tuple[int, int] | None:
        file = os.open(self.folder / str(number), os.O_RDWR | os.O_CREAT, 0o600)
        if is_locked(file, fcntl.LOCK_EX):
            os.close(file)
            return None
        return number, file

    def write(self, numbers: Sequence[float]) -> None:
        self._map[:] = array(NUMBER, [os.getpid(), *numbers]).tobytes()

    def read(self) -> list[Left]:
        found = []
        for path in sorted(self.folder.iterdir(), key=lambda path: int(path.name)):
            number = int(path.name)
            file = os.open(path, os.O_RDWR)
            try:
                is_alive = number == self.number or is_locked(file, fcntl.LOCK_SH)
                content = os.pread(file, self.length, 0)
            finally:
                os.close(file)
            if len(content) == self.length:  # or it has only just been made
                pid, *numbers = array(NUMBER, content)
                found.append(Left(int(pid), numbers, is_alive))
        return found

    def close(self) -> None:
        """The numbers stay, for the others and for who comes after."""
        self._map.close()
        os.close(self._file)


def is_locked(file: int, kind: int) -> bool:
    """Whether somebody else holds it; if not, we do now."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
