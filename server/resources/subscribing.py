"""One call of `<name>.subscribe`: a snapshot or what changed, and then the parts of a long one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from msgspec import Raw

from server.calls.connection import Connection
from server.calls.context import Context
from server.calls.following import Following
from server.changes.feed import Feed
from server.changes.log import GoneError, decode
from server.changes.past import Past
from server.changes.subscription import Subscription, framed, split, told
from server.database.engine import Database, is_away
from server.protocol.changes import Change, applied
from server.protocol.errors import CallError
from server.protocol.messages import encode
from server.protocol.positions import Position, from_snapshot
from server.resources.resource import Asked, Resource, fitting, raw
from server.resources.sessions.rights import Rights, have_changed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from server.changes.hub import Topic

ROOM = 1024
"""Bytes of a reply around its rows."""

log = structlog.get_logger()


def following_of(connection: Connection) -> Following:
    if connection.following is None:
        raise CallError("needs_socket")
    return connection.following


class RightsChangedError(Exception):
    """While the snapshot was read."""


class Subscribing:
    """One call of `subscribe`. An older subscription of the same kind gives way to it."""

    def __init__(
        self,
        context: Context,
        resource: Resource,
        asked: Asked,
        where: dict[str, Any],
        limit: int,
        interval_ms: int,
    ) -> None:
        self.where = where
        self.context = context
        self.resource = resource
        self.asked = asked
        self.limit = limit
        self.following = following_of(context.connection)
        self.database = context.use(Database)
        self.feed = context.use(Feed)
        self.past = context.use(Past)
        self.max_bytes = context.settings.max_reply_bytes
        self.interval = interval_ms / 1000
        self.own: Subscription | None = None
        """What this call has opened."""

    async def run(self, after: Position | None) -> Raw:
        """The reply. Raises CallError."""
        following, id_ = self.following, self.asked.id
        self.check_room()
        older = following.leave(id_)
        try:
            reply = None
            if after is not None:
                async with following.resuming:
                    await following.has_room()
                    reply = await self.resumed(after)
                self.feed.resets += reply is None
            encoded = Raw(encode(reply or await self.new()))
            if len(encoded) > self.max_bytes:
                raise CallError("message_too_large", "A row is too large; ask for fewer fields.")
            return encoded  # noqa: TRY300 - what follows undoes it
        except BaseException:
            if self.own is not None and following.subscriptions.get(id_) is self.own:
                following.leave(id_)
            if older is not None and id_ not in following.subscriptions:
                if why := self.lost() or ("unavailable" if older.is_partial else None):
                    following.say_closed(older, why)
                else:
                    following.subscriptions[id_] = older
                    following.enter(older)
            raise

    def check_room(self) -> None:
        open_, most = self.following.subscriptions, self.context.settings.max_subscriptions
        if most and len(open_) >= most and self.asked.id not in open_:
            raise CallError("too_many_subscriptions")

    def lost(self) -> str | None:
        """Why what was asked for with the rights of then is not to be had now."""
        caller, asker = self.context.connection.caller, self.context.signed_in
        if caller is None or caller.user != asker.user:
            return "signed_out"
        return None if caller.role == asker.role else "rights_changed"

    def follow(self, position: Position) -> Subscription:
        if why := self.lost():
            raise CallError("unauthenticated") if why == "signed_out" else RightsChangedError
        self.check_room()
        self.following.leave(self.asked.id)
        topic = self.feed.hub.topic(
            self.asked.id,
            table=self.resource.live.name,
            notification=f"{self.resource.name}.changed",
            selection=self.asked.selection,
            interval=self.interval,
            max_bytes=self.max_bytes,
            where=self.where,
            resource=self.resource,
        )
        self.own = subscription = Subscription(topic, self.following, position)
        self.following.subscriptions[self.asked.id] = subscription
        return subscription

    async def resumed(self, after: Position) -> dict[str, Any] | None:
        """What changed since, or None when only a new snapshot helps."""
        await self.published()
        head = self.feed.position
        if after.incarnation != head.incarnation or after.xmax > head.xmax:
            return None
        changes = None if self.feed.ring is None else self.feed.ring.since(after)
        try:
            if changes is None:
                changes = (await self.past.since(after)).changes
            if have_changed(self.context.signed_in, changes):
                return None
            found = self.entries_of(changes, head)
        except GoneError:
            return None
        subscription = self.follow(head)
        parts = split(found, self.max_bytes // 2)
        following, topic = self.following, subscription.topic
        more = subscription.is_partial = len(parts) > 1

        def go_on() -> None:
            if not following.is_open(subscription):
                return
            for index, part in enumerate(parts[1:], 2):
                is_last = index == len(parts)
                following.put(framed(topic, part, head if is_last else None))
            subscription.is_partial = False
            following.enter(subscription)

        self.context.then(go_on)
        return {
            "subscription": self.asked.id,
            "position": None if more else str(head),
            "reset": False,
            "changes": parts[0],
            "more": more,
        }

    async def published(self) -> None:
        """Until the feed has told of all that was read, and of the caller's rights with it."""
        await self.context.use(Rights).known(self.context.signed_in.session)
        await self.feed.after_now()

    def entries_of(self, changes: list[Change], head: Position) -> list[dict[str, Any]]:
        own = [
            change
            for change in changes
            if change.table == self.resource.live.name and head.has_seen(change.xid)
        ]
        return told(self.asked.selection, own)

    async def new(self) -> dict[str, Any]:
        snapshot, found = await self.resource.snapshot(self.database, self.asked, self.limit + 1)
        rows = fitting(found[: self.limit], self.max_bytes - ROOM)
        more = len(rows) < len(found)
        await self.check_count(len(found), more=more)
        await self.published()
        position = from_snapshot(self.feed.position.incarnation, snapshot)
        if not more:
            brought, position = self.brought(rows, position)
            rows = fitting(brought, self.max_bytes - ROOM)
            more = len(rows) < len(brought)
        subscription = self.follow(position)
        subscription.is_partial = more
        if more:
            last = msgspec.json.decode(rows[-1])["id"]
            self.context.then(lambda: self.go_on(subscription, last))
        else:
            self.context.then(lambda: self.following.enter(subscription))
        return {
            "subscription": self.asked.id,
            "position": None if more else str(position),
            "reset": True,
            self.resource.plural: raw(rows),
            "more": more,
        }

    def brought(self, rows: list[str], position: Position) -> tuple[list[str], Position]:
        """The rows at the head: other frames of that position may have been sent already."""
        ring, head = self.feed.ring, self.feed.position
        changes = ring.since(position) if ring is not None and position.is_within(head) else None
        if changes is None:
            return rows, position
        try:
            found = self.entries_of(changes, head)
        except GoneError:
            return rows, position
        if not found:
            return rows, head
        held = {row["id"]: row for row in map(decode, rows)}
        applied(held, found)
        return [encode(held[id_]).decode() for id_ in sorted(held)], head

    async def check_count(self, found: int, *, more: bool) -> None:
        """`more` than were found may be there."""
        most = self.context.settings.max_rows_per_subscription
        if not most:
            return
        if found <= most and more:
            found = await self.resource.count(self.database, self.asked, most + 1)
        if found > most:
            raise CallError("too_many_rows", f"A subscription holds {most} rows at most.")

    def go_on(self, subscription: Subscription, last: str) -> None:
        if self.following.is_open(subscription):
            parts = Parts(self, subscription, last)
            self.following.parts[self.asked.id] = self.following.start(parts.run())


class Parts:
    """The rest of a long snapshot. Each part is right by itself: further rows, and those that were
    sent before brought to the same moment."""

    def __init__(self, subscribing: Subscribing, subscription: Subscription, last: str) -> None:
        self.asked = subscribing.asked
        self.resource = subscribing.resource
        self.limit = subscribing.limit
        self.database = subscribing.database
        self.feed = subscribing.feed
        self.past = subscribing.past
        self.following = subscribing.following
        self.max_bytes = subscribing.max_bytes
        self.subscription = subscription
        self.last = last
        """The id of the last row that was sent; all up to it are."""

    async def run(self) -> None:
        following, topic = self.following, self.subscription.topic
        try:
            while await self.part(topic):
                await following.has_room()
            await self.feed.after_now()
        except GoneError:
            following.close(topic.id, "position_gone")
        except Exception as error:
            if not (is_away(error) or isinstance(error, CallError)):
                log.exception("parts_failed")
            following.close(topic.id, "unavailable")
        else:
            following.parts.pop(topic.id, None)
            self.subscription.is_partial = False
            following.enter(self.subscription)

    async def part(self, topic: Topic) -> bool:
        """Sends one, and says whether there are more."""
        position = self.subscription.where_it_is
        async with self.past.turns, self.database.transaction("repeatable_read"):
            now, changes, _moment = await self.past.read(position)
            _snapshot, rows = await self.resource.snapshot(
                self.database, self.asked, self.limit + 1, self.last
            )
        await self.feed.after_now()  # who lost the right to it meanwhile is cancelled here
        more = len(rows) > self.limit
        sent = [
            change
            for change in changes
            if change.table == self.resource.live.name and change.id <= self.last
        ]
        fresh = [msgspec.json.decode(row) for row in rows[: self.limit]]
        found = told(self.asked.selection, sent) + [entered(row) for row in fresh]
        parts = split(found, self.max_bytes // 2)
        for index, each in enumerate(parts, 1):
            is_last = index == len(parts) and not more
            self.following.put(framed(topic, each, now if is_last else None))
        self.subscription.position = now
        if fresh:
            self.last = fresh[-1]["id"]
        return more


def entered(row: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in row.items() if name not in {"id", "version"}}
    return {"op": "enter", "id": row["id"], "version": row["version"], "set": shown}
