"""A process that holds a peer's clients: opens them here, and runs each window in `crowd.c`."""

from __future__ import annotations

import asyncio
import socket
from ctypes import CDLL, POINTER, Structure, byref, c_char, c_char_p, c_double, c_int, c_int64

import msgspec

from bench.frames import TEXT, Reader, masked
from bench.peers.orders import Call, FanOut, Open, Seen, Step, Wire
from bench.peers.wires import ID, MESSAGE, message
from bench.window import Window
from bench.worker import follow

BINARY = 2
ABREAST = 50
SECONDS = 30.0
IDS = 64
"""Calls are made beforehand, with so many different ids."""


class Settings(msgspec.Struct):
    library: str
    """`crowd.c`, compiled."""


class Bytes(Structure):
    _fields_ = (("data", c_char_p), ("size", c_int64))


class Order(Structure):
    _fields_ = (
        ("sockets", POINTER(c_int)),
        *((name, c_int64) for name in ("number", "depth", "first", "begin", "end")),
        *((name, Bytes) for name in ("publish", "key", "before", "after")),
        ("calls", POINTER(Bytes)),
        ("call_count", c_int64),
        ("reply", Bytes),
        ("opcode", c_int64),
    )


class Result(Structure):
    _fields_ = (
        *((name, c_int64) for name in ("count", "frames", "bytes", "nanoseconds", "published")),
        ("p50", c_double),
        ("p99", c_double),
        ("error", c_char * 256),
    )


class Crowd:
    opened: Open

    def __init__(self, settings: Settings) -> None:
        self.library = CDLL(settings.library)
        self.clients: list[socket.socket] = []
        self.publisher: list[socket.socket] = []
        self.published = 0

    async def open(self) -> None:
        """Nothing yet."""

    async def run(self, order: Open | FanOut | Call) -> Seen | None:
        match order:
            case Open():
                await self.enter(order)
                return None
            case FanOut():
                return self.fan_out(order)
            case Call():
                return self.call(order)

    async def enter(self, order: Open) -> None:
        """In place of those who were here before."""
        for each in self.clients + self.publisher:
            each.close()
        self.publisher.clear()
        self.opened = order
        opening, subscribing = order.wire.opening, order.wire.subscribing
        if order.publisher is None:
            self.clients = await self.connected(order.clients, opening)
        else:
            self.clients = await self.connected(order.clients, opening + subscribing)
            self.publisher = await self.connected([order.publisher], opening)

    async def connected(self, requests: list[str], steps: list[Step]) -> list[socket.socket]:
        room = asyncio.Semaphore(ABREAST)

        async def one(request: str) -> socket.socket:
            async with room:
                return await connect(self.opened.port, request, steps, opcode(self.opened.wire))

        async with asyncio.timeout(SECONDS):
            return await asyncio.gather(*map(one, requests))

    def fan_out(self, order: FanOut) -> Seen:
        wire = self.opened.wire
        encode = msgspec.msgpack.encode if wire.packs else msgspec.json.encode
        publish = wire.publish.replace(MESSAGE, encode(message()))
        sockets = self.clients + self.publisher
        given = ordered(sockets, len(self.clients), order.in_flight, order.window)
        given.first, given.opcode = self.published, opcode(wire)
        given.publish = of(publish)
        given.key, given.before, given.after = map(of, wire.acknowledgement)
        return self.ran(given)

    def call(self, order: Call) -> Seen:
        wire = self.opened.wire
        frames = [
            masked(opcode(wire), wire.call.replace(ID, b"%d" % number))
            for number in range(1, IDS + 1)
        ]
        callers = self.clients[: order.connections]
        given = ordered(callers, len(callers), order.depth, order.window)
        given.calls, given.call_count = (Bytes * IDS)(*map(of, frames)), IDS
        given.reply = of(wire.reply)
        return self.ran(given)

    def ran(self, order: Order) -> Seen:
        """Raises RuntimeError when something is lost, doubled, out of order or refused."""
        result = Result()
        self.library.crowd_run(byref(order), byref(result))
        if result.error:
            raise RuntimeError(result.error.decode(errors="replace"))
        self.published += result.published
        seconds = result.nanoseconds / 1e9
        return Seen(result.count, result.frames, result.bytes, seconds, result.p50, result.p99)


def opcode(wire: Wire) -> int:
    return BINARY if wire.is_binary else TEXT


def of(data: bytes) -> Bytes:
    return Bytes(data, len(data))


def ordered(sockets: list[socket.socket], number: int, depth: int, window: Window) -> Order:
    order = Order(number=number, depth=depth)
    order.sockets = (c_int * len(sockets))(*[each.fileno() for each in sockets])
    order.begin, order.end = (int(moment * 1e9) for moment in window)
    return order


async def connect(port: int, request: str, steps: list[Step], opcode: int) -> socket.socket:
    """Upgraded, through all steps, and with nothing left to read."""
    loop = asyncio.get_running_loop()
    plain = socket.socket()
    plain.setblocking(False)  # noqa: FBT003 - its name says what it is
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    await loop.sock_connect(plain, ("127.0.0.1", port))
    await loop.sock_sendall(plain, request.encode())
    head, data = b"", b""
    while b"\r\n\r\n" not in head:
        head += await received(plain)
    head, _, data = head.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 101 "):
        raise RuntimeError(f"the upgrade was answered with {head[:200]!r}")
    reader = Reader()
    messages = [payload for _, payload in reader.read(data)]
    for step in steps:
        if step.send:
            await loop.sock_sendall(plain, masked(opcode, step.send))
        while step.wait:
            while not messages:
                messages = [payload for _, payload in reader.read(await received(plain))]
            if step.wait in messages.pop(0):
                break
    while reader.rest:
        list(reader.read(await received(plain)))
    return plain


async def received(plain: socket.socket) -> bytes:
    """Raises EOFError at the end."""
    data = await asyncio.get_running_loop().sock_recv(plain, 1 << 16)
    if not data:
        raise EOFError("the server closed a connection while it was opened")
    return data


if __name__ == "__main__":
    follow(Crowd, Settings, Open | FanOut | Call)
