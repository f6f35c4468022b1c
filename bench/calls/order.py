"""What a worker that calls is told to do."""

from __future__ import annotations

from typing import NamedTuple

from bench.window import Window


class Order(NamedTuple):
    """`port` is where to send calls; the baseline, which sends none, ignores it."""

    call: str
    window: Window
    port: int
