"""Readers that are slow: let go when they read nothing, and only then."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from websockets.exceptions import ConnectionClosed

from tests.client import Client
from tests.conftest import database, serving, settings_for, sign_up

REPLIES = 80
PAUSE = 0.05
"""Between two replies that are read: of all of them, several times the server's patience."""


async def test_who_reads_slowly_but_steadily_is_not_closed(dsn: str) -> None:
    async with serving(settings_for(dsn, send_timeout_seconds=1)) as server, database(dsn) as psql:
        async with server.connect() as client:
            ada = await sign_up(client)
        await psql.execute(
            "INSERT INTO users (email, full_name, profile) SELECT gen_random_uuid() || '@x.org',"
            " 'slow', jsonb_build_object('p', repeat('p', 8000)) FROM generate_series(1, 5)"
        )
        small = socket.socket()
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        small.connect(("127.0.0.1", server.port))
        small.setblocking(False)
        async with server.connect(ada.token, sock=small, max_queue=1, max_size=None) as slow:
            asking = asyncio.create_task(ask(slow))
            for _ in range(REPLIES):
                assert "result" in await slow.receive_new()
                await asyncio.sleep(PAUSE)
            await asking


async def ask(client: Client) -> None:
    with contextlib.suppress(ConnectionClosed):
        for number in range(REPLIES):
            await client.push("user.list", number, where={"full_name": "slow"})
