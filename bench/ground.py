"""A database of the run's own, migrated, with users signed in, and gone afterwards."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg

from bench.processes import StartError, environment
from bench.usage import name_of, parent_of
from server import resources
from server.database import embedded
from server.database.columns import uuid7
from server.database.engine import Database, Engine
from server.resources.sessions.rows import hashed
from server.resources.sessions.tables import Session
from server.resources.users.tables import User

USERS = 1001
GUILDS = 100
PROFILE = '{{"avatar": "fox", "level": 12, "guild": "Guild {}", "colours": [3, 5, 8]}}'
ABOUT = "SELECT current_setting('server_version'), pg_backend_pid()"


class Ground(NamedTuple):
    """Each user has a session. The first is an admin: the widest view of a user, and no extra
    statement in an update. The others are in guilds, one after the other."""

    dsn: str
    postgres: str
    postmaster: int
    """The process whose children are all of this PostgreSQL."""
    users: list[UUID]
    tokens: list[str]


@contextmanager
def prepared(folder: Path, given: str | None) -> Iterator[Ground]:
    """In an embedded PostgreSQL in `folder`, or on the given one, whose role creates databases."""
    with embedded_database(folder) if given is None else created(given) as dsn:
        migrated = subprocess.run(
            [sys.executable, "-m", "server", "migrate", "forwards"],
            cwd=folder,
            env=environment(DATABASE_URL=dsn),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if migrated.returncode:
            raise StartError(migrated.stderr)
        yield asyncio.run(seeded(dsn))


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that PostgreSQL's own user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="victoryvault-bench-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def embedded_database(folder: Path) -> Iterator[str]:
    with embedded.start(folder / "data") as postgres:
        yield postgres.dsn


@contextmanager
def created(given: str) -> Iterator[str]:
    name = f"bench_{secrets.token_hex(6)}"
    asyncio.run(execute(given, f"CREATE DATABASE {name}"))
    try:
        yield urlunsplit(urlsplit(given)._replace(path=f"/{name}"))
    finally:
        asyncio.run(execute(given, f"DROP DATABASE {name} WITH (FORCE)"))


async def execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def seeded(dsn: str) -> Ground:
    database = Database(Engine(dsn), 1, 10)
    database.bind(resources.tables())
    await database.open()
    users = [
        User(
            id=uuid7(),
            email=f"player{number}@example.org",
            full_name=f"Player {number}",
            status="looking for a game",
            profile=PROFILE.format(number % GUILDS),
            role="player" if number else "admin",
        )
        for number in range(USERS)
    ]
    tokens = [secrets.token_urlsafe(32) for _ in users]
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    sessions = [
        Session(user=user.id, token=hashed(token), expires_at=tomorrow, address="", client="bench")
        for user, token in zip(users, tokens, strict=True)
    ]
    try:
        await User.insert(*users)
        await Session.insert(*sessions)
        await database.fetch("ANALYZE")
        (row,) = await database.fetch(ABOUT)
        postmaster = postmaster_of(row[1])
    finally:
        await database.close()
    return Ground(dsn, row[0], postmaster, [user.id for user in users], tokens)


def postmaster_of(backend: int) -> int:
    """Raises StartError when PostgreSQL does not run here, where its CPU time can be seen."""
    try:
        if name_of(backend).startswith("postgres"):
            return parent_of(backend)
    except OSError:
        pass
    raise StartError("PostgreSQL must run on this machine, for its CPU time to be measured")
