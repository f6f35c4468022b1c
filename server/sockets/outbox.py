"""What is to be sent on one socket, in order. Replies are taken always, frames while there is room.

A reader that does not keep up holds at most `HIGH` bytes and one frame, whatever happens meanwhile.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.websockets import WebSocketDisconnect, WebSocketState

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from server.protocol.closing import Closing

HIGH = 64 * 1024
"""Bytes that wait; beyond, the socket is slow until all are gone."""


class Outbox:
    def __init__(self, websocket: WebSocket) -> None:
        self.websocket = websocket
        self.drained: Callable[[], None] = lambda: None
        """Called when a socket that was slow has sent all."""
        self.waiting: deque[bytes | Closing] = deque()
        self.size = 0
        self.is_slow = False
        self.is_closed = False
        self.room = asyncio.Event()
        self.room.set()
        self._work = asyncio.Event()

    def put(self, message: bytes) -> None:
        """Sends it after all that was put before."""
        if self.is_closed:
            return
        self.waiting.append(message)
        self.size += len(message)
        if self.size > HIGH:
            self.is_slow = True
            self.room.clear()
        self._work.set()

    def offer(self, frame: bytes) -> bool:
        """The same, but for a slow socket."""
        if self.is_slow or self.is_closed:
            return False
        self.put(frame)
        return True

    async def has_room(self) -> None:
        """Waits until all was sent, when it is slow."""
        await self.room.wait()

    def close(self, why: Closing) -> None:
        """After all that was put before; nothing comes after it."""
        if not self.is_closed:
            self.is_closed = True
            self.waiting.append(why)
            self._work.set()

    async def run(self) -> None:
        """Until it was closed or the client has left."""
        try:
            while True:
                await self._work.wait()
                self._work.clear()
                while self.waiting:
                    message = self.waiting.popleft()
                    if not isinstance(message, bytes):
                        await self.websocket.close(message.code, message.reason)
                        return
                    if self.websocket.application_state is not WebSocketState.CONNECTED:
                        return
                    await self.websocket.send_text(message.decode())
                    self.size -= len(message)
                if self.is_slow:
                    self.is_slow = False
                    self.room.set()
                    self.drained()
        except (WebSocketDisconnect, RuntimeError):
            return  # the client left meanwhile
        finally:
            self.is_closed = True
            self.waiting.clear()
            self.room.set()
