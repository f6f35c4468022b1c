"""Stands between the server and PostgreSQL, and does what networks do."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from tests.conftest import listen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

COMMIT = b"COMMIT"


class Proxy:
    """Forwards bytes. `cut` and `stall` the line, or lose the answer to the next COMMIT."""

    def __init__(self, dsn: str) -> None:
        parts = urlsplit(dsn)
        self.socket = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
        self.user, self.database = parts.username, parts.path.strip("/")
        self.port = 0
        self.is_cut = False
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.on_commit: Callable[[], None] | None = None
        self.mark = b""
        self.pipes: set[asyncio.Task[None]] = set()
        self.writers: set[asyncio.StreamWriter] = set()

    @property
    def dsn(self) -> str:
        return f"postgresql://{self.user}@127.0.0.1:{self.port}/{self.database}"

    def cut(self) -> None:
        """Every connection is closed, and new ones as soon as they come."""
        self.is_cut = True
        for writer in self.writers:
            writer.transport.abort()

    def heal(self) -> None:
        self.is_cut = False

    def stall(self) -> None:
        """Nothing moves any more, and nothing is closed."""
        self.flowing.clear()

    def lose_commit(self, mark: str, then: Callable[[], None]) -> None:
        """PostgreSQL gets the COMMIT of who has sent it these words, once, and answers it; `then`
        runs instead of the answer's delivery."""
        self.mark, self.on_commit = mark.encode(), then

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            writer.transport.abort()
            return
        from_database, to_database = await asyncio.open_unix_connection(self.socket)
        lost = asyncio.Event()
        both = {writer, to_database}
        self.writers |= both
        up = asyncio.create_task(self.up(reader, to_database, lost))
        down = asyncio.create_task(self.down(from_database, writer, lost))
        self.pipes |= {up, down}
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        for each in both:
            each.transport.abort()
        await asyncio.gather(up, down, return_exceptions=True)
        self.pipes -= {up, down}
        self.writers -= both

    async def up(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: asyncio.Event
    ) -> None:
        is_marked = False
        while data := await reader.read(65536):
            await self.flowing.wait()
            if self.on_commit is not None:
                is_marked |= self.mark in data
                if is_marked and COMMIT in data:
                    lost.set()
            writer.write(data)

    async def down(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: asyncio.Event
    ) -> None:
        while data := await reader.read(65536):
            await self.flowing.wait()
            if lost.is_set():
                then, self.on_commit = self.on_commit, None
                if then is not None:
                    then()
                return
            writer.write(data)


@asynccontextmanager
async def proxied(dsn: str) -> AsyncIterator[Proxy]:
    proxy = Proxy(dsn)
    server = await asyncio.start_server(proxy.serve, sock=listen())
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.flowing.set()
        proxy.cut()
        for pipe in list(proxy.pipes):
            with contextlib.suppress(ConnectionError):
                await pipe
