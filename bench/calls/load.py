"""The load: a process that keeps `depth` calls under way on each of its connections.

A closed loop: each reply, known by its id, sends the next call of the same slot. Calls are frames
made beforehand, and of a reply only its id is read, so that the generator costs little beside the
server. What it does cost is in the report: at a whole core it would be the bottleneck itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import cycle
from uuid import UUID

import msgspec

from bench.calls.calls import CALLS, shares
from bench.calls.order import Order
from bench.frames import CLOSE, PING, PONG, TEXT, Reader, masked
from bench.sockets import WebSocket
from bench.window import Tally, counted
from bench.worker import follow

PATIENCE = 10.0


class Settings(msgspec.Struct):
    """`slots` are the calls under way of all generators, `first` is the first of this one's."""

    token: str
    users: list[UUID]
    connections: int
    depth: int
    first: int
    slots: int


class Socket(WebSocket):
    """One connection. `calls` are, for each id, the frames that are sent in turn."""

    def __init__(self, token: str, calls: list[Iterator[bytes]]) -> None:
        super().__init__(token)
        self.calls = calls
        self.reader = Reader()
        self.replies = 0
        self.under_way = 0
        self.is_stopping = False

    def begin(self) -> None:
        self.under_way = len(self.calls)
        self.transport.write(b"".join([next(frames) for frames in self.calls]))

    def take(self, data: bytes) -> None:
        """Counts the replies and sends as many calls, those of one read in one write."""
        out = []
        for opcode, payload in self.reader.read(data):
            if opcode == PING:
                out.append(masked(PONG, payload))
            elif opcode != TEXT or b'"result"' not in payload[:32]:
                self.fail(f"the answer was {payload[:200]!r}")
            else:
                self.replies += 1
                if self.is_stopping:
                    self.under_way -= 1
                else:
                    out.append(next(self.calls[int(payload[payload.rindex(b":") + 1 : -1])]))
        if out:
            self.transport.write(b"".join(out))
        if not self.under_way and not self.finished.done():
            self.finished.set_result(None)

    async def stop(self) -> None:
        """Once the calls under way are answered: breaking them off would cost the server more."""
        self.is_stopping = True
        async with asyncio.timeout(PATIENCE):
            await self.finished
        self.transport.write(masked(CLOSE, b"\x03\xe8"))
        self.transport.close()


class Load:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    async def open(self) -> None:
        """Nothing yet: each window has connections of its own, opened while it warms up."""

    async def run(self, order: Order) -> Tally:
        loop = asyncio.get_running_loop()
        sockets = [Socket(self.settings.token, calls) for calls in self.rings(order.call)]
        async with asyncio.timeout(PATIENCE):
            for socket in sockets:
                await loop.create_connection(socket.itself, "127.0.0.1", order.port)
                await socket.opened
        for socket in sockets:
            socket.begin()
        tally = await counted(order.window, lambda: sum(socket.replies for socket in sockets))
        await asyncio.gather(*[socket.stop() for socket in sockets])
        return tally

    def rings(self, name: str) -> list[list[Iterator[bytes]]]:
        """For each connection, for each of its ids: the frames to send, for ever."""
        call, depth, first = CALLS[name], self.settings.depth, self.settings.first
        of_slots = shares(self.settings.users, self.settings.slots)
        return [
            [
                cycle([masked(TEXT, call.message(user, id_)) for user in of_slots[start + id_]])
                for id_ in range(depth)
            ]
            for start in range(first, first + self.settings.connections * depth, depth)
        ]


if __name__ == "__main__":
    follow(Load, Settings, Order)
