"""A client's WebSocket, as raw as it can be: upgraded, and from then on given what arrives."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Self, cast

OPENING = (
    "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def opening(token: str = "", path: str = "/rpc") -> str:
    """The request for an upgrade."""
    signed_in = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"{OPENING.format(path)}{signed_in}\r\n"


class WebSocket(asyncio.Protocol, ABC):
    transport: asyncio.Transport

    def __init__(self, token: str) -> None:
        self.token = token
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.finished: asyncio.Future[None] = loop.create_future()

    def itself(self) -> Self:
        """The factory that an event loop asks for."""
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(opening(self.token).encode())

    def data_received(self, data: bytes) -> None:
        if self.opened.done():
            self.take(data)
        elif data.startswith(b"HTTP/1.1 101 ") and data.endswith(b"\r\n\r\n"):
            self.opened.set_result(None)
        else:
            self.fail(f"the upgrade was answered with {data[:200]!r}")

    @abstractmethod
    def take(self, data: bytes) -> None:
        """What arrives after the upgrade, in pieces of any length."""

    def connection_lost(self, error: Exception | None) -> None:
        self.fail(f"the connection was lost: {error}")

    def fail(self, sentence: str) -> None:
        for future in (self.opened, self.finished):
            if not future.done():
                future.set_exception(RuntimeError(sentence))
                future.exception()  # though nobody may be waiting for it
