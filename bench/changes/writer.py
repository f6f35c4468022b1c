"""A process that writes: at a rate, or as fast as the readers are told of it."""

from __future__ import annotations

import asyncio
import time
from functools import partial

import msgspec

from bench.changes.lanes import LANES, Lane, Target
from bench.changes.orders import Write, Written
from bench.worker import follow

PATIENCE = 10.0


class Settings(msgspec.Struct):
    target: Target
    told: str
    """Where readers say how far they are."""


class Writer:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.number = 0
        """Of the next write; all before it were written."""
        self.lanes: dict[str, list[Lane]] = {}
        """By way; they stay open, for who leaves takes its CPU time along."""
        self.told: dict[asyncio.StreamReader, int] = {}
        self.news = asyncio.Condition()

    async def open(self) -> None:
        await asyncio.start_unix_server(self.listen, self.settings.told)

    async def listen(self, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        self.told[reader] = -1
        while line := await reader.readline():
            self.told[reader] = int(line)
            async with self.news:
                self.news.notify_all()

    async def run(self, order: Write) -> Written:
        lanes = self.lanes.setdefault(order.way, [])
        while len(lanes) < order.lanes:
            lanes.append(LANES[order.way](self.settings.target))
            await lanes[-1].open()
        first, clocks = self.number, dict[int, float]()
        await asyncio.sleep(order.window.begin - time.monotonic())
        busy = [self.go(lane, order, first, clocks) for lane in lanes[: order.lanes]]
        await asyncio.gather(*busy)
        self.number = first + len(clocks)
        return Written(first, [clocks[number] for number in range(first, self.number)])

    async def go(self, lane: Lane, order: Write, first: int, clocks: dict[int, float]) -> None:
        while not order.most or self.number - first < order.most:
            number = self.number
            due = order.window.begin + (number - first) / order.rate if order.rate else 0.0
            if max(due, time.monotonic()) >= order.window.end:
                return
            self.number += 1  # who takes a number writes it
            if order.rate:
                await asyncio.sleep(due - time.monotonic())
            else:
                await self.has_been_told(number - order.lanes)
            clocks[number] = await lane.write(number)

    async def has_been_told(self, number: int) -> None:
        """Waits until every reader knows of that write."""
        async with asyncio.timeout(PATIENCE), self.news:
            await self.news.wait_for(partial(self.is_told, number))

    def is_told(self, number: int) -> bool:
        return min(self.told.values()) >= number


if __name__ == "__main__":
    follow(Writer, Settings, Write)
