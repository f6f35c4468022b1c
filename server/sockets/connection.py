"""One WebSocket: reads messages, runs each as a task, sends replies as they finish."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from server.calls.connection import Connection, Connections
from server.protocol import closing, messages

if TYPE_CHECKING:
    from server.calls.dispatch import Dispatch
    from server.calls.limits import Bucket


class Socket(Connection):
    is_socket = True

    def __init__(
        self,
        websocket: WebSocket,
        dispatch: Dispatch,
        *,
        address: str,
        bucket: Bucket,
        roll: Connections,
    ) -> None:
        super().__init__(address, websocket.headers.get("user-agent", ""), bucket, roll)
        self.websocket = websocket
        self.dispatch = dispatch
        self.room = asyncio.Semaphore(dispatch.services.settings.max_calls_in_flight)
        self.tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Until the client leaves or is closed. Afterwards nothing of it is left."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                message = await self.websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                text = message.get("text")
                if text is None:
                    await self.close(closing.UNSUPPORTED)
                    return
                await self.room.acquire()
                task = loop.create_task(self.answer(text), context=contextvars.Context())
                self.tasks.add(task)
                task.add_done_callback(self.done)
        except WebSocketDisconnect:
            return
        finally:
            self.roll.leave(self)
            for task in self.tasks:
                task.cancel()

    def done(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        self.room.release()

    async def answer(self, text: str) -> None:
        reply = await self.dispatch.message(text, self)
        if reply is not None:
            await self.send(reply)
        if self.ends_after_reply is not None:
            await self.end(self.ends_after_reply)
        elif self.bucket.is_abused:
            await self.close(closing.ABUSE)

    async def send(self, message: bytes) -> None:
        if self.websocket.application_state is not WebSocketState.CONNECTED:
            return
        try:
            await self.websocket.send_text(message.decode())
        except (WebSocketDisconnect, RuntimeError):
            return  # the client left meanwhile

    async def end(self, reason: str) -> None:
        self.sign_out()
        await self.send(messages.notification("session.ended", {"reason": reason}))
        await self.close(closing.SESSION_ENDED)

    async def close(self, why: closing.Closing) -> None:
        if self.websocket.application_state is not WebSocketState.CONNECTED:
            return
        try:
            await self.websocket.close(why.code, why.reason)
        except (WebSocketDisconnect, RuntimeError):
            return
