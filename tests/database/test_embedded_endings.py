"""Server, PostgreSQL and supervisor end, in every way: what ends with them, and what comes back."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import asyncpg
import pytest

from server.database.embedded import start
from tests.database.processes import (
    Serve,
    answers,
    ask,
    eventually,
    line_of,
    on_linux,
    postmaster,
    processes,
)

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


@pytest.mark.timing
async def test_a_killed_postmaster_serves_again_with_all_that_was_committed(data: Path) -> None:
    with start(data) as postgres:
        await ask(postgres.dsn, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7)")
        os.kill(postmaster(data), signal.SIGKILL)
        await answers(postgres.dsn, seconds=3)
        assert await ask(postgres.dsn, "SELECT n FROM kept") == 7


@pytest.mark.timing
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
