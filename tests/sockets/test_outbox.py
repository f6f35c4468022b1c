"""What many outboxes send in one turn of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from server.protocol import closing
from server.protocol.closing import Closing
from server.protocol.frames import Frame
from server.sockets.outbox import Outbox, Turn


class Line:
    """One that may be broken, as no line should be."""

    is_full = False
    size = 0
    straight: Callable[[bytes], None] | None = None

    def __init__(self, *, is_broken: bool) -> None:
        self.is_broken = is_broken
        self.written: list[Frame] = []
        self.closed: Closing | None = None

    def write(self, frames: list[Frame]) -> None:
        if self.is_broken:
            raise ValueError("a fault of ours")
        self.written += frames

    def close(self, why: Closing) -> None:
        self.closed = why


async def test_a_line_that_fails_is_closed_and_holds_up_no_other() -> None:
    turn, broken, whole = Turn(), Line(is_broken=True), Line(is_broken=False)
    frame = Frame(b"{}")
    for line in (broken, whole):
        Outbox(line, turn).put(frame)
    await asyncio.sleep(0)
    assert whole.written == [frame]
    await asyncio.sleep(0)
    assert broken.closed == closing.INTERNAL
