"""Presence as a resource: everybody who is signed in sees who is online."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from server.calls.schemas import MOMENT
from server.protocol.times import Time
from server.resources.presence.tables import LIVE
from server.resources.resource import Resource
from server.resources.users.examples import MARY


class PresenceView(msgspec.Struct):
    """Whether a user is online. One who never was has no row."""

    id: Annotated[UUID, Meta(description="The user's")]
    online: Annotated[bool, Meta(description="Whether a socket is signed in as them, anywhere")]
    last_seen: Annotated[Time, Meta(description="When they came online, or went offline")]
    version: Annotated[int, Meta(description="One more at each update")]


PRESENCE = Resource(
    name="presence",
    live=LIVE,
    shape=PresenceView,
    views={"everyone": ("id", "online", "last_seen", "version")},
    view_of=lambda _caller, _where: "everyone",
    order_by=("id",),
    example={"where": {"online": True}},
    row=PresenceView(MARY.id, online=True, last_seen=MOMENT, version=1),
)
