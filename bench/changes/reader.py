"""A process that holds sockets which follow, counts what they are told and notes when.

It says to the writer to which write all of them have come: that is how fast a writer can be that
writes as fast as they are told.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter

import msgspec

from bench.changes.followers import WIRES, Follower, Stream
from bench.changes.orders import Client, Close, Note, Notes, Open, Opened, Watch, Watched
from bench.window import total_at
from bench.worker import follow

PATIENCE = 60.0
SEGMENT = 1460
"""Bytes, as over the Internet. Over loopback segments have 64 KiB, and so the kernel would hold
megabytes for a socket that is not read."""


Order = Open | Watch | Note | Close


class Settings(msgspec.Struct):
    told: str
    """The address of the writer."""


class Crowd:
    told: asyncio.StreamWriter

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.followers: list[Follower | Stream] = []
        self.deliveries = 0
        self.frames = 0
        self.size = 0
        self.at: Counter[int] = Counter()
        """How many have come to which write."""
        self.slowest = -1
        self.notes: Notes = []

    async def open(self) -> None:
        _, self.told = await asyncio.open_unix_connection(self.settings.told)

    async def run(self, order: Order) -> Opened | Watched | Notes:
        match order:
            case Open():
                return await self.enter(order)
            case Watch():
                return await self.watch(order)
            case Close():
                self.leave()
        notes, self.notes = self.notes, []
        return notes

    def leave(self) -> None:
        for follower in self.followers:
            follower.transport.abort()
        self.followers.clear()
        self.at.clear()

    async def enter(self, order: Open) -> Opened:
        room = asyncio.Semaphore(order.abreast)

        async def one(client: Client) -> Follower | Stream:
            async with room:
                return await self.connected(order, client)

        await asyncio.sleep(order.begin - time.monotonic())
        async with asyncio.timeout(PATIENCE):
            entered = await asyncio.gather(*map(one, order.clients))
        end = time.monotonic()
        self.followers += entered
        self.at[-1] += len(entered)
        replies = [reply for follower in entered for reply in follower.replies]
        return Opened(
            end,
            [reply.position or "" for reply in replies],
            sum(reply.reset for reply in replies),
            sum(len(reply.changes) for reply in replies),
        )

    async def connected(self, order: Open, client: Client) -> Follower | Stream:
        loop = asyncio.get_running_loop()
        follower = WIRES[order.wire](client, self.hear)
        plain = socket.socket()
        plain.setblocking(False)  # noqa: FBT003 - its name says what it is
        if order.is_frozen:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SEGMENT)
        await loop.sock_connect(plain, ("127.0.0.1", order.port))
        await loop.create_connection(follower.itself, sock=plain)
        await follower.begin(order.port)
        if order.is_frozen:
            follower.transport.pause_reading()
        return follower

    def hear(self, newest: int, numbers: list[bytes], size: int) -> int:
        now = time.monotonic()
        found = [int(number) for number in numbers]
        self.notes += [(number, now) for number in found]
        self.deliveries += len(found)
        self.frames += 1
        self.size += size
        latest = max(newest, *found) if found else newest
        if latest != newest:
            self.at[latest] += 1
            self.at[newest] -= 1
            if newest == self.slowest and not self.at[newest]:
                self.tell()
        return latest

    def tell(self) -> None:
        """The writer: to which write all have come."""
        self.at = +self.at
        self.slowest = min(self.at)
        self.told.write(b"%d\n" % self.slowest)

    async def watch(self, order: Watch) -> Watched:
        first, began = await total_at(order.window.begin, self.counts)
        last, ended = await total_at(order.window.end, self.counts)
        deliveries, frames, size = (
            after - before for before, after in zip(first, last, strict=True)
        )
        return Watched(deliveries, frames, size, ended - began)

    def counts(self) -> tuple[int, int, int]:
        return self.deliveries, self.frames, self.size


if __name__ == "__main__":
    follow(Crowd, Settings, Order)
