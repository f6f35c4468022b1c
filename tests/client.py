"""A client for the tests: push a call, wait for its reply; nothing of the server's code in it."""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection, connect

from tests.contract import CONTRACT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

PATIENCE = 10.0
"""Seconds that a test waits for a message before it fails; no test waits for time to pass."""


class ReplyError(Exception):
    """An error object as the reply."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(f"{error['code']} {error.get('data', {}).get('kind')}: {error['message']}")
        self.code = error["code"]
        self.message = error["message"]
        self.data = error.get("data", {})
        self.kind = self.data.get("kind")


class Client:
    """One socket. `call` for the ordinary, `send` and `receive` for the raw.

    What it receives is what the contract says, or the test fails.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.ids = itertools.count(1)
        self.called: dict[Any, str] = {}
        """The methods of calls that wait for their replies, by id."""
        self.others: list[Any] = []
        """Messages that came while a reply was waited for."""

    async def call(self, method: str, /, **params: Any) -> Any:
        """The result. Raises ReplyError."""
        id_ = next(self.ids)
        await self.push(method, id_, **params)
        return await self.reply(id_)

    async def push(self, method: str, id_: int | str, /, **params: Any) -> None:
        self.called[id_] = method
        await self.send({"jsonrpc": "2.0", "method": method, "params": params, "id": id_})

    async def reply(self, id_: int | str) -> Any:
        for message in self.others:
            if message.get("id") == id_:
                self.others.remove(message)
                return outcome(message)
        while True:
            message = await self.receive_new()
            if message.get("id") == id_ and "method" not in message:
                return outcome(message)
            self.others.append(message)

    async def notification(self, method: str) -> Any:
        """The params of the next one of this method."""
        for message in self.others:
            if message.get("method") == method:
                self.others.remove(message)
                return message["params"]
        while True:
            message = await self.receive_new()
            if message.get("method") == method:
                return message["params"]
            self.others.append(message)

    async def send(self, message: Any) -> None:
        await self.socket.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def receive(self) -> Any:
        return self.others.pop(0) if self.others else await self.receive_new()

    async def receive_new(self) -> Any:
        async with asyncio.timeout(PATIENCE):
            message = json.loads(await self.socket.recv())
        CONTRACT.check(message, self.called)
        return message

    async def ask(self, text: str | bytes) -> Any:
        """The next message after sending a raw text."""
        await self.send(text)
        return await self.receive()

    async def closed(self) -> tuple[int, str]:
        """Code and reason, once the server has closed."""
        async with asyncio.timeout(PATIENCE):
            await self.socket.wait_closed()
        return self.socket.close_code or 0, self.socket.close_reason or ""


def outcome(message: Mapping[str, Any]) -> Any:
    if "error" in message:
        raise ReplyError(message["error"])
    return message["result"]


@asynccontextmanager
async def connected(url: str, token: str | None = None, **options: Any) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    options.setdefault("additional_headers", headers)
    async with connect(url, compression=None, proxy=None, **options) as socket:
        yield Client(socket)
