"""A socket by hand: it sends any bytes, and reads only when it is asked to.

What it reads is what the contract says, or the test fails.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from server.protocol.frames import FINAL_TEXT
from tests.client import PATIENCE
from tests.contract import CONTRACT

FIN, MASKED = 0x80, 0x80
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
SMALL = 4096
"""Bytes of a receive buffer, so that a reader that has stopped is noticed soon."""
NO_MASK = bytes(4)
"""A mask is demanded; this one changes nothing."""
HEADERS = (
    "Host: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
)


def frame(
    opcode: int, data: bytes = b"", *, fin: bool = True, mask: bytes = NO_MASK, bits: int = 0
) -> bytes:
    """As a client sends it."""
    head = bytes([(FIN if fin else 0) | bits | opcode])
    if len(data) < 126:
        size = bytes([MASKED | len(data)])
    elif len(data) < 2**16:
        size = bytes([MASKED | 126]) + len(data).to_bytes(2, "big")
    else:
        size = bytes([MASKED | 127]) + len(data).to_bytes(8, "big")
    if mask != NO_MASK:
        key = int.from_bytes((mask * (len(data) // 4 + 1))[: len(data)], "big")
        data = (int.from_bytes(data, "big") ^ key).to_bytes(len(data), "big")
    return head + size + mask + data


class Received(NamedTuple):
    opcode: int
    data: bytes

    @property
    def code(self) -> int:
        """Of a close frame."""
        assert self.opcode == CLOSE, self
        return int.from_bytes(self.data[:2], "big")


class Raw:
    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.loop = asyncio.get_running_loop()
        self.buffer = bytearray()

    async def send(self, data: bytes) -> None:
        """Raises OSError when the server has gone, TimeoutError when it takes nothing more."""
        async with asyncio.timeout(PATIENCE):
            await self.loop.sock_sendall(self.connection, data)

    async def handshake(self, headers: str = HEADERS) -> bytes:
        """The server's answer, up to its empty line; or nothing, when it just closes."""
        await self.send(f"GET /rpc HTTP/1.1\r\n{headers}\r\n".encode())
        return await self.until(b"\r\n\r\n")

    async def until(self, end: bytes) -> bytes:
        while (at := self.buffer.find(end)) < 0:
            if not await self.more():
                return b""
        return self.take(at + len(end))

    async def more(self) -> bool:
        """Reads what is there; False at the end."""
        async with asyncio.timeout(PATIENCE):
            data = await self.loop.sock_recv(self.connection, 2**18)
        self.buffer += data
        return bool(data)

    def take(self, size: int) -> bytes:
        taken = bytes(self.buffer[:size])
        del self.buffer[:size]
        return taken

    async def exactly(self, size: int) -> bytes:
        while len(self.buffer) < size:
            if not await self.more():
                raise EOFError
        return self.take(size)

    async def receive(self) -> Received:
        """The next frame. Raises EOFError when there is none."""
        first, size = await self.exactly(2)
        if size in {126, 127}:
            size = int.from_bytes(await self.exactly(2 if size == 126 else 8), "big")
        received = Received(first & 0xF, await self.exactly(size))
        if first == FINAL_TEXT:
            CONTRACT.check(json.loads(received.data), {})
        return received

    async def close_code(self) -> int:
        """Of the close frame that comes after whatever else is there."""
        while (received := await self.receive()).opcode != CLOSE:
            pass
        return received.code

    async def end(self) -> None:
        """Until the server has closed the connection, one way or the other."""
        try:
            while await self.more():
                self.buffer.clear()
        except ConnectionError:
            pass


@asynccontextmanager
async def connected(port: int, *, buffer: int = 2**16) -> AsyncIterator[Raw]:
    connection = socket.socket()
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
        yield Raw(connection)
    finally:
        connection.close()


@asynccontextmanager
async def shaken(port: int, *, buffer: int = 2**16, headers: str = HEADERS) -> AsyncIterator[Raw]:
    """After its handshake."""
    async with connected(port, buffer=buffer) as raw:
        answer = await raw.handshake(headers)
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        yield raw
