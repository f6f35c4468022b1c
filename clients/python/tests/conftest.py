"""The real server of this repository, on a real PostgreSQL, behind a line that breaks.

Run by `.venv/bin/pytest clients/python/tests`.
"""

from __future__ import annotations

import random
import secrets
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from victoryvault_client import Connection

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from people import Connect, sign_up, tasks_left  # noqa: E402
from tests.faults.line import Line, line_to  # noqa: E402

from tests.conftest import (  # noqa: E402, F401 - fixtures
    Databases,
    Running,
    cheap_passwords,
    database,
    databases,
    dsn,
    postgres,
    server,
    template,
)


@pytest.fixture
async def connect(server: Running) -> AsyncIterator[Connect]:  # noqa: F811
    """Makes connections, signed in as somebody new, that are closed at the end."""
    made: list[Connection] = []

    async def make(url: str = server.rpc, *, name: str = "Ada", **options: Any) -> Connection:
        connection = Connection(url, **options)
        made.append(connection)
        if "token" not in options:
            await sign_up(connection, name)
        return connection

    yield make
    for each in made:
        await each.close()


@pytest.fixture
async def admin(server: Running, dsn: str, connect: Connect) -> Connection:  # noqa: F811
    made = await connect(name="Admin")
    mine = await made.call("session.list")
    async with database(dsn) as connection:
        user = mine["sessions"][0]["user"]
        await connection.execute("UPDATE users SET role = 'admin' WHERE id = $1", user)
    renewed = await made.call("session.renew")
    await made.call("session.resume", {"token": renewed["token"]})
    return made


@pytest.fixture
async def line(server: Running) -> AsyncIterator[Line]:  # noqa: F811
    async with line_to(server.rpc) as made:
        yield made


@pytest.fixture
def tag() -> str:
    """What the names of this test's users begin with."""
    return f"T{secrets.token_hex(4)}"


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Come back soon: the line breaks often here."""
    monkeypatch.setattr(random, "random", lambda: 0.02)


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    """Each test leaves no task of the client's behind."""
    yield
    assert not tasks_left()
