"""As much of an HTTP client as PocketBase needs: one request at a time on one connection."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec


class Http:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int) -> Http:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def request(self, method: str, path: str, what: Any, token: str = "") -> Any:
        """Raises RuntimeError for an answer that is no success."""
        body = msgspec.json.encode(what)
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.writer.write(head.encode() + body)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = answer.partition(b"content-length:")[2].partition(b"\r\n")[0].strip()
        said = await self.reader.readexactly(int(length or 0))
        if not answer.startswith(b"http/1.1 2"):
            raise RuntimeError(f"{method} {path} was answered with {answer[:20]!r} {said[:200]!r}")
        return msgspec.json.decode(said) if said else None

    def close(self) -> None:
        self.writer.close()
