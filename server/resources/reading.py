"""`<name>.list` and `<name>.subscribe` of a resource: the same rows, once or from now on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from server.calls.connection import Connection
from server.calls.context import Context
from server.calls.following import Following
from server.calls.registry import Access, Method, method
from server.changes.feed import Feed
from server.changes.log import GoneError, decode, read
from server.changes.subscription import Subscription, framed, split
from server.database.engine import Database
from server.protocol.changes import Change, applied, entries, merged
from server.protocol.errors import CallError, invalid
from server.protocol.frames import Frame
from server.protocol.messages import encode, notification
from server.protocol.positions import Position, from_snapshot
from server.protocol.positions import parse as parse_position
from server.resources.paging import cursor, order_sql, parse_cursor, parse_order
from server.resources.resource import Asked, Resource, fitting, raw
from server.resources.sessions.rights import Rights, have_changed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from server.changes.hub import Topic

Where = Annotated[dict[str, Any], Meta(description="A filter over the fields that one may see")]
PageSize = Annotated[int, Meta(ge=1, le=500)]
PartSize = Annotated[int, Meta(ge=1, le=10_000, description="Rows of the first part and of each")]
Interval = Annotated[
    int, Meta(ge=0, le=3_600_000, description="At most one notification in that time")
]
Words = Annotated[list[str], Meta(max_length=100)]
ROOM = 1024
"""Bytes of a reply around its rows."""


class Entry(msgspec.Struct):
    """What a client does to its copy: `enter` adds a row, `change` sets some of it."""

    op: Annotated[str, Meta(extra_json_schema={"enum": ["enter", "change", "leave"]})]
    id: str
    version: int
    set: dict[str, Any] | UnsetType = UNSET
    reason: (
        Annotated[str, Meta(extra_json_schema={"enum": ["deleted", "filter", "forbidden"]})]
        | UnsetType
    ) = UNSET


def methods_of(resource: Resource) -> list[Method]:
    return [list_method(resource), subscribe_method(resource)]


def list_method(resource: Resource) -> Method:
    rows = list[resource.shape]  # type: ignore[name-defined]
    page = msgspec.defstruct(
        f"{resource.plural.capitalize()}Page", [(resource.plural, rows), ("next", str | None)]
    )

    async def list_(
        context: Context,
        /,
        where: Where | None = None,
        order_by: Words | None = None,
        limit: PageSize = 50,
        after: str | None = None,
    ) -> Any:
        """A page of rows in order; `next` is null at the end.

        All rows have one view. A page ends early where the reply would grow too large.
        """
        settings = context.settings
        asked = resource.asked(
            context.signed_in, where or {}, None, max_values=settings.max_ids_in_where
        )
        order = parse_order(["created_at"] if order_by is None else order_by, asked.fields)
        cut = None if after is None else parse_cursor(after, order, asked.fields)
        sql, arguments = resource.select(asked, cut, order_sql(order, asked.fields), limit + 1)
        found = [row[0] for row in await context.use(Database).fetch(sql, *arguments)]
        shown = fitting(found[:limit], settings.max_reply_bytes - ROOM)
        more = len(shown) < len(found)
        end = cursor(msgspec.json.decode(shown[-1]), order) if more else None
        return {resource.plural: raw(shown), "next": end}

    declared = method(
        f"{resource.name}.list", access=Access.USER, example=dict(resource.example), result=page
    )
    return declared(list_)


def subscribe_method(resource: Resource) -> Method:
    rows = list[resource.shape] | UnsetType  # type: ignore[name-defined]
    subscribed = msgspec.defstruct(
        f"{resource.name.capitalize()}Subscribed",
        [
            ("subscription", str),
            ("position", str | None),
            ("reset", bool),
            ("more", bool),
            (resource.plural, rows, UNSET),
            ("changes", list[Entry] | UnsetType, UNSET),
        ],
    )

    async def subscribe(
        context: Context,
        /,
        where: Where | None = None,
        fields: Words | None = None,
        after: str | None = None,
        limit: PartSize = 1000,
        interval_ms: Interval = 0,
    ) -> Any:
        """Rows as they are, and from then on every change to them, without a gap.

        With `after`, a position at which one's copy was complete, only what changed since.
        """
        position = None if after is None else wanted_position(after)
        while True:
            asked = resource.asked(
                context.signed_in,
                where or {},
                fields,
                max_values=context.settings.max_ids_in_where,
                interval_ms=interval_ms,
            )
            call = Subscribing(context, resource, asked, where or {}, limit, interval_ms)
            try:
                return await call.run(position)
            except RightsChangedError:
                context.caller = context.connection.caller  # and again, with the rights of now

    declared = method(
        f"{resource.name}.subscribe",
        access=Access.USER,
        needs_socket=True,
        errors=["too_many_subscriptions", "too_many_rows"],
        example=dict(resource.example),
        result=subscribed,
    )
    return declared(subscribe)


def wanted_position(text: str) -> Position:
    """Raises CallError -32602."""
    try:
        return parse_position(text)
    except ValueError:
        raise invalid("after", "after is a position, from a reply or a notification.") from None


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
        self.max_bytes = context.settings.max_reply_bytes
        self.interval = interval_ms / 1000

    async def run(self, after: Position | None) -> dict[str, Any]:
        """The reply. Raises CallError."""
        following, id_ = self.following, self.asked.id
        most = self.context.settings.max_subscriptions
        if most and len(following.subscriptions) >= most and id_ not in following.subscriptions:
            raise CallError("too_many_subscriptions")
        was_partial = id_ in following.parts
        older = following.leave(id_)
        try:
            reply = None if after is None else await self.resumed(after)
            return reply or await self.new()
        except BaseException:
            following.leave(id_)
            if older is not None:
                if why := self.lost() or ("unavailable" if was_partial else None):
                    following.say_closed(older, why)
                else:
                    following.subscriptions[id_] = older
                    following.enter(older)
            raise

    def lost(self) -> str | None:
        """Why what was asked for with the rights of then is not to be had now."""
        caller, asker = self.context.connection.caller, self.context.signed_in
        if caller is None or caller.user != asker.user:
            return "signed_out"
        return None if caller.role == asker.role else "rights_changed"

    def follow(self, position: Position) -> Subscription:
        if why := self.lost():
            raise CallError("unauthenticated") if why == "signed_out" else RightsChangedError
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
        subscription = Subscription(topic, self.following, position)
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
                changes = (await read(self.database.fetch, after)).changes
            if have_changed(self.context.signed_in, changes):
                return None
            found = self.entries_of(changes, head)
        except GoneError:
            return None
        subscription = self.follow(head)
        parts = split(found, self.max_bytes // 2)
        following, topic = self.following, subscription.topic

        def go_on() -> None:
            if not following.is_open(subscription):
                return
            for index, part in enumerate(parts[1:], 2):
                is_last = index == len(parts)
                following.put(framed(topic, part, head if is_last else after, more=not is_last))
            following.enter(subscription)

        self.context.then(go_on)
        more = len(parts) > 1
        return {
            "subscription": self.asked.id,
            "position": str(after if more else head),
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
        return entries(self.asked.selection, merged(own))

    async def new(self) -> dict[str, Any]:
        snapshot, found = await self.resource.snapshot(self.database, self.asked, self.limit + 1)
        rows = fitting(found[: self.limit], self.max_bytes - ROOM)
        more = len(rows) < len(found)
        if more:
            await self.check_count()
        await self.published()
        position = from_snapshot(self.feed.position.incarnation, snapshot)
        if not more:
            brought, position = self.brought(rows, position)
            rows = fitting(brought, self.max_bytes - ROOM)
            more = len(rows) < len(brought)
        subscription = self.follow(position)
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

    async def check_count(self) -> None:
        most = self.context.settings.max_rows_per_subscription
        if most and await self.resource.count(self.database, self.asked, most + 1) > most:
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
        except Exception:
            following.close(topic.id, "unavailable")
            raise
        else:
            following.parts.pop(topic.id, None)
            following.enter(self.subscription)

    async def part(self, topic: Topic) -> bool:
        """Sends one, and says whether there are more."""
        position = self.subscription.where_it_is
        async with self.database.transaction("repeatable_read"):
            now, changes, _moment = await read(self.database.fetch, position)
            _snapshot, rows = await self.resource.snapshot(
                self.database, self.asked, self.limit + 1, self.last
            )
        await self.feed.after_now()  # who lost the right to it meanwhile is cancelled here
        more = len(rows) > self.limit
        sent = [
            change
            for change in merged(changes)
            if change.table == self.resource.live.name and change.id <= self.last
        ]
        fresh = [msgspec.json.decode(row) for row in rows[: self.limit]]
        found = entries(self.asked.selection, sent) + [entered(row) for row in fresh]
        parts = split(found, self.max_bytes // 2)
        for index, each in enumerate(parts, 1):
            is_last = index == len(parts) and not more
            params: dict[str, Any] = {
                "subscription": topic.id,
                "position": str(now) if is_last else None,
                "changes": each,
            }
            if not is_last:
                params["more"] = True
            self.following.put(Frame(notification(topic.notification, params)))
        self.subscription.position = now
        if fresh:
            self.last = fresh[-1]["id"]
        return more


def entered(row: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in row.items() if name not in {"id", "version"}}
    return {"op": "enter", "id": row["id"], "version": row["version"], "set": shown}
