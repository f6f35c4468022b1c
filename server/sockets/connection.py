"""One WebSocket: reads messages, runs each as a task, sends replies as they finish."""

from __future__ import annotations

import asyncio
import contextvars
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.websockets import WebSocket, WebSocketDisconnect

from server.calls.connection import Connection, Connections
from server.calls.following import Following
from server.changes.feed import Feed
from server.database.engine import Database
from server.protocol import closing, messages
from server.protocol.times import written
from server.sockets.outbox import Outbox

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
        self.unanswered = 0
        """Messages under way."""
        self.warned_of = 0.0
        self.drain_seconds = dispatch.services.settings.drain_seconds
        use = dispatch.services.use
        self.outbox = Outbox(websocket)
        following = Following(use(Feed), use(Database), self.outbox)
        self.following = following

        self.outbox.drained = following.resume
        self.gone = following.end

    async def serve(self) -> None:
        """Until the client leaves or is closed. Afterwards nothing of it is left."""
        loop = asyncio.get_running_loop()
        writing = loop.create_task(self.outbox.run(), context=contextvars.Context())
        try:
            while True:
                message = await self.websocket.receive()
                if message["type"] == "websocket.disconnect":
                    if message.get("code") == closing.RESTART.code and self.tasks:
                        await asyncio.wait(self.tasks, timeout=self.drain_seconds)
                    return
                text = message.get("text")
                if text is None:
                    self.outbox.close(closing.UNSUPPORTED)
                    continue
                await self.room.acquire()
                self.unanswered += 1
                task = loop.create_task(self.answer(text), context=contextvars.Context())
                self.tasks.add(task)
                task.add_done_callback(self.done)
        except WebSocketDisconnect:
            return
        finally:
            self.gone()
            self.roll.leave(self)
            for task in self.tasks:
                task.cancel()
            writing.cancel()

    def done(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        self.room.release()

    async def answer(self, text: str) -> None:
        """Runs a message; a slow socket holds its place among the calls in flight."""
        try:
            answer = await self.dispatch.message(text, self)
            if answer.reply is not None:
                self.outbox.put(answer.reply)
            for effect in answer.effects:
                effect()
        finally:
            self.unanswered -= 1
            self.close_if_answered()
        if self.bucket.is_abused:
            self.outbox.close(closing.ABUSE)
        if self.outbox.is_slow:
            await self.outbox.has_room()

    def warn(self, expires_at: float) -> None:
        if self.warned_of != expires_at:
            self.warned_of = expires_at
            moment = written(datetime.fromtimestamp(expires_at, UTC))
            self.outbox.put(messages.notification("session.expiring", {"expires_at": moment}))

    def end(self, reason: str) -> None:
        self.sign_out()
        self.ended = reason
        for context in list(self.running.values()):
            context.cancel()
        self.close_if_answered()

    def close_if_answered(self) -> None:
        if self.ended is not None and not self.unanswered:
            self.outbox.put(messages.notification("session.ended", {"reason": self.ended}))
            self.outbox.close(closing.SESSION_ENDED)
