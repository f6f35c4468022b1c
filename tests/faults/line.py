"""A line between a client and a server, that breaks on demand."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
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
        """Stands for the server's."""
        self.is_down = False
        self.left: int | None = None
        """Bytes to the client until the line is cut, once that was asked for."""
        self.was_cut = asyncio.Event()
        self.was_asked = asyncio.Event()
        self.stalled: dict[asyncio.StreamWriter, bytearray] = {}
        """What is withheld, by line."""
        self.nears: set[asyncio.StreamWriter] = set()
        self.fars: set[asyncio.StreamWriter] = set()
        self.pipes: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Both ends see it at once."""
        self.left = None
        for writer in self.nears | self.fars:
            writer.transport.abort()
        self.was_cut.set()

    def cut_after(self, size: int) -> None:
        """In the middle of a frame, most likely; `was_cut` is set then."""
        self.left = size
        self.was_cut.clear()

    def stall(self) -> None:
        """The client hears nothing any more, on the lines of now; the server gets all."""
        self.stalled |= {near: bytearray() for near in self.nears - self.stalled.keys()}

    def half_open(self) -> None:
        """The server's end is gone; the client's is not told."""
        self.stall()
        for writer in self.fars:
            writer.transport.abort()

    def release(self) -> None:
        """What was withheld comes late, on lines that the client may have given up."""
        for near, data in self.stalled.items():
            near.write(bytes(data))
        self.stalled.clear()

    def down(self) -> None:
        """Nobody comes through until `up`."""
        self.is_down = True
        self.cut()

    def up(self) -> None:
        self.is_down = False

    async def is_asked(self) -> None:
        """Until the client sends something more."""
        self.was_asked.clear()
        await self.was_asked.wait()

    async def join(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        if self.is_down:
            near.transport.abort()
            return
        from_far, far = await asyncio.open_connection(self.far.hostname, self.far.port)
        self.nears.add(near)
        self.fars.add(far)
        both = {
            asyncio.create_task(self.carry(reader, far)),
            asyncio.create_task(self.bring(from_far, near)),
        }
        self.pipes |= both
        await asyncio.wait(both)
        near.transport.abort()
        far.transport.abort()
        self.pipes -= both
        self.nears.discard(near)
        self.fars.discard(far)
        self.stalled.pop(near, None)

    async def carry(self, reader: asyncio.StreamReader, far: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(CHUNK):
                far.write(data)
                self.was_asked.set()
        far.transport.abort()

    async def bring(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(CHUNK):
                if near in self.stalled:
                    self.stalled[near] += data
                else:
                    await self.send(near, data)
        if near not in self.stalled:
            near.transport.abort()

    async def send(self, near: asyncio.StreamWriter, data: bytes) -> None:
        near.write(data[: self.left])
        if self.left is not None:
            self.left -= len(data)
            if self.left <= 0:
                await near.drain()
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
            await pipe
