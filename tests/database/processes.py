"""Servers as processes of their own, and what is in the list of processes.

A server here starts PostgreSQL and waits. What must be gone is looked for in the list of
processes; what must come is awaited with a deadline, never with a nap.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from server.database.embedded import EmbeddedError, start
from server.database.embedded.account import Account, closed_to
from server.database.embedded.data_directory import name_of

REPOSITORY = Path(__file__).parents[2]
IS_ROOT = os.geteuid() == 0
NOBODY = 65534
as_root = pytest.mark.skipif(not IS_ROOT, reason="only root has the rights that this is about")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="macOS has no death signal")

Serve = Callable[..., "subprocess.Popen[str]"]


def eventually(condition: Callable[[], object], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


def processes(data: Path, kind: str = "") -> list[int]:
    """Numbers of the supervisor and of every PostgreSQL process on `data`."""
    name = name_of(data)
    listed = subprocess.check_output(["ps", "-axwwo", "pid=,command="], text=True)
    lines = [line.strip().partition(" ") for line in listed.splitlines()]
    return [int(number) for number, _, command in lines if name in command and kind in command]


def proc(number: int, file: str) -> list[str]:
    return Path(f"/proc/{number}/{file}").read_text().split("\0")


def runs_as(number: int) -> int:
    return int(subprocess.check_output(["ps", "-o", "uid=", "-p", str(number)], text=True))


def postmaster(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().split("\n", 1)[0])


def line_of(server: "subprocess.Popen[str]") -> tuple[str, str]:
    """What a server says once it knows: `ready` and the dsn, or `refused` and the sentence."""
    assert server.stdout
    word, _, rest = server.stdout.readline().strip().partition(" ")
    return word, rest


async def ask(dsn: str, *statements: str) -> Any:
    """The value of the last statement."""
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


async def answers(dsn: str, seconds: float) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            await ask(dsn, "SELECT 1")
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            assert time.monotonic() < until, "it did not serve again in time"
        else:
            return


def refusal(data: Path) -> str:
    with pytest.raises(EmbeddedError) as refused:
        start(data).stop()
    sentence = str(refused.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


@contextlib.contextmanager
def moved(database: Path, target: Path) -> Iterator[Path]:
    """The database at `target`, and the promise that nothing of it is left running."""
    database.rename(target)
    yield target
    try:
        eventually(lambda: not processes(target))
    finally:
        for number in processes(target):
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        target.rename(database)


def unprivileged() -> dict[str, Any]:
    """Options for `serve`: as nobody when the tests run as root."""
    if not IS_ROOT:
        return {}
    nobody = Account("nobody", NOBODY, NOBODY)
    for python in filter(None, (sys.executable, shutil.which("python3", path=os.defpath))):
        ask_version = "import sys; sys.exit(sys.version_info < (3, 11))"
        is_open = not closed_to(Path(python).resolve(), nobody)
        if is_open and subprocess.call([python, "-c", ask_version]) == 0:
            break
    else:
        pytest.skip("nobody may not run this Python")
    wheels = Path(asyncpg.__file__).parents[1]
    for path in (REPOSITORY / "server", wheels / "asyncpg"):
        if closed := closed_to(path, nobody):
            pytest.skip(f"nobody may not enter {closed}")
    who = {"user": NOBODY, "group": NOBODY, "extra_groups": ()}
    return {"python": python, "env": {"PYTHONPATH": f"{REPOSITORY}:{wheels}"}, **who}
