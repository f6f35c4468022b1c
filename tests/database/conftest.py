"""Databases and servers for the tests of the embedded PostgreSQL."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.database.embedded import start
from tests.database.processes import REPOSITORY, Serve, moved

SERVER = """
import os, signal, subprocess, sys
from pathlib import Path
from server.database import embedded
{before}
try:
    postgres = embedded.start(Path(sys.argv[1]))
except embedded.EmbeddedError as error:
    print("refused", error, flush=True)
    sys.exit(3)
{after}
print("ready", postgres.dsn, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that the user who runs PostgreSQL may enter; pytest's own are closed."""
    directory = Path(tempfile.mkdtemp(prefix="vv-")).resolve()
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def finished() -> Iterator[Path]:
    """One database for all: a test moves it to where it wants it, and back."""
    directory = Path(tempfile.mkdtemp(prefix="vv-")).resolve()
    directory.chmod(0o755)
    start(directory / "postgres").stop()
    yield directory / "postgres"
    shutil.rmtree(directory)


@pytest.fixture
def data(place: Path, finished: Path) -> Iterator[Path]:
    with moved(finished, place / "postgres") as database:
        yield database


@pytest.fixture
def serve() -> Iterator[Serve]:
    started: list[subprocess.Popen[str]] = []

    def begin(
        data: Path,
        before: str = "",
        after: str = "",
        python: str = sys.executable,
        env: dict[str, str] | None = None,
        **options: Any,
    ) -> "subprocess.Popen[str]":
        path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
        server = subprocess.Popen(
            [python, "-c", SERVER.format(before=before, after=after), data],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env={**os.environ, "PYTHONPATH": path, **(env or {})},
            start_new_session=True,
            **{"stderr": subprocess.DEVNULL, **options},
        )
        started.append(server)
        return server

    yield begin
    for server in started:
        server.kill()
        server.communicate()
