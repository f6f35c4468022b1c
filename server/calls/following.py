"""The subscriptions of one connection: entered, behind, caught up, left.

Those that are behind are brought up one by one while the connection takes what it is given: from
the ring, or from the log when the ring does not reach back so far.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from server.changes.log import GoneError
from server.database.engine import is_away
from server.protocol.errors import CallError
from server.protocol.frames import Frame
from server.protocol.messages import notification

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from server.changes.feed import Feed
    from server.changes.past import Past
    from server.changes.subscription import Subscription
    from server.protocol.positions import Position

RETRY_SECONDS = 0.5
"""Before the log is read again after the database was away."""

log = structlog.get_logger()


class Outbox(Protocol):
    """What is sent on the connection, in order."""

    joins: bool
    """Whether several frames may be offered in one turn of the loop."""
    rerouted: Callable[[], None]
    """Called when `straight` is another."""

    @property
    def straight(self) -> Callable[[bytes], None] | None:
        """What sends a frame's `wired` bytes at once, while that is all there is to do."""

    @property
    def is_slow(self) -> bool:
        """Whether it has more than enough to send."""

    def put(self, frame: Frame) -> None: ...

    def offer(self, frame: Frame) -> bool:
        """Takes it unless it is slow."""

    async def has_room(self) -> None:
        """Waits until all was sent, when it is slow."""


class Following:
    """It is the reader of its subscriptions."""

    def __init__(
        self,
        feed: Feed,
        past: Past,
        outbox: Outbox,
    ) -> None:
        self.feed = feed
        self.hub = feed.hub
        self.past = past
        self.outbox = outbox
        outbox.rerouted = self.reroute
        self.offer = outbox.offer
        self.put = outbox.put
        self.subscriptions: dict[str, Subscription] = {}
        self.parts: dict[str, asyncio.Task[None]] = {}
        """Snapshots that are still being sent, by subscription."""
        self.resuming = asyncio.Lock()
        """One at a time: what changed since may be large, and is sent before the next is read."""
        self.closed_early: dict[Subscription, str] = {}
        """Those that were closed before the reply that opens them, and why."""
        self.behind: set[Subscription] = set()
        self.task: asyncio.Task[None] | None = None
        self.is_over = False

    @property
    def straight(self) -> Callable[[bytes], None] | None:
        return self.outbox.straight

    def reroute(self) -> None:
        """Frames go straight, or no longer."""
        for subscription in self.subscriptions.values():
            subscription.topic.route(subscription)

    def is_open(self, subscription: Subscription) -> bool:
        """Asked when its reply was sent. That it was closed before is said now, not earlier."""
        if reason := self.closed_early.pop(subscription, None):
            self.say_closed(subscription, reason)
        return self.subscriptions.get(subscription.topic.id) is subscription and not self.is_over

    def enter(self, subscription: Subscription) -> None:
        """After its reply was sent: from now on it gets what happens, and first what happened."""
        if not self.is_open(subscription):
            return
        self.hub.enter(subscription)
        self.outbox.joins = len(self.subscriptions) > 1
        try:
            is_there = self.hub.catch_up_now(subscription)
        except GoneError:
            self.close(subscription.topic.id, "position_gone")
            return
        if not is_there:
            self.fall_behind(subscription)

    def leave(self, id_: str) -> Subscription | None:
        """Nothing of it is sent any more."""
        subscription = self.subscriptions.pop(id_, None)
        if subscription is not None:
            subscription.position = subscription.where_it_is
            self.hub.leave(subscription)
            self.outbox.joins = len(self.subscriptions) > 1
            self.behind.discard(subscription)
        if part := self.parts.pop(id_, None):
            part.cancel()
        return subscription

    def close(self, id_: str, reason: str) -> None:
        """Ends one from the server's side, and says so."""
        subscription = self.subscriptions.get(id_)
        if subscription is None:
            return
        is_replied = subscription in subscription.topic.subscriptions or id_ in self.parts
        self.leave(id_)
        if is_replied:
            self.say_closed(subscription, reason)
        else:
            self.closed_early[subscription] = reason

    def say_closed(self, subscription: Subscription, reason: str) -> None:
        params = {
            "subscription": subscription.topic.id,
            "reason": reason,
            "position": None if subscription.is_partial else str(subscription.where_it_is),
        }
        self.hub.closed[reason] += 1
        self.put(Frame(notification("subscription.closed", params)))

    def close_all(self, reason: str) -> None:
        for id_ in list(self.subscriptions):
            self.close(id_, reason)

    def end(self) -> None:
        """The connection is gone."""
        self.is_over = True
        for id_ in list(self.subscriptions):
            self.leave(id_)
        if self.task is not None:
            self.task.cancel()

    async def has_room(self) -> None:
        await self.outbox.has_room()

    def fall_behind(self, subscription: Subscription) -> None:
        self.behind.add(subscription)
        self.resume()

    def resume(self) -> None:
        """Goes on with those that are behind, when there is room to send."""
        if self.behind and self.task is None and not self.outbox.is_slow and not self.is_over:
            self.task = self.start(self._catch_up())
            self.task.add_done_callback(self._done)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(work, context=contextvars.Context())

    def _done(self, _task: asyncio.Task[None]) -> None:
        self.task = None
        self.resume()

    async def _catch_up(self) -> None:
        while self.behind and not self.outbox.is_slow:
            subscription = next(iter(self.behind))
            try:
                await self.bring(subscription)
            except GoneError:
                self.close(subscription.topic.id, "position_gone")
            except Exception as error:
                if is_away(error) or isinstance(error, CallError):
                    await asyncio.sleep(RETRY_SECONDS)
                else:
                    log.exception("catching_up_failed")
                    self.close(subscription.topic.id, "position_gone")

    async def sync(self) -> Position:
        """A position that all subscriptions are at, once they are. Waits while the socket is slow.

        A position's worth of changes may come meanwhile, so it looks again until nothing is left.
        """
        while True:
            for part in list(self.parts.values()):
                await asyncio.wait({part})
            for subscription in list(self.subscriptions.values()):
                try:
                    await self.bring(subscription)
                except GoneError:
                    self.close(subscription.topic.id, "position_gone")
            head = self.feed.position
            entered = [each for each in self.subscriptions.values() if self._has(each)]
            with contextlib.suppress(GoneError):  # which the next round finds out
                if not self.parts and all(
                    self.hub.catch_up_now(each) and each.where_it_is == head for each in entered
                ):
                    return self._oldest(head)
            await self.has_room()

    def _oldest(self, position: Position) -> Position:
        """At or before it: a subscription that opens after this batch holds no more than its own
        reply has."""
        for each in self.subscriptions.values():
            if not self._has(each) and not each.is_partial and each.where_it_is.is_within(position):
                position = each.where_it_is
        return position

    async def bring(self, subscription: Subscription) -> None:
        """To the head. Raises GoneError, CallError `unavailable`, or that the database is away."""
        while self._has(subscription):
            if self.hub.catch_up_now(subscription):
                break
            await self._bring_by_log(subscription)
            if self.outbox.is_slow:
                return
        self.behind.discard(subscription)

    def _has(self, subscription: Subscription) -> bool:
        """Not one that was replaced, nor one whose reply or parts are still to come."""
        topic = subscription.topic
        return (
            self.subscriptions.get(topic.id) is subscription and subscription in topic.subscriptions
        )

    async def _bring_by_log(self, subscription: Subscription) -> None:
        position = subscription.where_it_is
        if position.incarnation != self.feed.position.incarnation:
            raise GoneError
        if not position.is_within(self.feed.position):
            await self.feed.after_now()
        head = self.feed.position
        if not position.is_within(head):
            raise GoneError  # the database has forgotten what was seen
        found = await self.past.since(position)
        known = [change for change in found.changes if head.has_seen(change.xid)]
        if self._has(subscription) and subscription.where_it_is == position:
            subscription.catch_up(known, head)
