"""`<name>.list` and `<name>.subscribe` of a resource: the same rows, once or from now on."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from server.calls.context import Context
from server.calls.registry import Access, Method, method
from server.database.engine import Database
from server.protocol.errors import invalid
from server.protocol.positions import Position
from server.protocol.positions import parse as parse_position
from server.resources.paging import cursor, order_sql, parse_cursor, parse_order
from server.resources.resource import Resource, fitting, raw
from server.resources.subscribing import ROOM, RightsChangedError, Subscribing

Where = Annotated[dict[str, Any], Meta(description="A filter over the fields that one may see")]
PageSize = Annotated[int, Meta(ge=1, le=500)]
PartSize = Annotated[int, Meta(ge=1, le=10_000, description="Rows of the first part and of each")]
Interval = Annotated[
    int, Meta(ge=0, le=3_600_000, description="At most one notification in that time")
]
Words = Annotated[list[str], Meta(max_length=100)]


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
