"""A subscription: a topic and a position in the log, for one connection.

New, slow, throttled, reconnecting: all the same, a position behind the topic's, and one way to
catch up from it, merged per row. It has no queue. `Reader` is what it knows of a connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from server.changes.log import GoneError
from server.protocol.changes import Change, entries, merged
from server.protocol.frames import Frame
from server.protocol.messages import encode, notification

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from server.changes.hub import Topic
    from server.protocol.changes import Selection
    from server.protocol.positions import Position


class Reader(Protocol):
    """A connection that takes frames."""

    @property
    def straight(self) -> Callable[[bytes], None] | None:
        """What sends a frame's `wired` bytes at once, while that is all there is to do."""

    def offer(self, frame: Frame) -> bool:
        """Takes the frame to be sent, in order; False when it has more than enough to send."""

    def put(self, frame: Frame) -> None:
        """Takes the frame in any case."""

    def fall_behind(self, subscription: Subscription) -> None:
        """Remembers to `catch_up` when it has sent what it has."""

    def close(self, id_: str, reason: str) -> None:
        """Ends its subscription of that topic, and says so."""


class Subscription:
    __slots__ = ("_position", "is_partial", "reader", "topic")

    def __init__(self, topic: Topic, reader: Reader, position: Position) -> None:
        self.topic = topic
        self.reader = reader
        self._position: Position | None = position
        self.is_partial = False
        """While parts are still to come: its client has no position to store."""

    @property
    def position(self) -> Position | None:
        """None while it is where its topic is; else it is behind, and says where."""
        return self._position

    @position.setter
    def position(self, position: Position | None) -> None:
        self._position = position
        self.topic.route(self)

    @property
    def where_it_is(self) -> Position:
        return self.topic.position if self.position is None else self.position

    def deliver(self, frames: list[Frame], before: Position) -> None:
        """Of a topic that moved on from `before`: all of its frames, or none and it is behind."""
        if self.position is not None:
            self.topic.deliveries -= len(frames)
            self.reader.fall_behind(self)
            return
        if not self.reader.offer(frames[0]):
            self.topic.deliveries -= len(frames)
            self.position = before
            self.reader.fall_behind(self)
            return
        for frame in frames[1:]:
            self.reader.put(frame)

    def catch_up(self, changes: Iterable[Change], head: Position) -> None:
        """`changes` are all that its position has not seen, up to `head`."""
        frames = self.topic.frames(changes, head)
        self.topic.deliveries += len(frames)
        for frame in frames:
            self.reader.put(frame)
        self.position = None if head == self.topic.position else head


def told(selection: Selection, changes: Iterable[Change]) -> list[dict[str, Any]]:
    """What changes come to for a client. Raises GoneError for values too deep to be compared."""
    try:
        return entries(selection, merged(changes))
    except RecursionError:
        raise GoneError from None


def frames_of(
    topic: Topic, changes: Iterable[Change], head: Position, max_bytes: int
) -> list[Frame]:
    """The notifications that bring a client to `head`: none, one, or parts."""
    found = told(topic.selection, changes)
    if not found:
        return []
    frame = framed(topic, found, head)
    if len(frame.payload) <= max_bytes or len(found) == 1:
        return [frame]
    parts = split(found, max_bytes // 2)
    return [framed(topic, part, None) for part in parts[:-1]] + [framed(topic, parts[-1], head)]


def split(found: list[dict[str, Any]], max_bytes: int) -> list[list[dict[str, Any]]]:
    """In parts of about so many bytes, as JSON."""
    parts: list[list[dict[str, Any]]] = [[]]
    size = 0
    for each in found:
        length = len(encode(each))
        if parts[-1] and size + length > max_bytes:
            parts.append([])
            size = 0
        parts[-1].append(each)
        size += length
    return parts


def framed(topic: Topic, found: list[dict[str, Any]], position: Position | None) -> Frame:
    """None: more parts follow, and until the last a client has no position to store."""
    params: dict[str, Any] = {
        "subscription": topic.id,
        "position": None if position is None else str(position),
        "changes": found,
    }
    if position is None:
        params["more"] = True
    return Frame(notification(topic.notification, params))
