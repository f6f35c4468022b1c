"""Who runs PostgreSQL, and where that account may go.

PostgreSQL refuses to run as root, so as root it runs as somebody else.
"""

import contextlib
import os
import pwd
import stat
from pathlib import Path
from typing import NamedTuple

from server.database.embedded.failures import EmbeddedError


class Account(NamedTuple):
    """Who runs PostgreSQL when we are root."""

    name: str
    uid: int
    gid: int


def account_for(data: Path) -> Account | None:
    if os.geteuid() != 0:
        return None
    if data.is_dir() and (owner := data.stat()).st_uid != 0:
        return Account(user_name(owner.st_uid), owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedError(
        "PostgreSQL refuses to run as root and this system has neither a user postgres nor nobody: "
        "start as another user."
    )


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def closed_to(path: Path, account: Account) -> Path | None:
    """The first directory above `path` that `account` may not enter; those to be made are ours."""
    for directory in reversed(path.parents):
        if not directory.exists():
            return None
        seen = directory.stat()
        if seen.st_uid == account.uid:
            needed = stat.S_IXUSR
        elif seen.st_gid == account.gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not seen.st_mode & needed:
            return directory
    return None


def make_parents(path: Path, account: Account | None) -> None:
    for directory in reversed([above for above in path.parents if not above.exists()]):
        directory.mkdir(exist_ok=True)
        if account:
            directory.chmod(0o755)  # just made by us: with a umask of 077 it would be closed
