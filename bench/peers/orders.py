"""What a crowd is told to do, and what it answers."""

from __future__ import annotations

import msgspec

from bench.window import Window


class Step(msgspec.Struct):
    """On a new connection: send this, and wait for a message that contains that; or one of both."""

    send: bytes = b""
    wait: bytes = b""


class Wire(msgspec.Struct):
    """How a peer is spoken to, once a WebSocket is open."""

    publish: bytes
    """With MESSAGE in it."""
    opening: list[Step] = []
    """Of every connection."""
    subscribing: list[Step] = []
    """After it, of a subscriber."""
    call: bytes = b""
    """With ID in it; empty where there are no calls."""
    reply: bytes = b""
    """What is in each answer to it."""
    acknowledgement: tuple[bytes, bytes, bytes] = (b"", b"", b"")
    """What follows the first, up to a quotation mark, is sent back between the other two."""
    packs: bool = False
    """Whether the message goes as MessagePack."""
    is_binary: bool = False


class Open(msgspec.Struct, tag=True):
    """Hold these and no others, each by its HTTP request for the upgrade."""

    port: int
    wire: Wire
    clients: list[str]
    publisher: str | None = None
    """Without one the clients are no subscribers, but there to call."""


class FanOut(msgspec.Struct, tag=True):
    window: Window
    in_flight: int


class Call(msgspec.Struct, tag=True):
    window: Window
    connections: int
    depth: int
    """Calls under way on each."""


class Seen(msgspec.Struct):
    """Of deliveries, or of replies, within the window."""

    count: int
    frames: int
    size: int
    """Bytes of the frames."""
    seconds: float
    p50: float
    p99: float
    """Milliseconds."""
