"""What readers and the writer are told to do, and what they answer."""

from __future__ import annotations

from typing import Any

import msgspec

from bench.window import Window


class Client(msgspec.Struct):
    """Who connects, and the params of what they subscribe to."""

    token: str = ""
    subscriptions: list[dict[str, Any]] = []


class Open(msgspec.Struct, tag=True):
    """Connect all of them, `abreast` at a time, from the moment `begin` on."""

    wire: str
    port: int
    clients: list[Client]
    abreast: int
    begin: float = 0.0
    is_frozen: bool = False
    """Whether they read nothing more once they are subscribed."""


class Opened(msgspec.Struct):
    end: float
    """When the last had its replies."""
    positions: list[str]
    resets: int
    changes: int


class Watch(msgspec.Struct, tag=True):
    window: Window


class Watched(msgspec.Struct):
    """Of the window; one frame may have several deliveries."""

    deliveries: int
    frames: int
    size: int
    """Bytes of the frames."""
    seconds: float


class Note(msgspec.Struct, tag=True):
    """Of each delivery since the last time, which number had it, and when was it here?"""


Notes = list[tuple[int, float]]


class Close(msgspec.Struct, tag=True):
    """Leave."""


class Write(msgspec.Struct, tag=True):
    """`rate` writes a second, or with none as fast as all readers are told of them; `most` of
    them, or as many as the window holds."""

    window: Window
    way: str
    lanes: int
    rate: float = 0.0
    most: int = 0


class Written(msgspec.Struct):
    first: int
    """The number of the first."""
    clocks: list[float]
    """Of each, in order of number: when it was about to be committed."""
