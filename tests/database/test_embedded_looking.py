"""Looking at an embedded PostgreSQL that somebody else runs, or nobody."""

import os
import signal
from pathlib import Path

import pytest

from server.database import embedded
from server.database.embedded import describe, running
from server.database.embedded.data_directory import SOCKETS, name_of
from tests.database.processes import (
    Serve,
    ask,
    eventually,
    line_of,
    moved,
    postmaster,
    processes,
)


def test_describing_changes_nothing(place: Path, data: Path) -> None:
    nothing = describe(place / "nothing" / "postgres")
    assert (nothing.data_major, nothing.in_use_by, nothing.problem) == (None, None, None)
    assert [path.name for path in place.iterdir()] == ["postgres"]
    found = describe(data)
    assert found.binaries
    assert found.data_major == found.binaries.major
    assert [path.name for path in place.iterdir()] == ["postgres"]


async def test_what_another_process_serves_is_found_as_long_as_it_does(
    data: Path, serve: Serve
) -> None:
    server = serve(data)
    dsn = line_of(server)[1]
    assert running(data) == dsn
    assert await ask(dsn, "SELECT 1") == 1
    server.communicate(timeout=10)
    assert running(data) is None


async def test_it_is_found_through_a_link_and_when_its_socket_lies_elsewhere(
    place: Path, finished: Path, serve: Serve
) -> None:
    deep = place / ("deep" * 20) / "postgres"
    deep.parent.mkdir()
    (place / "link").symlink_to(deep.parent)
    with moved(finished, deep):
        server = serve(deep)
        dsn = line_of(server)[1]
        assert str(SOCKETS / name_of(deep)) in dsn
        assert running(place / "link" / "postgres") == dsn
        server.communicate(timeout=10)
    (SOCKETS / name_of(deep)).rmdir()


def test_one_that_is_still_starting_is_waited_for(
    place: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "READY_SECONDS", 60)  # the machine may be busy
    data = place / "postgres"
    server = serve(data)
    eventually(lambda: list(place.glob("postgres.new-*/base")))
    found = running(data)
    assert not list(place.glob("postgres.new-*"))
    assert line_of(server) == ("ready", found)
    server.communicate(timeout=10)


async def test_one_that_is_being_started_again_is_waited_for(
    data: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn = line_of(serve(data))[1]
    killed = postmaster(data)
    [supervisor] = processes(data, "supervisor.py")
    os.kill(supervisor, signal.SIGSTOP)  # it cannot start PostgreSQL again yet
    try:
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: killed not in processes(data))
        with monkeypatch.context() as patch:
            patch.setattr(embedded, "READY_SECONDS", 0.1)
            assert running(data) is None
    finally:
        os.kill(supervisor, signal.SIGCONT)
    assert running(data) == dsn
    assert postmaster(data) != killed
    assert await ask(dsn, "SELECT 1") == 1


def test_one_on_its_way_out_is_not_found(
    data: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(data)
    assert line_of(server)[0] == "ready"
    stopped = postmaster(data)
    os.kill(stopped, signal.SIGSTOP)  # its file still says that it is ready
    try:
        server.kill()
        eventually(lambda: (data.parent / "postgres.lock").read_text() == "")
        with monkeypatch.context() as patch:
            patch.setattr(embedded, "READY_SECONDS", 0.1)
            assert running(data) is None
    finally:
        os.kill(stopped, signal.SIGCONT)
    assert running(data) is None


def test_one_that_was_killed_whole_is_not_found(data: Path, serve: Serve) -> None:
    server = serve(data)
    assert line_of(server)[0] == "ready"
    supervisors = processes(data, "supervisor.py")
    stopped = postmaster(data)
    os.kill(stopped, signal.SIGSTOP)  # nobody cleans up
    for number in (*supervisors, stopped, server.pid):
        os.kill(number, signal.SIGKILL)
    eventually(lambda: not processes(data, "supervisor.py"))
    assert (data / "postmaster.pid").exists()
    assert (data.parent / "postgres.lock").read_text() == f"{server.pid}\n"
    assert running(data) is None


def test_where_nobody_serves_nothing_is_found_and_nothing_is_made(place: Path, data: Path) -> None:
    assert running(data) is None
    assert running(place / "nothing" / "postgres") is None
    assert [path.name for path in place.iterdir()] == ["postgres"]
