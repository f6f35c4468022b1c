"""A line between a client and a server, that breaks on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Proxy:
    def __init__(self, port: int) -> None:
        self.far_port = port
        self.port = 0
        self.is_down = False
        self.left: int | None = None
        """Bytes to the client until the line is cut."""
        self.stalled: set[asyncio.StreamWriter] = set()
        self.nears: set[asyncio.StreamWriter] = set()
        self.fars: set[asyncio.StreamWriter] = set()
        self.pipes: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/rpc"

    def cut(self) -> None:
        """Both ends see it at once."""
        self.left = None
        for writer in self.nears | self.fars:
            writer.transport.abort()

    def cut_after(self, count: int) -> None:
        """In the middle of a frame, most likely."""
        self.left = count

    def stall(self) -> None:
        """The client hears nothing any more, on the sockets of now; the server gets all."""
        self.stalled |= self.nears

    def half_open(self) -> None:
        """The server's end is gone; the client's is not told."""
        self.stall()
        for writer in self.fars:
            writer.transport.abort()

    def down(self) -> None:
        self.is_down = True
        self.cut()

    def up(self) -> None:
        self.is_down = False

    async def join(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        if self.is_down:
            near.transport.abort()
            return
        from_far, far = await asyncio.open_connection("127.0.0.1", self.far_port)
        self.nears.add(near)
        self.fars.add(far)
        both = {
            asyncio.create_task(self.pipe(reader, far)),
            asyncio.create_task(self.back(from_far, near)),
        }
        self.pipes |= both
        await asyncio.wait(both)
        near.transport.abort()
        far.transport.abort()
        self.pipes -= both
        self.nears.discard(near)
        self.fars.discard(far)
        self.stalled.discard(near)

    async def pipe(self, reader: asyncio.StreamReader, far: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                far.write(data)
        far.transport.abort()

    async def back(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                if near not in self.stalled:
                    self.send(near, data)
        if near not in self.stalled:
            near.transport.abort()

    def send(self, near: asyncio.StreamWriter, data: bytes) -> None:
        if self.left is None:
            near.write(data)
            return
        near.write(data[: self.left])
        self.left -= len(data)
        if self.left <= 0:
            self.cut()


@asynccontextmanager
async def proxied(port: int) -> AsyncIterator[Proxy]:
    proxy = Proxy(port)
    server = await asyncio.start_server(proxy.join, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
        for pipe in list(proxy.pipes):
            await pipe
