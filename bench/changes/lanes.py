"""Ways to write a row, one write at a time each. Each says when it was about to be committed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

import asyncpg
import msgspec

from bench.changes.followers import COLLECTION, STATUS, call
from bench.changes.http import Http
from bench.frames import TEXT, Reader
from bench.sockets import WebSocket


class Target(msgspec.Struct):
    """`rows` are written in turn."""

    rows: list[str]
    dsn: str = ""
    sql: str = ""
    """Its arguments are the status and the id."""
    port: int = 0
    token: str = ""

    def row(self, number: int) -> str:
        return self.rows[number % len(self.rows)]


class Lane(Protocol):
    async def open(self) -> None: ...

    async def write(self, number: int) -> float: ...


class Sql:
    """A transaction as psql would send it, on a connection of its own."""

    connection: Any
    statement: Any

    def __init__(self, target: Target) -> None:
        self.target = target

    async def open(self) -> None:
        self.connection = await asyncpg.connect(self.target.dsn)
        self.statement = await self.connection.prepare(self.target.sql)

    async def write(self, number: int) -> float:
        await self.connection.execute("BEGIN")
        await self.statement.fetch(STATUS.format(number), self.target.row(number))
        clock = time.monotonic()
        await self.connection.execute("COMMIT")
        return clock


class Call:
    """`user.update` by an admin. About to be committed is when it is sent: later nobody sees."""

    socket: Caller

    def __init__(self, target: Target) -> None:
        self.target = target

    async def open(self) -> None:
        self.socket = Caller(self.target.token)
        loop = asyncio.get_running_loop()
        await loop.create_connection(self.socket.itself, "127.0.0.1", self.target.port)
        await self.socket.opened

    async def write(self, number: int) -> float:
        params = {"id": self.target.row(number), "set": {"status": STATUS.format(number)}}
        frame = call("user.update", params)
        clock = time.monotonic()
        await self.socket.call(frame)
        return clock


class Caller(WebSocket):
    def __init__(self, token: str) -> None:
        super().__init__(token)
        self.reader = Reader()

    async def call(self, frame: bytes) -> None:
        self.finished = asyncio.get_running_loop().create_future()
        self.transport.write(frame)
        await self.finished

    def take(self, data: bytes) -> None:
        for opcode, payload in self.reader.read(data):
            if opcode == TEXT and b'"result"' in payload[:32]:
                self.finished.set_result(None)
            else:
                self.fail(f"the answer was {payload[:200]!r}")


class Rest:
    """PocketBase's own way."""

    http: Http

    def __init__(self, target: Target) -> None:
        self.target = target

    async def open(self) -> None:
        self.http = await Http.open(self.target.port)

    async def write(self, number: int) -> float:
        path = f"/api/collections/{COLLECTION}/records/{self.target.row(number)}"
        clock = time.monotonic()
        await self.http.request("PATCH", path, {"status": STATUS.format(number)})
        return clock


LANES: dict[str, Callable[[Target], Lane]] = {"sql": Sql, "call": Call, "rest": Rest}
