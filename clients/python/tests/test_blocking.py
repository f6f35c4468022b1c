"""The face for scripts and game loops."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest
from people import make_users
from tests.faults.line import Line

from tests.conftest import PASSWORD, Running, unique_email
from victoryvault_client import BlockingConnection, CallError, Connection

PATIENCE = 10.0


def sign_up(connection: BlockingConnection, name: str) -> str:
    created = connection.call(
        "user.create", {"email": unique_email(), "full_name": name, "password": PASSWORD}
    )
    return created["user"]["id"]


def until(holds: Callable[[], object]) -> None:
    """As a game does: looks again and again."""
    by = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < by
        time.sleep(0.002)


async def test_a_script_calls_and_waits(server: Running, tag: str) -> None:
    states: list[str] = []

    def script() -> None:
        with BlockingConnection(server.rpc) as connection:
            id_ = sign_up(connection, tag)
            assert connection.call("user.get", {"id": id_})["user"]["full_name"] == tag
            with pytest.raises(CallError) as missing:
                connection.call("user.get", {"id": "019ab5c2-7a40-7000-8000-000000000001"})
            assert missing.value.kind == "not_found"
            assert connection.begin("rpc.ping").result(PATIENCE)["position"]
            states.append(connection.state)
        states.append(connection.state)

    await asyncio.to_thread(script)
    assert states == ["open", "closed"]
    assert "victoryvault-client" not in [thread.name for thread in threading.enumerate()]


async def test_rows_stand_still_between_polls(server: Running, admin: Connection, tag: str) -> None:
    first, second = await make_users(admin, tag, 2)
    changed = threading.Event()

    def game() -> None:
        with BlockingConnection(server.rpc) as connection:
            sign_up(connection, "player")
            where = {"full_name": {"prefix": tag}}
            with connection.subscribe("user", where=where, fields=["status"]) as players:
                assert players.poll() == []
                before, position = dict(players.rows), players.position
                connection.call("subscription.sync")
                loop.call_soon_threadsafe(begin.set)
                changed.wait(PATIENCE)
                connection.call("subscription.sync")
                assert (dict(players.rows), players.position) == (before, position)
                changes = {each["id"]: each for each in players.poll() if each["op"] != "reset"}
                assert changes[first]["version"] == 4
                assert changes[second]["op"] == "leave"
                assert set(players.rows) == {first}
                assert players.rows[first]["status"] == "2"
                assert players.position != position
                assert players.poll() == []

    loop, begin = asyncio.get_running_loop(), asyncio.Event()
    playing = asyncio.ensure_future(asyncio.to_thread(game))
    await begin.wait()
    for number in range(3):
        await admin.call("user.update", {"id": first, "set": {"status": f"{number}"}})
    await admin.call("user.delete", {"id": second})
    changed.set()
    await playing


@pytest.mark.usefixtures("soon")
async def test_a_game_goes_on_while_the_line_breaks(
    server: Running, admin: Connection, line: Line, tag: str
) -> None:
    (first,) = await make_users(admin, tag, 1)
    writing = asyncio.Event()
    loop = asyncio.get_running_loop()

    def game() -> None:
        with BlockingConnection(line.url) as connection:
            sign_up(connection, "player")
            states: list[str] = []
            connection.on("state", states.append)

            def has_been(state: str) -> bool:
                connection.poll()
                return state in states

            with connection.subscribe("user", where={"full_name": {"prefix": tag}}) as players:
                loop.call_soon_threadsafe(line.cut)
                until(lambda: has_been("waiting"))
                loop.call_soon_threadsafe(writing.set)
                until(lambda: players.poll() and players.rows[first]["status"] == "later")
                until(lambda: has_been("open"))

    async def write() -> None:
        await writing.wait()
        await admin.call("user.update", {"id": first, "set": {"status": "later"}})

    await asyncio.gather(asyncio.to_thread(game), write())


async def test_a_subscription_that_nobody_may_have_says_why(server: Running) -> None:
    def script() -> None:
        with BlockingConnection(server.rpc) as connection:
            sign_up(connection, "player")
            with pytest.raises(CallError) as refused, connection.subscribe("user", where={"no": 1}):
                raise AssertionError
            assert refused.value.kind == "invalid_params"

    await asyncio.to_thread(script)


def test_a_connection_that_was_closed_says_so() -> None:
    connection = BlockingConnection("ws://127.0.0.1:1/rpc")
    connection.close()
    connection.close()
    with pytest.raises(CallError) as closed:
        connection.call("rpc.ping")
    assert closed.value.kind == "connection_closed"
