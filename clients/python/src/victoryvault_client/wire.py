"""One socket, as long as it lasts. Who is silent for long is asked whether it is there."""

from __future__ import annotations

import asyncio
import json
import os
import re
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Response
from websockets.typing import Subprotocol

PROTOCOL = Subprotocol("victoryvault.v1")
VERSION = "0.1.0"
CLIENT = f"victoryvault-client/{VERSION} (Python)"
GOODBYE_SECONDS = 2.0
LOST = 1006
"""Without a close frame."""
ERRNO = re.compile(r"\[Errno (-?\d+)\] (Connect call failed)?")
"""What Python writes before the words of the system, or instead of them."""

Message = dict[str, Any]


async def dial(url: str, token: str | None) -> ClientConnection:
    """Raises InvalidURI; OSError, EOFError or another WebSocketException when nobody answers."""
    return await connect(
        url,
        subprotocols=[PROTOCOL],
        additional_headers={"Authorization": f"Bearer {token}"} if token else {},
        user_agent_header=CLIENT,
        compression=None,
        open_timeout=None,
        ping_interval=None,
        close_timeout=GOODBYE_SECONDS,
        max_size=None,
    )


def describe(error: Exception) -> str:
    """Why `dial` has failed, for people."""
    if isinstance(error, InvalidStatus):
        return f"the server answered {error.response.status_code}: {_refusal(error.response)}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.strerror}"
    return ERRNO.sub(lambda found: os.strerror(int(found[1])) if found[2] else "", str(error))


def _refusal(response: Response) -> str:
    try:
        return str(json.loads(response.body)["error"]["message"])
    except (ValueError, TypeError, LookupError):  # of another server than ours
        return response.reason_phrase


class Wire:
    """Sends in the order of `send`. What comes is told to `received`, one after the other."""

    def __init__(self, socket: ClientConnection, received: Callable[[Message], None]) -> None:
        self._socket = socket
        self._received = received
        self._outgoing: asyncio.Queue[Message | None] = asyncio.Queue()
        self._heard_at = 0.0

    def send(self, message: Message) -> None:
        self._outgoing.put_nowait(message)

    def say_goodbye(self) -> None:
        """Closes it, once all was sent."""
        self._outgoing.put_nowait(None)

    async def talk(self) -> tuple[int, str]:
        """Until the line is lost: the close code, and what was said."""
        writing = asyncio.ensure_future(self._write())
        try:
            with suppress(ConnectionClosed):
                async for text in self._socket:
                    self._heard_at = asyncio.get_running_loop().time()
                    self._hear(text)
        finally:
            writing.cancel()
            await asyncio.wait({writing})
            await self._socket.close()
        return self._socket.close_code or LOST, self._socket.close_reason or ""

    async def watch(self, probe: Callable[[], None], silence: float, answer: float) -> None:
        """Ends the line when `silence` seconds are followed by no answer to a probe."""
        now = asyncio.get_running_loop().time
        self._heard_at = now()
        while True:
            while (left := self._heard_at + silence - now()) > 0:  # noqa: ASYNC110 - silence is time
                await asyncio.sleep(left)
            asked_at = now()
            probe()
            await asyncio.sleep(answer)
            if self._heard_at < asked_at:
                self._socket.transport.abort()
                return

    def _hear(self, text: str | bytes) -> None:
        try:
            self._received(json.loads(text))
        except Exception as error:  # noqa: BLE001 - one bad message is not the end
            context = {"message": "A message of the server is not understood", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)

    async def _write(self) -> None:
        with suppress(ConnectionClosed):  # who reads is told
            while (message := await self._outgoing.get()) is not None:
                await self._socket.send(json.dumps(message, ensure_ascii=False))
            await self._socket.close()
