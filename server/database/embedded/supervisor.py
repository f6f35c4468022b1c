"""Keeps one PostgreSQL running for exactly as long as one server lives.

A process of its own, started by `embedded`, in a session of its own so that Ctrl-C in the
server's terminal reaches neither it nor PostgreSQL:

    server ──(lifeline: our standard input)──▶ supervisor ──(parent and child)──▶ postgres

Nothing is ever sent through the lifeline. It ends when the server ends, however the server ends,
and then PostgreSQL is shut down. When PostgreSQL ends by itself it is started again, a bounded
number of times. When the supervisor is killed, Linux tells PostgreSQL to shut down
(PR_SET_PDEATHSIG); macOS has no such thing, there the next start ends what was left behind.
SIGTERM and SIGINT are not for us: a service manager sends them to every process of a service at
once, and the server still needs its database to finish what it has begun.

It never creates, owns or repairs data (`embedded` does), and it imports nothing of the project:
it runs as `python -I -S supervisor.py`, which is there in 30 ms whatever the server's directory.
"""

import contextlib
import ctypes
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Final

FAST_SECONDS: Final = 5.0  # a fast shutdown (SIGINT) may take this long,
IMMEDIATE_SECONDS: Final = 3.0  # then an immediate one (SIGQUIT) this long, then SIGKILL
FAILURES: Final = 5  # so many ends of PostgreSQL
FAILURE_SECONDS: Final = 30.0  # within so long, and we give up
POLL_SECONDS: Final = 0.01  # while it starts
TICK_SECONDS: Final = 60.0  # while it runs: only to look after the log
LOG_BYTES: Final = 8 << 20  # the log is cut to its end when it grows beyond this
LOG_BYTES_KEPT: Final = 1 << 20


@dataclass(frozen=True)
class Order:
    """What `embedded` asks for; it travels as JSON in our one argument."""

    command: list[str]  # PostgreSQL's
    data: str
    sockets: str
    log: str
    name: str  # PostgreSQL's cluster_name: how its processes are known from all others
    lock: int  # descriptor of the lock file; the lock is ours while it is open
    user: int | None  # who runs PostgreSQL; None is oneself
    group: int | None

    def to_argument(self) -> str:
        return json.dumps(asdict(self))


class Supervisor:
    def __init__(self, order: Order) -> None:
        self.order = order
        self.wakeup = _wake_on_signals()
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        self.log = os.open(order.log, flags, 0o600)
        self.postmaster = Path(order.data, "postmaster.pid")
        self.is_reported = False

    def run(self) -> int:
        """Returns the exit status once nothing of PostgreSQL is left."""
        failures: list[float] = []
        while True:
            self.end_relics()
            self.bound_log()
            mark = os.fstat(self.log).st_size
            try:
                child = self.launch()
            except (OSError, subprocess.SubprocessError) as error:
                return self.give_up(str(error))
            if self.attend(child):
                return 0
            words = self.last_words(mark)
            now = time.monotonic()
            failures = [then for then in failures if now - then < FAILURE_SECONDS] + [now]
            has_served = self.is_reported or "pre-existing shared memory block" in words
            if len(failures) >= FAILURES or not has_served:
                return self.give_up(words)
            self.note(f"PostgreSQL ended (status {child.returncode}), starting it again")
            if self.is_server_gone(0.2 * (len(failures) - 1)):
                return 0

    def launch(self) -> subprocess.Popen[bytes]:
        self.forgive_reused_numbers()
        # A preexec_fn is safe here: this process has one thread. It runs after the change of
        # user, which would clear the death signal.
        return subprocess.Popen(  # noqa: S603
            self.order.command,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            cwd="/",
            env=clean_environment(),
            preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509
            user=self.order.user,
            group=self.order.group,
            extra_groups=None if self.order.user is None else (),
        )

    def attend(self, child: subprocess.Popen[bytes]) -> bool:
        """Stay until `child` ends (False), or the server has ended and `child` with it (True)."""
        is_ready = False
        while child.poll() is None:
            if self.is_server_gone(TICK_SECONDS if is_ready else POLL_SECONDS):
                self.shut_down(child)
                return True
            if not is_ready and ready_postmaster(self.postmaster) == child.pid:
                is_ready = True
                self.report("ready")
            self.bound_log()
        return False

    def is_server_gone(self, seconds: float) -> bool:
        """Wait up to `seconds` for the end of the lifeline; a child that ends wakes us too."""
        readable, _, _ = select.select([0, self.wakeup], [], [], seconds)
        if self.wakeup in readable:
            os.read(self.wakeup, 512)
        if 0 not in readable or os.read(0, 512):
            return False
        os.ftruncate(self.order.lock, 0)  # tells the next start that we are on our way out
        return True

    def shut_down(self, child: subprocess.Popen[bytes]) -> None:
        for number, seconds in (
            (signal.SIGINT, FAST_SECONDS),
            (signal.SIGQUIT, IMMEDIATE_SECONDS),
            (signal.SIGKILL, FAST_SECONDS),
        ):
            child.send_signal(number)
            until = time.monotonic() + seconds
            while child.poll() is None and (left := until - time.monotonic()) > 0:
                if select.select([self.wakeup], [], [], left)[0]:
                    os.read(self.wakeup, 512)
            if child.poll() is not None:
                break
        self.end_relics()

    def end_relics(self) -> None:
        """End processes of an earlier PostgreSQL on this data: only then may the next one start.

        A backend in the middle of a long computation does not notice that its postmaster was
        killed, and PostgreSQL rightly refuses to start beside it. SIGQUIT ends it.
        """
        if not self.postmaster.exists():
            return  # the last thing a postmaster removes, so there is nothing left
        begun = time.monotonic()
        while relics := processes_named(self.order.name):
            waited = time.monotonic() - begun
            has_postmaster = any(relics.values())
            if waited > FAST_SECONDS + IMMEDIATE_SECONDS:
                number = signal.SIGKILL
            elif waited > (FAST_SECONDS if has_postmaster else 0.1):
                number = signal.SIGQUIT
            else:
                number = signal.SIGINT
            for pid, is_postmaster in relics.items():
                # To a backend SIGINT would only mean: cancel the query.
                if is_postmaster or number != signal.SIGINT:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, number)
            time.sleep(0.02)

    def forgive_reused_numbers(self) -> None:
        """A lock file may name a process number that by now is somebody else's.

        In a container that is the rule. PostgreSQL would refuse to start, but accepts its parent's
        number. The rest of the file stays: with it PostgreSQL looks for old shared memory.
        """
        Path(self.order.sockets, ".s.PGSQL.5432.lock").unlink(missing_ok=True)
        try:
            file = os.open(self.postmaster, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            return
        first, _, rest = os.pread(file, 4096, 0).partition(b"\n")
        command = command_of(int(first)) if first.isdigit() else []
        if not command or not Path(command[0].split(":")[0]).name.startswith("post"):
            os.ftruncate(file, 0)
            os.pwrite(file, b"%d\n%s" % (os.getpid(), rest), 0)
        os.close(file)

    def report(self, line: str) -> None:
        """One line to the server, once; a server that is gone does not hear it."""
        if not self.is_reported:
            self.is_reported = True
            with contextlib.suppress(OSError):
                os.write(1, line.encode() + b"\n")

    def note(self, sentence: str) -> None:
        with contextlib.suppress(OSError):  # a full disk
            os.write(self.log, f"supervisor: {sentence}\n".encode())

    def give_up(self, why: str) -> int:
        """Says so to whoever listens, and returns the exit status."""
        if not self.is_reported:
            self.report(f"failed {why}")
            return 1
        sentence = (
            f"PostgreSQL on {self.order.data} ended {FAILURES} times within "
            f"{FAILURE_SECONDS:.0f} seconds and is not started again ({why}); see {self.order.log}."
        )
        self.note(sentence)
        with contextlib.suppress(OSError):
            os.write(2, f"{sentence}\n".encode())
        return 1

    def last_words(self, mark: int) -> str:
        """The first fatal message since `mark`, which is the cause, or else the last lines."""
        said = os.pread(self.log, 65536, mark).decode(errors="replace")
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        fatal = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
        if not fatal:
            return " ".join(lines[-3:]) or "it said nothing"
        after = lines[lines.index(fatal[0]) + 1 :]
        hints = [line for line in after[:2] if "DETAIL:" in line or "HINT:" in line]
        return " ".join(re.split(r"[A-Z]+:  ", line, maxsplit=1)[-1] for line in fatal[:1] + hints)

    def bound_log(self) -> None:
        size = os.fstat(self.log).st_size
        if size > LOG_BYTES:
            kept = os.pread(self.log, LOG_BYTES_KEPT, size - LOG_BYTES_KEPT)
            os.ftruncate(self.log, 0)
            os.write(self.log, kept.split(b"\n", 1)[-1])


def clean_environment() -> dict[str, str]:
    """Nothing of ours reaches PostgreSQL: no PG*, no LD_LIBRARY_PATH, no language."""
    kept = {key: os.environ[key] for key in ("TZ",) if key in os.environ}
    return {"PATH": os.defpath, "LC_ALL": "C", **kept}


def ready_postmaster(file: Path) -> int | None:
    """The number of the postmaster that says in its file that it accepts connections.

    PostgreSQL writes its state into the eighth line (see miscadmin.h).
    """
    try:
        lines = file.read_text(errors="replace").splitlines()
    except OSError:
        return None
    is_ready = [line.strip() for line in lines[7:8]] == ["ready"] and lines[0].isdigit()
    return int(lines[0]) if is_ready else None


def command_of(pid: int) -> list[str]:
    """The command line of a process, empty when there is none (as of one that is dead)."""
    return next((command for number, command in _commands(pid) if number == pid), [])


def processes_named(name: str) -> dict[int, bool]:
    """PostgreSQL processes with this cluster_name: number → whether it is the postmaster."""
    found: dict[int, bool] = {}
    for number, command in _commands():
        if f"cluster_name={name}" in command:
            found[number] = True
        elif " ".join(command[:2]).startswith(f"postgres: {name}: "):
            found[number] = False
    return found


def _commands(pid: int | None = None) -> Iterator[tuple[int, list[str]]]:
    """The command lines of one or all processes."""
    if Path("/proc/self").exists():
        for entry in Path("/proc").glob("[1-9]*" if pid is None else str(pid)):
            with contextlib.suppress(OSError):
                line = (entry / "cmdline").read_bytes().decode(errors="replace")
                yield int(entry.name), line.rstrip("\0").split("\0") if line else []
        return
    which = ["-ax"] if pid is None else ["-p", str(pid)]
    shown = subprocess.run(  # noqa: S603
        ["/bin/ps", *which, "-o", "pid=,command="], capture_output=True, text=True, check=False
    )
    for line in shown.stdout.splitlines():
        number, *command = line.split()
        yield int(number), command


def _wake_on_signals() -> int:
    """A descriptor that becomes readable when a child ends."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    def ignore(_number: int, _frame: FrameType | None) -> None: ...

    # Handlers, not SIG_IGN: PostgreSQL would inherit that.
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, ignore)
    return reading


def _die_with(parent: int) -> Callable[[], None]:
    """For the child, before it becomes PostgreSQL: shut down when `parent` is killed."""
    if not sys.platform.startswith("linux"):
        return lambda: None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask_for_death_signal() -> None:
        prctl(1, int(signal.SIGINT), 0, 0, 0)  # 1 is PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)  # killed between our birth and the line above

    return ask_for_death_signal


if __name__ == "__main__":
    sys.exit(Supervisor(Order(**json.loads(sys.argv[1]))).run())
