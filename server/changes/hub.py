"""Topics and who follows them. A change is matched once per topic and encoded once per topic.

Everything here happens within one turn of the loop and never waits: a subscription that cannot
take a frame now is behind, and catches up on its own time.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import structlog

from server.changes.index import Index
from server.changes.log import GoneError
from server.changes.subscription import Subscription, frames_of
from server.protocol.changes import merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from server.changes.ring import Batch, Ring
    from server.protocol.changes import Change, Selection
    from server.protocol.frames import Frame
    from server.protocol.positions import Position

log = structlog.get_logger()


class Topic:
    """What any number of subscriptions are about: rows of one table, seen in one way."""

    def __init__(
        self,
        id_: str,
        table: str,
        notification: str,
        selection: Selection,
        position: Position,
        *,
        interval: float,
        max_bytes: int,
        where: dict[str, Any],
        resource: Any,
    ) -> None:
        self.id = id_
        self.where = where
        """As it was asked for, to be shown."""
        self.resource = resource
        self.table = table
        self.notification = notification
        self.selection = selection
        self.position = position
        self.interval = interval
        """Seconds between two notifications, at least."""
        self.max_bytes = max_bytes
        self.subscriptions: set[Subscription] = set()
        self.straight: dict[Subscription, Callable[[bytes], None]] = {}
        """Those of them that are level, and what sends to their sockets: nearly always all."""
        self.deliveries = 0
        """Frames given to connections."""
        self.sent_bytes = 0
        """Of those that went straight."""
        self.moved_at = float("-inf")
        self.timer: asyncio.TimerHandle | None = None

    def frames(self, changes: Iterable[Change], head: Position) -> list[Frame]:
        own = [change for change in changes if change.table == self.table]
        return frames_of(self, own, head, self.max_bytes) if own else []

    def route(self, subscription: Subscription) -> None:
        """Anew, when its position or what its reader can take has changed."""
        straight = subscription.reader.straight if subscription.position is None else None
        if straight is None or subscription not in self.subscriptions:
            self.straight.pop(subscription, None)
        else:
            self.straight[subscription] = straight

    def move(self, changes: list[Change], head: Position) -> bool:
        """To `head`, with all changes since its position; whether there was anything to tell."""
        before = self.position
        frames = self.frames(changes, head)
        self.position = head
        self.deliveries += len(frames) * len(self.subscriptions)
        served: dict[Subscription, Callable[[bytes], None]] = {}
        if len(frames) == 1:
            served, wired = self.straight.copy(), frames[0].wired
            self.sent_bytes += len(wired) * len(served)
            for write in served.values():
                write(wired)
        if len(served) < len(self.subscriptions) and (frames or self.interval):
            for subscription in self.subscriptions.difference(served):
                if frames or subscription.position is not None:
                    subscription.deliver(frames, before)
        return bool(frames)


class Hub:
    """The topics of one worker. `publish` is the feed's; the feed's ring is where to look back."""

    def __init__(self) -> None:
        self.topics: dict[str, Topic] = {}
        self.index = Index()
        self.ring: Ring | None = None
        self.position: Position | None = None
        self.deliveries = self.sent_bytes = 0
        """Of topics that nobody follows any more."""
        self.closed: Counter[str] = Counter()
        """Subscriptions that the server has ended, by reason."""
        self.first: Callable[[list[Change] | None], None] = lambda _changes: None
        """Told of changes before any topic moves; of None when nobody knows what happened."""
        self.flush: Callable[[], None] = lambda: None
        """Sends all that readers were given before, for frames that go straight do not wait."""

    def publish(self, batch: Batch | None, ring: Ring | None, head: Position) -> None:
        """Moves every topic on. Without a batch nobody knows what happened, and all are closed."""
        try:
            self._publish(batch, ring, head)
        except Exception:
            log.exception("publishing_failed")
            self.first(None)
            for topic in list(self.topics.values()):
                self._lose(topic, head)

    def _publish(self, batch: Batch | None, ring: Ring | None, head: Position) -> None:
        self.flush()
        self.ring, self.position = ring, head
        self.first(None if batch is None else batch.changes)
        touched = {} if batch is None else self.index.touched(merged(batch.changes))
        for topic in list(self.topics.values()):
            if batch is None:
                self._close(topic)
            elif topic.interval:
                self._soon(topic)
            elif topic in touched:
                self._move(topic, touched[topic], head)
            else:
                topic.position = head

    def _move(self, topic: Topic, changes: list[Change], head: Position) -> bool:
        """Whether there was anything to tell."""
        try:
            return topic.move(changes, head)
        except Exception as error:
            if not isinstance(error, GoneError):
                log.exception("topic_failed", topic=topic.id)
            self._lose(topic, head)
            return True

    def _close(self, topic: Topic) -> None:
        """Who is at the head or behind it would find no more in the log than the feed did."""
        for subscription in list(topic.subscriptions):
            subscription.reader.close(topic.id, "position_gone")

    def _lose(self, topic: Topic, head: Position) -> None:
        for subscription in topic.subscriptions:
            if subscription.position is None:
                subscription.position = topic.position
            subscription.reader.fall_behind(subscription)
        topic.position = head

    def _soon(self, topic: Topic) -> None:
        """Moves a throttled topic, now or when its time has come."""
        if topic.timer is not None:
            return
        loop = asyncio.get_running_loop()
        wait = topic.moved_at + topic.interval - loop.time()
        if wait <= 0:
            self._move_throttled(topic)
        else:
            topic.timer = loop.call_later(wait, self._move_throttled, topic)

    def _move_throttled(self, topic: Topic) -> None:
        topic.timer = None
        self.flush()
        if self.ring is None or self.position is None or self.topics.get(topic.id) is not topic:
            return
        changes = self.ring.since(topic.position)
        if changes is None:
            self._lose(topic, self.position)
        elif self._move(topic, changes, self.position):
            topic.moved_at = asyncio.get_running_loop().time()

    def topic(self, id_: str, **made_of: Any) -> Topic:
        """The topic of that id; made at the head when nobody follows it yet."""
        assert self.position is not None  # noqa: S101 - the feed has read before anyone connects
        found = self.topics.get(id_)
        return found or Topic(id_, position=self.position, **made_of)

    def enter(self, subscription: Subscription) -> None:
        topic = self.topics.setdefault(subscription.topic.id, subscription.topic)
        if not topic.subscriptions:
            self.index.add(topic)
        if not topic.subscriptions and self.position is not None:
            topic.position = self.position
        subscription.topic = topic
        topic.subscriptions.add(subscription)

    def leave(self, subscription: Subscription) -> None:
        topic = subscription.topic
        topic.subscriptions.discard(subscription)
        topic.route(subscription)
        if not topic.subscriptions:
            if self.topics.get(topic.id) is topic:
                del self.topics[topic.id]
                self.deliveries += topic.deliveries
                self.sent_bytes += topic.sent_bytes
                topic.deliveries = topic.sent_bytes = 0  # it may be entered again
                self.index.remove(topic)
            if topic.timer is not None:
                topic.timer.cancel()
                topic.timer = None

    def catch_up_now(self, subscription: Subscription) -> bool:
        """Brings one that is behind to the head, from the ring; False when that has not all.

        Raises GoneError when what happened cannot be told.
        """
        if self.ring is None or self.position is None:
            return False
        position = subscription.where_it_is
        changes = self.ring.since(position)
        if changes is None:
            return False
        if not position.is_within(self.position):
            return False
        subscription.catch_up(changes, self.position)
        return True
