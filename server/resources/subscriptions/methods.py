"""subscription.*: what this connection follows, where it is, and why a row is in it or not."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from server.calls.context import Context
from server.calls.registry import Access, Notification, method
from server.calls.schemas import DIGEST, POSITION, Nothing, Place
from server.changes.feed import Feed
from server.changes.log import decode
from server.changes.subscription import Subscription
from server.database.engine import Database
from server.protocol.errors import CallError
from server.protocol.filters import All, Filter, matches
from server.resources.resource import Resource
from server.resources.subscribing import following_of

SUBSCRIPTION = f"user.{DIGEST}"
ROW = UUID("019ab5c2-7a40-7000-8000-000000000001")
WHERE = {"full_name": {"prefix": "Mary"}}
FIELDS = ["full_name", "status", "profile", "created_at", "updated_at"]

Named = Annotated[str, Meta(description="The `subscription` of the reply that opened it")]
Why = Annotated[
    Literal["matches", "filter", "forbidden", "deleted"],
    Meta(description="In it; not matching; not to be seen; not there"),
]
RowId = Annotated[UUID, Meta(description="The row's, whether it is there or not")]


PlaceOrNone = Annotated[
    str | None, Meta(description="Where it is; null while parts of it are still to come")
]


class Followed(msgspec.Struct):
    """A subscription of this connection, and where it is."""

    subscription: str
    notification: Annotated[str, Meta(description="The method that its notifications have")]
    where: Annotated[dict[str, Any], Meta(description="As it was asked for")]
    fields: Annotated[list[str], Meta(description="Beside `id` and `version`")]
    interval_ms: Annotated[int, Meta(description="At most one notification in that time")]
    position: PlaceOrNone
    lag: Annotated[int, Meta(description="Transactions between its position and the head")]


class Subscriptions(msgspec.Struct):
    """All subscriptions of this connection."""

    subscriptions: list[Followed]


class Synced(msgspec.Struct):
    """A position that holds for every subscription of this connection."""

    position: Place


class Explained(msgspec.Struct):
    """Why a row is in a subscription, or why it is not."""

    held: Annotated[bool, Meta(description="Whether the row is in the subscription now")]
    reason: Why
    where: Annotated[dict[str, Any], Meta(description="The subscription's")]
    failed: Annotated[
        dict[str, Any] | None, Meta(description="The first member of where that does not hold")
    ]
    position: Annotated[str, Meta(description="Of the subscription")]
    head: Annotated[str, Meta(description="Of the change log, to which the answer belongs")]


class Closed(msgspec.Struct):
    """A subscription that is over: nothing more of it arrives."""

    subscription: Named
    reason: Annotated[
        Literal["rights_changed", "signed_out", "position_gone", "unavailable"],
        Meta(
            description="The view is another now; somebody else has signed in; more has happened"
            " than the log can tell; the database went away amid a long snapshot"
        ),
    ]
    position: PlaceOrNone


CLOSED = Notification(
    "subscription.closed",
    "The server ends a subscription; subscribe anew.",
    Closed,
    Closed(SUBSCRIPTION, "rights_changed", POSITION),
)


def find(context: Context, id_: str) -> Subscription:
    """Raises CallError `not_found`."""
    found = following_of(context.connection).subscriptions.get(id_)
    if found is None:
        raise CallError("not_found", "This connection has no such subscription.")
    return found


@method(
    "subscription.list",
    access=Access.USER,
    needs_socket=True,
    reply=Subscriptions([Followed(SUBSCRIPTION, "user.changed", WHERE, FIELDS, 0, POSITION, 0)]),
)
def list_(context: Context, /) -> Subscriptions:
    """The subscriptions of this connection, with where each one is."""
    head = context.use(Feed).position
    return Subscriptions(
        [
            Followed(
                id_,
                each.topic.notification,
                each.topic.where,
                list(each.topic.selection.fields),
                round(each.topic.interval * 1000),
                None if each.is_partial else str(each.where_it_is),
                max(0, head.xmax - each.where_it_is.xmax),
            )
            for id_, each in following_of(context.connection).subscriptions.items()
        ]
    )


@method(
    "subscription.close",
    access=Access.USER,
    needs_socket=True,
    errors=["not_found"],
    example={"subscription": SUBSCRIPTION},
    reply=Nothing(),
)
def close(context: Context, /, subscription: Named) -> Nothing:
    """Ends one. Nothing of it arrives after this reply."""
    find(context, subscription)
    following_of(context.connection).leave(subscription)
    return Nothing()


@method("subscription.sync", access=Access.USER, needs_socket=True, reply=Synced(POSITION))
async def sync(context: Context, /) -> Synced:
    """A position, once everything committed before the call was sent, throttled or not.

    It holds for every subscription of the connection.
    """
    await context.use(Feed).after_now()
    return Synced(str(await following_of(context.connection).sync()))


@method(
    "subscription.explain",
    access=Access.USER,
    needs_socket=True,
    errors=["not_found"],
    example={"subscription": SUBSCRIPTION, "id": ROW},
    reply=Explained(
        held=True, reason="matches", where=WHERE, failed=None, position=POSITION, head=POSITION
    ),
)
async def explain(context: Context, /, subscription: Named, id: RowId) -> Explained:
    """Why a row is in a subscription or not: the filter, the rule, the positions."""
    found = find(context, subscription)
    feed, topic = context.use(Feed), found.topic
    await feed.after_now()
    resource: Resource = topic.resource
    live = resource.live
    row = await context.use(Database).fetchrow(
        f"SELECT {live.json_of(live.name, live.columns)}::text FROM {live.name} WHERE id = $1",  # noqa: S608
        id,
    )
    values = None if row is None else decode(row[0])
    held = topic.selection.holds(values)
    reason: Why
    failed = None
    if values is None:
        reason = "deleted"
    elif not matches(topic.selection.rule, values):
        reason = "forbidden"
    elif held:
        reason = "matches"
    else:
        reason = "filter"
        failed = first_failing(topic.where, topic.selection.where, values)
    return Explained(held, reason, topic.where, failed, str(found.where_it_is), str(feed.position))


def first_failing(
    where: dict[str, Any], condition: Filter, row: dict[str, Any]
) -> dict[str, Any] | None:
    """Of the members of a `where`, all of which must hold."""
    parts = condition.parts if isinstance(condition, All) and len(where) > 1 else (condition,)
    for (name, said), part in zip(where.items(), parts, strict=False):
        if not matches(part, row):
            return {name: said}
    return None
