"""`<name>.list` and `<name>.subscribe` of a resource: the same rows, once or from now on."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from server.calls.context import Context
from server.calls.registry import Access, Method, Notification, method
from server.calls.schemas import DIGEST, POSITION
from server.database.engine import Database
from server.protocol.errors import invalid
from server.protocol.positions import Position
from server.protocol.positions import parse as parse_position
from server.resources.paging import cursor, order_sql, parse_cursor, parse_order
from server.resources.resource import Resource, fitting, raw
from server.resources.shapes import Asking, Giving, Leave
from server.resources.subscribing import ROOM, RightsChangedError, Subscribing

PageSize = Annotated[int, Meta(ge=1, le=500, description="Rows of a page")]
PartSize = Annotated[int, Meta(ge=1, le=10_000, description="Rows of the first part and of each")]
Interval = Annotated[
    int, Meta(ge=0, le=3_600_000, description="At most one notification in that time")
]
PageAfter = Annotated[str, Meta(description="The `next` of a page in the same order")]
CopyAfter = Annotated[
    str, Meta(description="A position at which one's copy of this same subscription was complete")
]


def methods_of(resource: Resource) -> list[Method]:
    asking, giving = Asking(resource), Giving(resource)
    return [list_method(resource, asking, giving), subscribe_method(resource, asking, giving)]


def list_method(resource: Resource, asking: Asking, giving: Giving) -> Method:
    async def list_(
        context: Context,
        /,
        where: dict[str, Any] | None = None,
        order_by: list[str] | None = None,
        limit: PageSize = 50,
        after: PageAfter | None = None,
    ) -> Any:
        """A page of rows in order.

        All rows have one view. A page ends early where the reply would grow too large.
        """
        settings = context.settings
        asked = resource.asked(
            context.signed_in, where or {}, None, max_values=settings.max_ids_in_where
        )
        order = parse_order(list(resource.order_by) if order_by is None else order_by, asked.fields)
        cut = None if after is None else parse_cursor(after, order, asked.fields)
        sql, arguments = resource.select(asked, cut, order_sql(order, asked.fields), limit + 1)
        found = [row[0] for row in await context.use(Database).fetch(sql, *arguments)]
        shown = fitting(found[:limit], settings.max_reply_bytes - ROOM)
        more = len(shown) < len(found)
        end = cursor(msgspec.json.decode(shown[-1]), order) if more else None
        return {resource.plural: raw(shown), "next": end}

    list_.__annotations__.update(where=asking.where | None, order_by=asking.order_by | None)
    rows = None if resource.row is None else [resource.row]
    declared = method(
        f"{resource.name}.list",
        access=Access.USER,
        example=dict(resource.example),
        reply=None if rows is None else {resource.plural: rows, "next": None},
        result=giving.page,
    )
    return declared(list_)


def subscribe_method(resource: Resource, asking: Asking, giving: Giving) -> Method:
    async def subscribe(
        context: Context,
        /,
        where: dict[str, Any] | None = None,
        fields: list[str] | None = None,
        after: CopyAfter | None = None,
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

    subscribe.__annotations__.update(where=asking.where | None, fields=asking.fields | None)
    reply = resource.row and {
        "subscription": f"{resource.name}.{DIGEST}",
        "position": POSITION,
        "reset": True,
        resource.plural: [resource.row],
        "more": False,
    }
    declared = method(
        f"{resource.name}.subscribe",
        access=Access.USER,
        needs_socket=True,
        errors=["too_many_subscriptions", "too_many_rows"],
        example=dict(resource.example),
        reply=reply,
        result=giving.snapshot | giving.resumed,
        tells=changed(resource, giving),
    )
    return declared(subscribe)


def changed(resource: Resource, giving: Giving) -> Notification:
    row = resource.row
    example = row and giving.changed(
        subscription=f"{resource.name}.{DIGEST}",
        position=POSITION,
        changes=[Leave(row.id, row.version + 1, "filter")],
    )
    return Notification(
        f"{resource.name}.changed",
        "What has changed in a subscription.\n\n"
        "Whole transactions, in the order of their commits, with at most one change of each row.",
        giving.changed,
        example,
    )


def wanted_position(text: str) -> Position:
    """Raises CallError -32602."""
    try:
        return parse_position(text)
    except ValueError:
        raise invalid("after", "after is a position, from a reply or a notification.") from None
