"""One server for one database: the lock beside its data, with the number of who holds it."""

import fcntl
import os
import time
from pathlib import Path
from typing import Final

from server.database.embedded.data_directory import beside
from server.database.embedded.failures import EmbeddedError
from server.database.embedded.supervisor import POLL_SECONDS

RELEASE_SECONDS: Final = 5.0  # for a server that was just killed to let go of its data
BUSY_SECONDS: Final = 0.5  # for a server that is alive


def take_lock(data: Path) -> int:
    """An open descriptor; who holds it, or a copy of it, holds the data."""
    lock = os.open(beside(data, ".lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    begun = time.monotonic()
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _number_in(lock)
            if time.monotonic() - begun > (BUSY_SECONDS if holder else RELEASE_SECONDS):
                os.close(lock)
                who = (
                    f"a running server (process {holder})" if holder else "a server on its way out"
                )
                raise EmbeddedError(
                    f"The database in {data} is in use by {who}: stop that one first, or start "
                    "with another --data."
                ) from None
            time.sleep(POLL_SECONDS)
        else:
            os.ftruncate(lock, 0)
            os.pwrite(lock, b"%d\n" % os.getpid(), 0)
            return lock


def holder_of(data: Path) -> int | None:
    """The number of the server that has `data` open, 0 when it is starting or stopping."""
    try:
        lock = os.open(beside(data, ".lock"), os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _number_in(lock)
    finally:
        os.close(lock)
    return None


def _number_in(lock: int) -> int:
    text = os.pread(lock, 32, 0).strip()
    return int(text) if text.isdigit() else 0
