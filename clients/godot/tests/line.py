"""A TCP line that breaks on demand, between a game and a server."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.conftest import listen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CHUNK = 65536


class Line:
    def __init__(self, url: str) -> None:
        self.far = urlsplit(url)
        self.url = ""
        self.left: int | None = None
        """Bytes to the game until the line is cut, once that was asked for."""
        self.is_down = False
        self.writers: set[asyncio.StreamWriter] = set()
        self.stalled: set[asyncio.StreamWriter] = set()
        self.pipes: set[asyncio.Task[None]] = set()
        self.was_cut = asyncio.Event()
        self.was_asked = asyncio.Event()

    def cut(self) -> None:
        """Both ends see it at once."""
        self.left = None
        for writer in self.writers:
            writer.transport.abort()
        self.was_cut.set()

    async def cut_after(self, size: int) -> None:
        """In the middle of a frame, most likely. Returns when it is."""
        self.left = size
        self.was_cut.clear()
        await self.was_cut.wait()

    def stall(self) -> None:
        """The game hears nothing any more, on the lines of now; the server gets all."""
        self.stalled |= self.writers

    async def is_asked(self) -> None:
        """Until the game sends something more."""
        self.was_asked.clear()
        await self.was_asked.wait()

    def down(self) -> None:
        """Nobody comes through until `up`."""
        self.is_down = True
        self.cut()

    def up(self) -> None:
        self.is_down = False

    async def join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_down:
            writer.transport.abort()
            return
        from_far, to_far = await asyncio.open_connection(self.far.hostname, self.far.port)
        both = {writer, to_far}
        self.writers |= both
        ways = {
            asyncio.create_task(self.carry(reader, to_far)),
            asyncio.create_task(self.bring(from_far, writer)),
        }
        self.pipes |= ways
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for each in both:
            each.transport.abort()
        await asyncio.gather(*ways, return_exceptions=True)
        self.pipes -= ways
        self.writers -= both
        self.stalled -= both

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            writer.write(data)
            self.was_asked.set()

    async def bring(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            if writer in self.stalled:
                continue
            writer.write(data[: self.left])
            if self.left is not None:
                self.left -= len(data)
                if self.left <= 0:
                    await writer.drain()
                    self.cut()


@asynccontextmanager
async def line_to(url: str) -> AsyncIterator[Line]:
    """A line whose `url` stands for that of the server."""
    line = Line(url)
    server = await asyncio.start_server(line.join, sock=listen())
    line.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/rpc"
    try:
        yield line
    finally:
        server.close()
        line.cut()
        for pipe in list(line.pipes):
            with contextlib.suppress(ConnectionError):
                await pipe
