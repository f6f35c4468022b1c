"""Sockets that follow: a WebSocket of ours or of the loop, and PocketBase's stream of events.

Of what arrives only the numbers are read, by one regular expression, for readers must be cheap.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any, Self, cast

import msgspec

from bench.changes.http import Http
from bench.changes.orders import Client
from bench.frames import CLOSE, PING, PONG, TEXT, Reader, masked
from bench.sockets import WebSocket

STATUS = "write {}"
"""A written row says in `status` which write it was."""
NUMBER = re.compile(rb'"status" ?: ?"write (\d+)')
CLIENT = re.compile(rb'"clientId":"(\w+)"')
COLLECTION = "players"
REPLY = b'{"jsonrpc":"2.0","result"'

Told = Callable[[int, list[bytes], int], int]
"""Is given the number of the newest write so far, the numbers in a frame, and its length; says
which the newest is now."""


class Reply(msgspec.Struct):
    """Of a subscription, as far as it matters."""

    position: str | None = None
    reset: bool = True
    changes: list[msgspec.Raw] = []


class Envelope(msgspec.Struct):
    result: Reply


class Follower(WebSocket):
    def __init__(self, client: Client, told: Told) -> None:
        super().__init__(client.token)
        self.client = client
        self.told = told
        self.reader = Reader()
        self.replies: list[Reply] = []
        self.newest = -1

    async def begin(self, _port: int) -> None:
        await self.opened
        calls = [call("user.subscribe", params) for params in self.client.subscriptions]
        if calls:
            self.transport.write(b"".join(calls))
            await self.finished

    def take(self, data: bytes) -> None:
        for opcode, payload in self.reader.read(data):
            if opcode == PING:
                self.transport.write(masked(PONG, payload))
            elif opcode == CLOSE:
                self.fail(f"closed with {payload!r}")
            elif opcode == TEXT and (self.finished.done() or not self.replied(payload)):
                self.newest = self.told(self.newest, NUMBER.findall(payload), len(payload))

    def replied(self, payload: bytes) -> bool:
        if b'"method"' in payload[:32]:
            return False
        if payload.startswith(REPLY):
            self.replies.append(msgspec.json.decode(payload, type=Envelope).result)
            if len(self.replies) == len(self.client.subscriptions):
                self.finished.set_result(None)
        elif self.client.subscriptions:
            self.fail(f"the answer was {payload[:200]!r}")
        return bool(self.client.subscriptions)


class Stream(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, _client: Client, told: Told) -> None:
        self.told = told
        self.rest = b""
        self.replies: list[Reply] = []
        self.newest = -1
        self.opened: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def itself(self) -> Self:
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(b"GET /api/realtime HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")

    def data_received(self, data: bytes) -> None:
        data = self.rest + data
        end = data.rfind(b"\n\n") + 2
        self.rest = data[end:]
        if self.opened.done():
            self.newest = self.told(self.newest, NUMBER.findall(data, 0, end), end)
        elif found := CLIENT.search(data):
            self.opened.set_result(found[1].decode())

    def connection_lost(self, error: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(RuntimeError(f"the connection was lost: {error}"))

    async def begin(self, port: int) -> None:
        asked = {"clientId": await self.opened, "subscriptions": [f"{COLLECTION}/*"]}
        http = await Http.open(port)
        await http.request("POST", "/api/realtime", asked)
        http.close()


WIRES: dict[str, type[Follower | Stream]] = {"websocket": Follower, "events": Stream}


def call(method: str, params: dict[str, Any]) -> bytes:
    """A frame."""
    message = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
    return masked(TEXT, msgspec.json.encode(message))
