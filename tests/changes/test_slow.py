"""A reader that reads nothing costs a number, not memory, and catches up merged."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from server.changes.hub import Hub
from server.protocol.frames import Frame
from server.sockets.outbox import HIGH, Outbox
from tests.client import Client
from tests.conftest import Running, Someone, database, serving, settings_for, sign_up

WRITES = 800
BIG = 8000
"""Characters of a profile; with so many writes far more than any socket's buffers hold."""


@pytest.fixture(scope="module")
async def server(dsn: str) -> AsyncIterator[Running]:
    """A worker that gives nobody up, however slow this machine is today."""
    async with serving(settings_for(dsn, send_timeout_seconds=600)) as running:
        yield running


def waiting(server: Running) -> list[int]:
    """Bytes that wait in the outbox of each follower."""
    topics = server.services.use(Hub).topics.values()
    followers = [each for topic in topics for each in topic.subscriptions]
    return [each.reader.outbox.size for each in followers]  # type: ignore[attr-defined]


def small_socket(port: int) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", port))
    connection.setblocking(False)
    return connection


async def test_a_frozen_reader_holds_no_more_than_its_outbox_and_catches_up_merged(
    server: Running, ada: Someone, grace: Someone, admin: Someone
) -> None:
    await ada.client.call("user.subscribe", where={"id": grace.id}, fields=["profile"])
    slow = small_socket(server.port)
    async with server.connect(grace.token, sock=slow, max_queue=1) as frozen:
        where = {"id": {"in": [grace.id]}}
        await frozen.call("user.subscribe", where=where, fields=["profile"])
        seen_by_ada = []
        for n in range(WRITES):
            profile = {"n": n, "fill": chr(97 + n % 26) * BIG}
            await admin.client.call("user.update", id=grace.id, set={"profile": profile})
            changed = await ada.client.notification("user.changed")
            seen_by_ada.append(changed["changes"][0]["set"]["profile"]["n"])
            assert max(waiting(server)) <= HIGH + 2 * BIG
        assert seen_by_ada == list(range(WRITES))
        seen_by_frozen = await read_up_to(frozen, WRITES - 1)
    assert seen_by_frozen == sorted(set(seen_by_frozen))
    assert len(seen_by_frozen) < WRITES / 2


async def read_up_to(client: Client, last: int) -> list[int]:
    seen: list[int] = []
    while not seen or seen[-1] < last:
        changed: dict[str, Any] = await client.notification("user.changed")
        (only,) = changed["changes"]
        seen.append(only["set"]["profile"]["n"])
    return seen


async def test_a_socket_that_is_gone_leaves_nothing_behind(server: Running, ada: Someone) -> None:
    hub = server.services.use(Hub)
    async with server.connect(ada.token) as client:
        followed = await client.call("user.subscribe", where={"status": "left behind"})
        assert followed["subscription"] in hub.topics
    await ada.client.call("rpc.ping")
    while followed["subscription"] in hub.topics:
        await ada.client.call("rpc.ping")


ROWS, RESUMES, REPLY = 100, 5, 200_000


async def test_a_socket_that_reads_nothing_is_read_one_difference_at_most(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    most, put = 0, Outbox.put

    def measured(outbox: Outbox, frame: Frame) -> None:
        nonlocal most
        put(outbox, frame)
        most = max(most, outbox.size)

    monkeypatch.setattr(Outbox, "put", measured)
    settings = settings_for(dsn, send_timeout_seconds=600, max_reply_bytes=REPLY)
    async with serving(settings) as server, database(dsn) as psql, server.connect() as first:
        someone = await sign_up(first)
        await psql.execute(
            "INSERT INTO users (email, full_name) SELECT gen_random_uuid() || '@x.org', 'long'"
            " FROM generate_series(1, $1::int)",
            ROWS,
        )
        after = (await first.call("subscription.sync"))["position"]
        await psql.execute(
            "UPDATE users SET profile = jsonb_build_object('x', repeat('x', $1))"
            " WHERE full_name = 'long'",
            BIG,
        )
        slow = small_socket(server.port)
        async with server.connect(someone.token, sock=slow, max_queue=1, max_size=None) as frozen:
            for number in range(RESUMES):
                where = {"full_name": "long", "status": {"ne": str(number)}}
                asked = {"where": where, "fields": ["profile"], "after": after}
                await frozen.push("user.subscribe", f"r{number}", **asked)
            while most < ROWS * BIG:
                await first.call("rpc.ping")
            for number in range(RESUMES):
                assert not (await frozen.reply(f"r{number}"))["reset"]
    assert most < 2 * ROWS * BIG
