"""One WebSocket: takes messages, runs each, sends replies as they finish."""

from __future__ import annotations

import asyncio
import contextvars
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.websockets import WebSocket

from server.calls.connection import Connection, Connections
from server.calls.dispatch import Answer, Rest
from server.calls.following import Following
from server.changes.feed import Feed
from server.changes.past import Past
from server.protocol import closing
from server.protocol.frames import Frame
from server.protocol.messages import notification
from server.protocol.times import written
from server.sockets.deadlines import Deadlines
from server.sockets.framing import EXTENSION, Framed
from server.sockets.line import PlainLine
from server.sockets.outbox import Outbox, Turn

if TYPE_CHECKING:
    from server.calls.dispatch import Dispatch
    from server.calls.limits import Bucket

AT_ONCE = 64
"""Messages of one socket that are begun in a row; then it is the others' turn."""


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
        turn: Turn,
    ) -> None:
        super().__init__(address, websocket.headers.get("user-agent", ""), bucket, roll)
        self.websocket = websocket
        self.dispatch = dispatch
        settings, use = dispatch.services.settings, dispatch.services.use
        self.most = settings.max_calls_in_flight
        self.drain_seconds = settings.drain_seconds
        framed: Framed | None = websocket.scope.get("extensions", {}).get(EXTENSION)
        self.line: PlainLine | Framed = PlainLine(websocket) if framed is None else framed
        self.outbox = Outbox(self.line, turn)
        following = Following(use(Feed), use(Past), self.outbox)
        self.following = following
        self.catch_up, self.gone = following.resume, following.end
        self.outbox.resumed = self.resumed
        self.tasks: set[asyncio.Task[None]] = set()
        self.pending: list[str] = []
        """Messages that came while there was no room for them."""
        self.unanswered = 0
        """Messages under way."""
        self.begun = 0
        """Messages begun in a row."""
        self.asked = 0
        """Messages begun."""
        self.deadlines = Deadlines(self, settings)
        self.warned_of = 0.0
        self.close_code = closing.INTERNAL.code
        """What it was closed with, once it is."""

    async def serve(self) -> None:
        """Until the client leaves or is closed. Afterwards nothing of it is left."""
        line = self.line
        line.listen(self)
        self.deadlines.start()
        try:
            while (message := await self.websocket.receive())["type"] == "websocket.receive":
                self.received(message.get("text"))
                if isinstance(line, PlainLine):
                    await line.may_read.wait()
            self.close_code = message.get("code", closing.NO_CODE)
            if self.close_code == closing.RESTART.code and self.tasks:
                await asyncio.wait(self.tasks, timeout=self.drain_seconds)
        finally:
            line.leave()
            self.deadlines.stop()
            self.outbox.lost()
            self.pending.clear()
            self.gone()
            self.roll.leave(self)
            for task in self.tasks:
                task.cancel()

    # in

    def received(self, text: str | None) -> None:
        if self.outbox.is_closed:
            return
        if text is None:
            self.outbox.close(closing.UNSUPPORTED)
        elif self.pending or self.is_busy:
            self.pending.append(text)
            self.line.hold()
        else:
            self.begin(text)

    @property
    def is_busy(self) -> bool:
        """Whether it has to wait with the next message: for replies, for room, for the others."""
        return self.unanswered >= self.most or self.outbox.is_slow or self.begun >= AT_ONCE

    @property
    def follows(self) -> bool:
        """Whether it has a subscription."""
        return self.following is not None and bool(self.following.subscriptions)

    def begin(self, text: str) -> None:
        self.begun += 1
        self.asked += 1
        if self.begun == AT_ONCE:
            asyncio.get_running_loop().call_soon(self.go_on)
        answer = self.dispatch.begin(text, self)
        if isinstance(answer, Answer):
            self.answered(answer)
            return
        self.unanswered += 1
        task = asyncio.get_running_loop().create_task(
            self.finish(answer), context=contextvars.Context()
        )
        self.tasks.add(task)
        task.add_done_callback(self.done)

    async def finish(self, rest: Rest) -> None:
        try:
            self.answered(await rest())
        finally:
            self.unanswered -= 1
            self.close_if_answered()

    def answered(self, answer: Answer) -> None:
        if answer.reply is not None:
            self.outbox.put(Frame(answer.reply))
        for effect in answer.effects:
            effect()
        if self.bucket.is_abused:
            self.outbox.close(closing.ABUSE)

    def done(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if self.pending:
            self.take_pending()

    def go_on(self) -> None:
        """In the next turn of the loop."""
        self.begun = 0
        self.take_pending()

    def take_pending(self) -> None:
        while self.pending and not self.is_busy and not self.outbox.is_closed:
            self.begin(self.pending.pop(0))
        if not self.pending and not self.outbox.is_slow:
            self.line.read_on()

    # out

    def filled(self) -> None:
        self.outbox.slow_down()
        self.line.hold()

    def drained(self) -> None:
        self.outbox.drained()

    def lost(self) -> None:
        self.outbox.lost()

    def resumed(self) -> None:
        """There is room again."""
        self.take_pending()
        self.catch_up()

    # the session

    def warn(self, expires_at: float) -> None:
        if self.warned_of != expires_at:
            self.warned_of = expires_at
            moment = written(datetime.fromtimestamp(expires_at, UTC))
            self.outbox.put(Frame(notification("session.expiring", {"expires_at": moment})))

    def end(self, reason: str) -> None:
        self.sign_out()
        self.ended = reason
        for context in list(self.running):
            context.cancel()
        self.close_if_answered()

    def close_if_answered(self) -> None:
        if self.ended is not None and not self.unanswered:
            self.outbox.put(Frame(notification("session.ended", {"reason": self.ended})))
            self.outbox.close(closing.SESSION_ENDED)
