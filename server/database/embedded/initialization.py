"""A new database, whole or not at all."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from server.database.embedded.account import Account
from server.database.embedded.binaries import Binaries, call
from server.database.embedded.data_lock import RELEASE_SECONDS
from server.database.embedded.supervisor import POLL_SECONDS

CREATION: Final = ("--username=victoryvault", "--auth=trust", "--encoding=UTF8", "--no-sync")
# The same order of text on every system; from the first major that fits.
LOCALES: Final[dict[int, tuple[str, ...]]] = {
    17: ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    0: ("--locale=C",),
}


def remove_halves(data: Path) -> None:
    """What is left of initializations whose server was killed.

    Their initdb lives on for a moment, until it misses its files, and may put some back.
    """
    until = time.monotonic() + RELEASE_SECONDS
    for path in data.parent.iterdir():
        if path.name.startswith(f"{data.name}.new-"):
            while path.exists() and time.monotonic() < until:
                shutil.rmtree(path, ignore_errors=True)
                time.sleep(POLL_SECONDS)


def initialize(data: Path, binaries: Binaries, account: Account | None) -> None:
    """Beside `data`, and moved there when complete and on the disk: `data` is never half made."""
    fresh = Path(tempfile.mkdtemp(prefix=f"{data.name}.new-", dir=data.parent))
    initdb, postgres = binaries.directory / "initdb", binaries.directory / "postgres"
    locale = next(words for major, words in LOCALES.items() if binaries.major >= major)
    try:
        if account:
            os.chown(fresh, account.uid, account.gid)
        create: list[Path | str] = [initdb, "-D", fresh, *CREATION, *locale]
        _insist(create, account)
        _insist(
            [postgres, "--single", "-F", "-D", fresh, "postgres"],
            account,
            "CREATE DATABASE victoryvault\n",
        )
        _insist([initdb, "-D", fresh, "--sync-only"], account)
        fresh.rename(data)
        parent = os.open(data.parent, os.O_RDONLY)
        os.fsync(parent)
        os.close(parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _insist(command: Sequence[Path | str], account: Account | None, said: str = "") -> None:
    """Run a step of the initialization."""
    done = call(command, account, said)
    errors = re.findall(r"(?:error|ERROR|FATAL|PANIC):\s+(.*)", done.stderr)
    if done.returncode or errors:  # postgres --single ends well after an error
        raise subprocess.SubprocessError((errors or [done.stderr.strip()])[0])
