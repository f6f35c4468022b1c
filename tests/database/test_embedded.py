"""The embedded PostgreSQL, on the real thing: real servers are killed, real disks are full.

A server here is a process of its own that starts PostgreSQL and waits. What must be gone is looked
for in the list of processes; what must come is awaited with a deadline, never with a nap.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from server.database import embedded, supervisor
from server.database.embedded import EmbeddedError, default_data, describe, start

REPOSITORY = Path(__file__).parents[2]
IS_ROOT = os.geteuid() == 0
NOBODY = 65534
as_root = pytest.mark.skipif(not IS_ROOT, reason="only root has the rights that this is about")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="macOS has no death signal")

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

Serve = Callable[..., "subprocess.Popen[str]"]


def eventually(condition: Callable[[], object], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


def processes(data: Path, kind: str = "") -> list[int]:
    """Numbers of the supervisor and of every PostgreSQL process on `data`."""
    name = embedded._name(data)
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


def refusal(data: Path) -> str:
    with pytest.raises(EmbeddedError) as refused:
        start(data).stop()
    sentence = str(refused.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


# ── A database ────────────────────────────────────────────────────────────────────────────────────


async def test_a_new_directory_becomes_a_database_and_what_it_holds_survives(place: Path) -> None:
    data = place / "new" / "postgres"
    with start(data) as postgres:
        who = "SELECT current_database() || ' ' || current_user"
        assert await ask(postgres.dsn, who) == "victoryvault victoryvault"
        owner = "SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database()"
        assert await ask(postgres.dsn, owner) == "victoryvault"
        await ask(postgres.dsn, "CREATE TABLE kept (word text)", "INSERT INTO kept VALUES ('ä')")
    assert not processes(data)
    with start(data) as postgres:
        assert await ask(postgres.dsn, "SELECT word FROM kept") == "ä"
    assert sorted(path.name for path in data.parent.iterdir()) == [
        "postgres",
        "postgres.lock",
        "postgres.log",
        "postgres.socket",
    ]


async def test_what_is_committed_is_on_the_disk_and_nobody_gets_in_by_network(data: Path) -> None:
    with start(data) as postgres:
        for setting, value in {
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
            "listen_addresses": "",
            "server_encoding": "UTF8",
        }.items():
            assert await ask(postgres.dsn, f"SHOW {setting}") == value
        assert await ask(postgres.dsn, "SELECT lower('Ä')") == "ä"
        assert postgres.socket_directory.stat().st_mode & 0o777 == 0o700


async def test_the_surroundings_of_the_server_do_not_reach_postgres(
    data: Path, serve: Serve
) -> None:
    hostile = {
        "PGPORT": "6543",
        "PGDATA": "/nowhere",
        "PGOPTIONS": "-c work_mem=64kB",
        "LD_LIBRARY_PATH": "/nowhere",
        "LC_ALL": "xx_XX.UTF-8",
        "LANG": "xx_XX",
    }
    word, dsn = line_of(serve(data, env=hostile))
    assert word == "ready"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPORT", "6543")
        assert await ask(dsn, "SELECT 1") == 1
    if sys.platform == "linux":
        names = {entry.split("=")[0] for entry in proc(postmaster(data), "environ") if entry}
        assert names == {"PATH", "LC_ALL"}


def test_stopping_twice_is_harmless(data: Path) -> None:
    postgres = start(data)
    postgres.stop()
    postgres.stop()
    assert not processes(data)


# ── The server ends ───────────────────────────────────────────────────────────────────────────────


def test_killing_the_server_leaves_no_postgres_behind(data: Path, serve: Serve) -> None:
    server = serve(data)
    assert line_of(server)[0] == "ready"
    assert len(processes(data)) > 3
    server.kill()
    eventually(lambda: not processes(data), seconds=1.5)


@pytest.mark.parametrize(
    "child",
    [
        "subprocess.Popen(['sleep', '60'], stdin=subprocess.DEVNULL, close_fds=False)",
        "os.fork() or (signal.pause(), os._exit(0))",
        "multiprocessing.get_context('spawn').Process(target=signal.pause).start()",
    ],
    ids=["subprocess", "fork", "spawn"],
)
def test_children_of_the_server_do_not_keep_postgres_alive(
    data: Path, serve: Serve, child: str
) -> None:
    server = serve(data, before="import multiprocessing", after=child)
    assert line_of(server)[0] == "ready"
    listed = subprocess.check_output(["ps", "-axo", "pgid=,pid="], text=True)
    pairs = [[int(number) for number in line.split()] for line in listed.splitlines()]
    children = [pid for group, pid in pairs if group == server.pid and pid != server.pid]
    assert children
    try:
        server.kill()
        eventually(lambda: not processes(data), seconds=1.5)
    finally:
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("how", ["SIGTERM", "the end of its program"])
def test_a_server_that_ends_takes_postgres_with_it(data: Path, serve: Serve, how: str) -> None:
    server = serve(data)
    assert line_of(server)[0] == "ready"
    if how == "SIGTERM":
        server.terminate()
    server.communicate(timeout=10)
    if how != "SIGTERM":
        assert not processes(data)  # it waited for PostgreSQL before it ended
    eventually(lambda: not processes(data), seconds=1.5)


async def test_ctrl_c_in_the_terminal_reaches_the_server_only(data: Path, serve: Serve) -> None:
    server = serve(data, before="signal.signal(signal.SIGINT, lambda *_: print('heard', flush=1))")
    dsn = line_of(server)[1]
    os.killpg(server.pid, signal.SIGINT)
    assert line_of(server)[0] == "heard"
    assert await ask(dsn, "SELECT 1") == 1
    # A service manager sends its signal to every process of the service.
    for number in processes(data, "supervisor.py"):
        os.kill(number, signal.SIGTERM)
    assert await ask(dsn, "SELECT 1") == 1
    assert processes(data, "supervisor.py")


# ── PostgreSQL ends ───────────────────────────────────────────────────────────────────────────────


async def test_a_killed_postmaster_serves_again_with_all_that_was_committed(data: Path) -> None:
    with start(data) as postgres:
        await ask(postgres.dsn, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7)")
        os.kill(postmaster(data), signal.SIGKILL)
        await answers(postgres.dsn, seconds=3)
        assert await ask(postgres.dsn, "SELECT n FROM kept") == 7


async def test_a_backend_deep_in_a_computation_does_not_delay_the_restart(data: Path) -> None:
    with start(data) as postgres:
        connection = await asyncpg.connect(postgres.dsn)
        busy = await connection.fetchval("SELECT pg_backend_pid()")
        # Sent, not awaited: it computes for hours and never looks up.
        endless = "DO $$ BEGIN PERFORM count(*) FROM generate_series(1, 1e12::bigint) n; END $$"
        pending = connection._loop.create_task(connection.execute(endless))
        async with asyncpg.create_pool(postgres.dsn, min_size=1, max_size=1) as pool:
            state = "SELECT state FROM pg_stat_activity WHERE pid = $1"
            while await pool.fetchval(state, busy) != "active":
                pass
        os.kill(postmaster(data), signal.SIGKILL)
        await answers(postgres.dsn, seconds=3)
        with pytest.raises((OSError, asyncpg.PostgresError)):
            await pending
        assert busy not in processes(data)


async def test_a_postgres_that_will_not_stay_is_given_up_with_a_sentence(
    data: Path, serve: Serve, place: Path
) -> None:
    with (place / "stderr").open("w") as stderr:
        server = serve(data, stderr=stderr)
        assert line_of(server)[0] == "ready"
        (data / "global" / "pg_control").rename(place / "pg_control")
        os.kill(postmaster(data), signal.SIGKILL)
        eventually(lambda: not processes(data), seconds=15)
    sentence = (place / "stderr").read_text()
    assert "ended 5 times within 30 seconds and is not started again" in sentence
    assert sentence.strip() in (place / "postgres.log").read_text()
    server.communicate(timeout=10)
    (place / "pg_control").rename(data / "global" / "pg_control")


# ── The supervisor ends ───────────────────────────────────────────────────────────────────────────


@on_linux
def test_killing_the_supervisor_leaves_no_postgres_behind(data: Path, serve: Serve) -> None:
    assert line_of(serve(data))[0] == "ready"
    [number] = processes(data, "supervisor.py")
    os.kill(number, signal.SIGKILL)
    eventually(lambda: not processes(data), seconds=3)


async def test_a_start_right_after_the_supervisor_was_killed_waits_for_the_old_postgres(
    data: Path, serve: Serve
) -> None:
    assert line_of(serve(data))[0] == "ready"
    old = postmaster(data)
    os.kill(old, signal.SIGSTOP)  # it cannot shut down yet
    try:
        [number] = processes(data, "supervisor.py")
        os.kill(number, signal.SIGKILL)
        second = serve(data)
        eventually(lambda: processes(data, "supervisor.py") not in ([], [number]))
    finally:
        os.kill(old, signal.SIGCONT)
    word, dsn = line_of(second)
    assert word == "ready"
    assert postmaster(data) != old
    assert await ask(dsn, "SELECT 1") == 1


# ── Another start ─────────────────────────────────────────────────────────────────────────────────


def test_a_second_start_is_refused_and_names_the_first(data: Path, serve: Serve) -> None:
    first = serve(data)
    assert line_of(first)[0] == "ready"
    sentence = refusal(data)
    assert f"process {first.pid}" in sentence
    assert "--data" in sentence
    assert describe(data).in_use_by == first.pid
    first.communicate(timeout=10)
    assert describe(data).in_use_by is None


def test_a_start_right_after_a_kill_waits_instead_of_failing(data: Path, serve: Serve) -> None:
    first = serve(data)
    assert line_of(first)[0] == "ready"
    stopped = postmaster(data)
    os.kill(stopped, signal.SIGSTOP)
    try:
        first.kill()
        first.wait()
        eventually(lambda: (data.parent / "postgres.lock").read_text() == "")
        second = serve(data)
        time.sleep(embedded.BUSY_SECONDS * 2)  # longer than a living server is waited for
        assert second.poll() is None
    finally:
        os.kill(stopped, signal.SIGCONT)
    assert line_of(second)[0] == "ready"


def test_a_killed_initialization_does_not_spoil_the_directory(place: Path, serve: Serve) -> None:
    data = place / "postgres"
    server = serve(data)
    eventually(lambda: list(place.glob("postgres.new-*/base")))
    server.kill()
    server.communicate()
    assert not data.exists()
    with start(data):
        assert not list(place.glob("postgres.new-*"))


@pytest.mark.parametrize("file", ["postgres/postmaster.pid", "postgres.socket/.s.PGSQL.5432.lock"])
def test_a_process_number_that_was_given_to_somebody_else_does_not_prevent_a_start(
    data: Path, serve: Serve, file: str
) -> None:
    server = serve(data)
    assert line_of(server)[0] == "ready"
    left = (data.parent / file).read_text()
    number = postmaster(data)
    server.communicate(timeout=10)
    # Somebody whom PostgreSQL could send a signal: of others it knows that they are not its like.
    owner = data.stat()
    who = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": ()} if IS_ROOT else {}
    with subprocess.Popen(["sleep", "60"], **who) as stranger:  # type: ignore[call-overload]
        (data.parent / file).write_text(left.replace(str(number), str(stranger.pid), 1))
        os.chown(data.parent / file, owner.st_uid, owner.st_gid)
        try:
            start(data).stop()
        finally:
            stranger.kill()


def test_the_log_does_not_grow_without_bound(data: Path) -> None:
    log = data.parent / "postgres.log"
    log.write_bytes(b"a line of an old log\n" * 500_000)
    with start(data):
        assert log.stat().st_size < 2 * supervisor.LOG_BYTES_KEPT
        assert "ready to accept connections" in log.read_text()


# ── Refusals ──────────────────────────────────────────────────────────────────────────────────────


def test_data_of_another_major_is_refused_with_both_majors_and_the_way_out(place: Path) -> None:
    (place / "PG_VERSION").write_text("13\n")
    binaries = describe(place).binaries
    assert binaries
    sentence = refusal(place)
    for part in ("by PostgreSQL 13", f"this is PostgreSQL {binaries.major}", "pg_dump", "--data"):
        assert part in sentence
    assert describe(place).problem == sentence


def test_a_file_is_refused(place: Path) -> None:
    (place / "file").write_text("x")
    assert "is a file" in refusal(place / "file")
    assert "is a file" in refusal(place / "file" / "postgres")


def test_a_directory_with_something_else_in_it_is_refused_and_left_alone(place: Path) -> None:
    (place / "letters.txt").write_text("x")
    assert "is not empty and holds no PostgreSQL database" in refusal(place)
    assert [path.name for path in place.iterdir()] == ["letters.txt"]


def test_a_broken_database_is_refused_with_what_postgres_says(data: Path, place: Path) -> None:
    (data / "global" / "pg_control").rename(place / "pg_control")
    try:
        sentence = refusal(data)
    finally:
        (place / "pg_control").rename(data / "global" / "pg_control")
    assert "could not find the database system" in sentence
    assert str(place / "postgres.log") in sentence


@on_linux
@as_root
def test_a_full_disk_is_refused(place: Path, serve: Serve) -> None:
    # A file system of its own, in a namespace of its own, gone with the server.
    small = f"mount --make-rprivate / && mount -t tmpfs -o size=8m,mode=755 none {place}"
    private = "import ctypes; assert ctypes.CDLL(None).unshare(0x20000) == 0"
    mounted = f"subprocess.run('{small}', shell=True, check=True)"
    server = serve(place / "postgres", before=f"{private}; {mounted}")
    word, sentence = line_of(server)
    if not word:
        pytest.skip("this root may not mount")
    assert word == "refused"
    assert f"The disk that holds {place / 'postgres'} is full" in sentence


def test_a_directory_that_may_not_be_written_is_refused(place: Path, serve: Serve) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o555)
    server = serve(closed / "postgres", **unprivileged())
    word, sentence = line_of(server)
    assert word == "refused"
    assert "Permission denied" in sentence
    assert "--data" in sentence


# ── The socket ────────────────────────────────────────────────────────────────────────────────────


async def test_data_that_lies_too_deep_for_a_socket_gets_one_elsewhere(
    place: Path, finished: Path
) -> None:
    data = place / ("deep" * 20) / "postgres"
    data.parent.mkdir()
    with moved(finished, data), start(data) as postgres:
        assert postgres.socket_directory.parent == embedded.SOCKETS
        assert postgres.socket_directory.stat().st_mode & 0o777 == 0o700
        assert await ask(postgres.dsn, "SELECT 1") == 1
    postgres.socket_directory.rmdir()


@pytest.mark.parametrize("trap", ["a link", pytest.param("a directory", marks=as_root)])
def test_a_socket_directory_that_somebody_else_laid_out_is_refused(
    place: Path, finished: Path, trap: str
) -> None:
    data = place / "comma,comma" / "postgres"
    data.parent.mkdir()
    sockets = embedded.SOCKETS / embedded._name(data)
    if trap == "a link":
        sockets.symlink_to(place)
    else:
        sockets.mkdir(mode=0o700)
        os.chown(sockets, 12345, 12345)
    try:
        with moved(finished, data):
            assert "belongs to somebody else" in refusal(data)
    finally:
        sockets.unlink() if trap == "a link" else sockets.rmdir()


# ── Root ──────────────────────────────────────────────────────────────────────────────────────────


def unprivileged() -> dict[str, Any]:
    """Options for `serve`: as nobody when the tests run as root."""
    if not IS_ROOT:
        return {}
    nobody = embedded.Account("nobody", NOBODY, NOBODY)
    for python in filter(None, (sys.executable, shutil.which("python3", path=os.defpath))):
        ask_version = "import sys; sys.exit(sys.version_info < (3, 11))"
        is_open = not embedded._closed_to(Path(python).resolve(), nobody)
        if is_open and subprocess.call([python, "-c", ask_version]) == 0:
            break
    else:
        pytest.skip("nobody may not run this Python")
    wheels = Path(asyncpg.__file__).parents[1]
    for path in (REPOSITORY / "server", wheels / "asyncpg"):
        if closed := embedded._closed_to(path, nobody):
            pytest.skip(f"nobody may not enter {closed}")
    who = {"user": NOBODY, "group": NOBODY, "extra_groups": ()}
    return {"python": python, "env": {"PYTHONPATH": f"{REPOSITORY}:{wheels}"}, **who}


async def test_without_being_root_everything_runs_as_oneself(place: Path, serve: Serve) -> None:
    options = unprivileged()
    mine = place / "mine"
    mine.mkdir()
    if options:
        os.chown(mine, NOBODY, NOBODY)
    server = serve(mine / "postgres", **options)
    word, dsn = line_of(server)
    assert word == "ready"
    assert await ask(dsn, "SELECT 1") == 1
    owner = NOBODY if options else os.geteuid()
    assert {runs_as(number) for number in processes(mine / "postgres")} == {owner}
    server.kill()
    eventually(lambda: not processes(mine / "postgres"), seconds=1.5)


@as_root
def test_as_root_postgres_runs_as_somebody_who_owns_the_data_only(place: Path, data: Path) -> None:
    with start(data):
        assert runs_as(postmaster(data)) != 0
    owned = {path.name for path in place.iterdir() if path.stat().st_uid != 0}
    assert owned == {"postgres", "postgres.socket"}
    here = place.stat()
    assert (here.st_mode & 0o777, here.st_uid) == (0o755, 0)


@as_root
def test_as_root_a_closed_directory_is_refused_and_stays_closed(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    sentence = refusal(closed / "postgres")
    assert f"may not enter {closed}" in sentence
    assert "--data /var/lib/victoryvault" in sentence
    assert closed.stat().st_mode & 0o777 == 0o700
    assert not list(closed.iterdir())
    assert default_data(closed).parent == Path("/var/lib/victoryvault")
    assert default_data(place) == place / ".victoryvault" / "postgres"


@as_root
def test_as_root_directories_made_on_the_way_are_open_whatever_the_umask(place: Path) -> None:
    before = os.umask(0o077)
    try:
        start(place / "way" / "postgres").stop()
    finally:
        os.umask(before)


@as_root
async def test_as_root_binaries_in_a_closed_directory_are_copied_to_an_open_one(
    place: Path, data: Path, serve: Serve
) -> None:
    found = describe(data).binaries
    if not (found and found.package):
        pytest.skip("PostgreSQL is not from a wheel here")
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    libraries = found.package.with_name(found.package.name + ".libs")
    for path in filter(Path.exists, (found.package, libraries)):
        shutil.copytree(path, closed / path.name)
    before = f"sys.path.insert(0, '{closed}'); embedded.ROOT_BINARIES = Path('{place}/cache')"
    server = serve(data, before=before)
    word, dsn = line_of(server)
    assert word == "ready"
    assert await ask(dsn, "SELECT 1") == 1
    command = proc(postmaster(data), "cmdline")
    assert command[0].startswith(f"{place}/cache/postgresql-{found.version}/")
    assert closed.stat().st_mode & 0o777 == 0o700
    server.communicate(timeout=10)


# ── Looking ───────────────────────────────────────────────────────────────────────────────────────


def test_describing_changes_nothing(place: Path, data: Path) -> None:
    nothing = describe(place / "nothing" / "postgres")
    assert (nothing.data_major, nothing.in_use_by, nothing.problem) == (None, None, None)
    assert [path.name for path in place.iterdir()] == ["postgres"]
    found = describe(data)
    assert found.binaries
    assert found.data_major == found.binaries.major
    assert [path.name for path in place.iterdir()] == ["postgres"]
