"""The line of a server that offers nothing but ASGI: each frame is a message that it frames."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from typing import TYPE_CHECKING

from starlette.websockets import WebSocketDisconnect, WebSocketState

from server.protocol.frames import Frame
from server.sockets.outbox import HIGH

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from server.protocol.closing import Closing
    from server.sockets.framing import Listener


class PlainLine:
    """`listen` once, and `leave` when the client has left."""

    def __init__(self, websocket: WebSocket) -> None:
        self.websocket = websocket
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.listener: Listener | None = None
        self.queue: deque[Frame | Closing] = deque()
        self.straight: None = None
        self.size = 0
        self.written = 0
        """Bytes given to the server."""
        self._work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.is_over = False

    @property
    def is_full(self) -> bool:
        return self.size > HIGH

    def write(self, frames: list[Frame]) -> None:
        self.queue.extend(frames)
        size = sum(len(frame.payload) for frame in frames)
        self.size += size
        self.written += size
        self._work.set()
        if self.is_full and self.listener is not None:
            self.listener.filled()

    def close(self, why: Closing) -> None:
        self.queue.append(why)
        self._work.set()

    def hold(self) -> None:
        if not self.is_over:  # then reading is how the end is heard of
            self.may_read.clear()

    def read_on(self) -> None:
        self.may_read.set()

    def listen(self, listener: Listener) -> None:
        self.listener = listener
        self._task = asyncio.get_running_loop().create_task(
            self._run(), context=contextvars.Context()
        )

    def leave(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            while True:
                await self._work.wait()
                self._work.clear()
                while self.queue:
                    each = self.queue.popleft()
                    if not isinstance(each, Frame):
                        await self.websocket.close(each.code, each.reason)
                        return
                    if self.websocket.application_state is not WebSocketState.CONNECTED:
                        return
                    await self.websocket.send_text(each.payload.decode())
                    self.size -= len(each.payload)
                if self.listener is not None:
                    self.listener.drained()
        except (WebSocketDisconnect, RuntimeError):
            return  # the client left meanwhile
        finally:
            self.is_over = True
            self.may_read.set()
