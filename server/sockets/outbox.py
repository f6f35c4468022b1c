"""What is to be sent on one socket, in order. Replies are taken always, frames while there is room.

Those of one turn of the loop leave together, with one write. A reader that does not keep up holds
at most `HIGH` bytes and its replies, whatever happens meanwhile, and beyond them one frame, or all
parts of one difference.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import structlog

from server.protocol import closing

if TYPE_CHECKING:
    from server.protocol.closing import Closing
    from server.protocol.frames import Frame

HIGH = 64 * 1024
"""Bytes that wait; beyond, the socket is slow until the network has taken nearly all."""

log = structlog.get_logger()


class Line(Protocol):
    """What carries the frames away."""

    @property
    def straight(self) -> Callable[[bytes], None] | None:
        """What sends a frame's `wired` bytes, if that is how it sends frames."""

    @property
    def is_full(self) -> bool:
        """Whether it holds more than it should."""

    @property
    def size(self) -> int:
        """Bytes that it holds."""

    def write(self, frames: list[Frame]) -> None: ...

    def close(self, why: Closing) -> None:
        """After all that was written."""


class Turn:
    """The outboxes that have something to send in this turn of the loop. One for a worker."""

    def __init__(self) -> None:
        self.outboxes: list[Outbox] = []

    def add(self, outbox: Outbox) -> None:
        if not self.outboxes:
            asyncio.get_running_loop().call_soon(self.end)
        self.outboxes.append(outbox)

    def end(self) -> None:
        outboxes, self.outboxes = self.outboxes, []
        for each in outboxes:
            try:
                each.flush()
            except Exception:
                log.exception("sending_failed")
                each.close(closing.INTERNAL)


class Outbox:
    __slots__ = (
        *("_joins", "frames", "is_closed", "is_slow", "line", "rerouted", "resumed"),
        *("room", "turn", "waiting", "why"),
    )

    def __init__(self, line: Line, turn: Turn) -> None:
        self.line = line
        self.turn = turn
        self.resumed: Callable[[], None] = lambda: None
        """Called when it was slow and is no longer."""
        self.rerouted: Callable[[], None] = lambda: None
        """Called when `straight` is another."""
        self.frames: list[Frame] = []
        self.waiting = 0
        self.is_slow = False
        self.is_closed = False
        self._joins = False
        self.why: Closing | None = None
        self.room: asyncio.Event | None = None
        """While somebody waits for it."""

    @property
    def joins(self) -> bool:
        """Whether several frames may be offered in one turn."""
        return self._joins

    @joins.setter
    def joins(self, joins: bool) -> None:
        if joins != self._joins:
            self._joins = joins
            self.rerouted()

    @property
    def straight(self) -> Callable[[bytes], None] | None:
        """What sends a frame's `wired` bytes at once, after all that was flushed.

        None while it is for the outbox to say what becomes of a frame.
        """
        return None if self.is_slow or self.is_closed or self._joins else self.line.straight

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return self.waiting + self.line.size

    def put(self, frame: Frame) -> None:
        """Sends it after all that was put before."""
        if self.is_closed:
            return
        if not self.frames:
            self.turn.add(self)
        self.frames.append(frame)
        self.waiting += len(frame.wired)
        if self.waiting > HIGH:
            self.slow_down()

    def offer(self, frame: Frame) -> bool:
        """The same, but for a slow socket."""
        if self.is_slow or self.is_closed:
            return False
        self.put(frame)
        return True

    async def has_room(self) -> None:
        """Waits until all was sent, when it is slow."""
        while self.is_slow and not self.is_closed:
            self.room = self.room or asyncio.Event()
            await self.room.wait()

    def close(self, why: Closing) -> None:
        """After all that was put before; nothing comes after it."""
        if not self.is_closed:
            self.is_closed, self.why = True, why
            self.rerouted()
            if not self.frames:
                self.turn.add(self)

    def lost(self) -> None:
        """Nothing can be sent any more, and nobody waits for room."""
        self.is_closed = True
        self.rerouted()
        self.frames.clear()
        self.make_room()

    def flush(self) -> None:
        frames, self.frames, self.waiting = self.frames, [], 0
        if frames:
            self.line.write(frames)
        if self.why is not None:
            self.line.close(self.why)
            self.lost()
        elif self.is_slow and not self.line.is_full:
            self.drained()

    def slow_down(self) -> None:
        """Also when the line is full."""
        self.is_slow = True
        self.rerouted()

    def drained(self) -> None:
        if self.is_slow and not self.is_closed:
            self.is_slow = False
            self.rerouted()
            self.make_room()
            self.resumed()

    def make_room(self) -> None:
        if self.room is not None:
            self.room.set()
            self.room = None
