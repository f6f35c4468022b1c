"""Frames made by hand, for what no WebSocket library sends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from tests.client import PATIENCE

FIN = 0x80
CONTINUATION, TEXT, BINARY, CLOSE = 0x0, 0x1, 0x2, 0x8
MASK = bytes(4)
"""A mask is demanded; this one changes nothing."""
GREETING = (
    "GET /rpc HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Frames(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, opcode: int, data: bytes, *, fin: bool = True) -> None:
        head = bytes([(FIN if fin else 0) | opcode])
        if len(data) < 126:
            size = bytes([0x80 | len(data)])
        elif len(data) < 2**16:
            size = bytes([0x80 | 126]) + len(data).to_bytes(2, "big")
        else:
            size = bytes([0x80 | 127]) + len(data).to_bytes(8, "big")
        self.writer.write(head + size + MASK + data)

    async def receive(self) -> tuple[int, bytes]:
        """The next frame's opcode and data."""
        async with asyncio.timeout(PATIENCE):
            first, size = await self.reader.readexactly(2)
            if size in {126, 127}:
                size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
            return first & 0xF, await self.reader.readexactly(size)

    async def close_code(self) -> int:
        """Of the close frame, which is the next."""
        opcode, data = await self.receive()
        assert opcode == CLOSE, (opcode, data)
        return int.from_bytes(data[:2], "big")


@asynccontextmanager
async def shaken(port: int) -> AsyncIterator[Frames]:
    """A socket after its handshake."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(GREETING.format(port=port).encode())
        async with asyncio.timeout(PATIENCE):
            answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        yield Frames(reader, writer)
    finally:
        writer.close()
