"""Lets go of who does not sign in, and of who neither asks nor follows anything. Both are off, but
where an operator sets them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from server.protocol import closing

if TYPE_CHECKING:
    from server.settings import Settings
    from server.sockets.connection import Socket


class Deadlines:
    """Of one socket, from `start` to `stop`."""

    __slots__ = ("asked", "idle", "sign_in", "socket", "timers")

    def __init__(self, socket: Socket, settings: Settings) -> None:
        self.socket = socket
        self.sign_in = settings.sign_in_timeout_seconds
        self.idle = settings.idle_timeout_seconds
        self.timers: dict[str, asyncio.TimerHandle] = {}
        self.asked = 0
        """Messages that had come when it last looked."""

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        if self.sign_in:
            self.timers["sign_in"] = loop.call_later(self.sign_in, self.end_if_anonymous)
        if self.idle:
            self.timers["idle"] = loop.call_later(self.idle, self.end_if_idle)

    def stop(self) -> None:
        for timer in self.timers.values():
            timer.cancel()

    def end_if_anonymous(self) -> None:
        if self.socket.caller is None:
            self.socket.outbox.close(closing.NOT_SIGNED_IN)

    def end_if_idle(self) -> None:
        """A message may have come just after it last looked: idle is one to two times as long."""
        socket = self.socket
        if socket.asked == self.asked and not socket.unanswered and not socket.follows:
            socket.outbox.close(closing.IDLE)
            return
        self.asked = socket.asked
        self.timers["idle"] = asyncio.get_running_loop().call_later(self.idle, self.end_if_idle)
