"""The processes of a run: started here, and ended here by their own pid, whatever happens."""

from __future__ import annotations

import ctypes
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.error import HTTPError
from urllib.request import urlopen

import msgspec

ROOT = Path(__file__).parent.parent
START_SECONDS = 30.0
STOP_SECONDS = 20.0
LOG_LINES = 20
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
PYTHON = (sys.executable, "-m")
PORTS = range(20000, 30000)
"""Below those that the system gives to outgoing connections."""

Kind = TypeVar("Kind")


class StartError(Exception):
    """A process that does not come up; its text is what it said last."""


def environment(**more: str) -> dict[str, str]:
    """Without the settings of the shell that the benchmark was started from."""
    mine = ("VICTORYVAULT_", "DB_", "DATABASE_URL", "PG")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(mine)}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def free_port() -> int:
    for port in random.sample(PORTS, 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise StartError("no free port was found")


def end_with_parent() -> None:
    """In a child: SIGTERM when the benchmark is killed, and so cannot end it."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Running(NamedTuple):
    process: subprocess.Popen[bytes]
    log: Path

    def failed(self) -> StartError:
        """With the last that it said."""
        said = self.log.read_text().strip().splitlines()[-LOG_LINES:]
        return StartError("\n".join([f"{self.log.stem} ended or does not answer", *said]))


@contextmanager
def running(
    folder: Path, *command: str, program: tuple[str, ...] = PYTHON, **options: Any
) -> Iterator[Running]:
    """`python -m <command>`; what it says on stderr goes to a file in `folder`.

    In a session of its own, so that Ctrl-C reaches the benchmark first, which then ends it.
    """
    path = folder / f"{Path(command[0]).name}-{secrets.token_hex(3)}.log"
    with path.open("wb") as log:
        process = subprocess.Popen(
            [*program, *command],
            cwd=folder,
            stderr=log,
            start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - there are no threads here
            **{"stdin": subprocess.DEVNULL, "stdout": log, "env": environment(), **options},
        )
    try:
        yield Running(process, path)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def listening(folder: Path, port: int, *command: str, **options: Any) -> Iterator[int]:
    """The pid of a server, once something answers on its port."""
    with running(folder, *command, **options) as server:
        until = time.monotonic() + START_SECONDS
        while not answers(port):
            if server.process.poll() is not None or time.monotonic() > until:
                raise server.failed()
            time.sleep(0.05)
        yield server.process.pid


def answers(port: int) -> bool:
    """Whether a server is ready; one that has no such page says so, and is ready too."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/ready", timeout=2):
            return True
    except HTTPError as error:
        return error.code != 503
    except OSError:
        return False


class Worker:
    """A process of `bench.worker`, seen from outside."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.pid = running.process.pid

    def say(self, what: Any) -> None:
        assert self.running.process.stdin is not None
        self.running.process.stdin.write(msgspec.json.encode(what) + b"\n")
        self.running.process.stdin.flush()

    def hear(self, kind: type[Kind]) -> Kind:
        """Raises StartError when it has ended instead of answering."""
        assert self.running.process.stdout is not None
        line = self.running.process.stdout.readline()
        if not line:
            raise self.running.failed()
        return msgspec.json.decode(line, type=kind)


@contextmanager
def working(folder: Path, module: str, settings: Any) -> Iterator[Worker]:
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with running(folder, module, **pipes) as started:
        worker = Worker(started)
        worker.say(settings)
        worker.hear(str)
        yield worker
