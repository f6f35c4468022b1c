"""The embedded PostgreSQL, on the real thing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from server.database.embedded import describe, start, supervisor
from server.database.embedded.data_directory import SOCKETS, name_of
from tests.database.processes import (
    IS_ROOT,
    Serve,
    as_root,
    ask,
    eventually,
    line_of,
    moved,
    postmaster,
    proc,
    processes,
    refusal,
)

# For a living server it waits no time at all: who sleeps waits for one on its way out.
WAITING_IS_SAID = """
import time
from server.database.embedded import data_lock
data_lock.BUSY_SECONDS = -1
sleep = time.sleep
def say_and_sleep(seconds):
    time.sleep = sleep
    print("waiting", flush=True)
    sleep(seconds)
time.sleep = say_and_sleep
"""

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


def test_the_log_does_not_grow_without_bound(data: Path) -> None:
    log = data.parent / "postgres.log"
    log.write_bytes(b"a line of an old log\n" * 500_000)
    with start(data):
        assert log.stat().st_size < 2 * supervisor.LOG_BYTES_KEPT
        assert "ready to accept connections" in log.read_text()


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
        second = serve(data, before=WAITING_IS_SAID)
        assert line_of(second)[0] == "waiting"
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


# ── The socket ────────────────────────────────────────────────────────────────────────────────────


async def test_data_that_lies_too_deep_for_a_socket_gets_one_elsewhere(
    place: Path, finished: Path
) -> None:
    data = place / ("deep" * 20) / "postgres"
    data.parent.mkdir()
    with moved(finished, data), start(data) as postgres:
        assert postgres.socket_directory.parent == SOCKETS
        assert postgres.socket_directory.stat().st_mode & 0o777 == 0o700
        assert await ask(postgres.dsn, "SELECT 1") == 1
    postgres.socket_directory.rmdir()


@pytest.mark.parametrize("trap", ["a link", pytest.param("a directory", marks=as_root)])
def test_a_socket_directory_that_somebody_else_laid_out_is_refused(
    place: Path, finished: Path, trap: str
) -> None:
    data = place / "comma,comma" / "postgres"
    data.parent.mkdir()
    sockets = SOCKETS / name_of(data)
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
