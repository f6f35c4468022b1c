"""Stopping gently: clients are told, calls are served on, nobody new comes in; then sockets close.

A second signal stops at once.
"""

from __future__ import annotations

import asyncio
import random
import signal
from typing import TYPE_CHECKING, Any

from server.calls.connection import Connections
from server.protocol.frames import Frame
from server.protocol.messages import notification

if TYPE_CHECKING:
    from collections.abc import Callable

    from server.sockets.endpoint import Door

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SPREAD = 0.5
"""Clients come back within this share of the time that there is, not all at once."""


class Draining:
    def __init__(self, door: Door, connections: Connections, seconds: float) -> None:
        self.door = door
        self.connections = connections
        self.seconds = seconds
        self._task: asyncio.Task[None] | None = None

    def heed_signals(self) -> None:
        """Comes before whoever heeds them now, who gets them once the sockets have gone."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            stop: Any = signal.getsignal(number)

            def drain(number: int, frame: Any, stop: Any = stop) -> None:
                loop.call_soon_threadsafe(self.begin, lambda: stop(number, frame))

            signal.signal(number, drain)

    def begin(self, stop: Callable[[], None]) -> None:
        if self.connections.is_draining:
            stop()
            return
        self.connections.is_draining = True
        for socket in self.door.open:
            wait = int(random.random() * SPREAD * self.seconds * 1000)  # noqa: S311 - to spread
            said = notification("server.draining", {"reconnect_in_ms": wait})
            socket.outbox.put(Frame(said))
        self._task = asyncio.get_running_loop().create_task(self._wait(stop), name="draining")

    async def _wait(self, stop: Callable[[], None]) -> None:
        try:
            async with asyncio.timeout(self.seconds):
                await self.door.all_gone()
        except TimeoutError:
            pass
        stop()
