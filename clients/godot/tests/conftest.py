"""A real server of this repository, and games on real Godots: 3 from Debian, 4 in Chromium."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent), str(Path(__file__).parents[1])]

from game import ENGINES, Game, playing  # noqa: E402
from tests.conftest import free_port  # noqa: E402
from tests.faults.line import Line, line_to  # noqa: E402
from tests.process import ServerProcess, process  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.client import Client

DEMO = {"email": "demo@example.org", "password": "demo-password"}


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[ServerProcess]:
    """The command that README names, on a PostgreSQL of its own."""
    folder = Path(tempfile.mkdtemp(prefix="victoryvault-godot-"))
    folder.chmod(0o755)  # noqa: ASYNC240
    try:
        command = ("dev", "--port", str(free_port()), "--data", str(folder / "data"))
        async with process(None, *command, VICTORYVAULT_ALLOWED_ORIGINS="*") as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    ENGINES[name](Path())  # skips, when it is not here
    return name


@pytest.fixture(scope="module")
async def godot(engine: str) -> AsyncIterator[Game]:
    """One Godot for the tests of a file."""
    async with playing(engine) as game:
        yield game


@pytest.fixture
async def admin(server: ServerProcess) -> AsyncIterator[Client]:
    async with server.connect() as client:
        await client.call("session.create", **DEMO)
        yield client


@pytest.fixture
async def game(godot: Game, server: ServerProcess) -> AsyncIterator[Game]:
    """With a connection that is signed in."""
    await godot.connect(server.rpc)
    await godot.call("session.create", **DEMO)
    yield godot
    await godot.do("close")


@pytest.fixture
async def line(server: ServerProcess) -> AsyncIterator[Line]:
    async with line_to(server.rpc) as joined:
        yield joined
