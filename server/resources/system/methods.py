"""system.* and rpc.*: about the server, and about the calls themselves."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from server.calls.context import Context
from server.calls.openrpc import VERSION, Document
from server.calls.registry import Access, Notification, method
from server.calls.schemas import MOMENT, POSITION
from server.changes.feed import Feed
from server.protocol import times


class Information(msgspec.Struct):
    """What server this is."""

    name: str
    version: str
    description: str
    time: times.Time
    limits: Annotated[dict[str, int], Meta(description="The settings of the same names; 0: none")]


class Pong(msgspec.Struct):
    """The server is there."""

    position: Annotated[str, Meta(description="The head of the change log")]


class Cancelled(msgspec.Struct):
    """What became of the wish."""

    cancelled: Annotated[bool, Meta(description="Whether it was under way and is stopped")]


class Draining(msgspec.Struct):
    reconnect_in_ms: Annotated[int, Meta(description="When to come back after the close with 1012")]


OpenRPC = Annotated[
    dict[str, Any],
    Meta(
        title="OpenRPC",
        description="A document of OpenRPC 1.4",
        extra_json_schema={
            "properties": {
                "openrpc": {"type": "string", "description": "The version of OpenRPC"},
                "servers": {
                    "type": "array",
                    "items": {"type": "object"},
                    "description": "Where it is called",
                },
                "info": {"type": "object", "description": "Title, version, description"},
                "methods": {
                    "type": "array",
                    "items": {"type": "object"},
                    "description": "Methods; and notifications, which have x-notification",
                },
                "components": {"type": "object", "description": "Schemas and errors, by name"},
            },
            "required": ["openrpc", "info", "servers", "methods", "components"],
        },
    ),
]
CallId = Annotated[
    Any,
    Meta(
        description="Of the call to stop",
        extra_json_schema={"type": ["string", "number", "null"]},
    ),
]
DRAINING = Notification(
    "server.draining",
    "The server is about to stop: calls are served until it closes.",
    Draining,
    Draining(2500),
)


@method(
    "system.info",
    access=Access.ANYONE,
    reply=Information(
        "VictoryVault", "1.0.0", "A realtime backend", MOMENT, {"max_message_bytes": 65536}
    ),
)
def info(context: Context, /) -> Information:
    """What server this is, its clock and its limits."""
    about = context.use(Document).about
    return Information(
        about["title"],
        about["version"],
        about["description"],
        times.now(),
        context.settings.limits,
    )


@method("rpc.ping", access=Access.ANYONE, reply=Pong(POSITION))
def ping(context: Context, /) -> Pong:
    """That the server answers, and the head of the change log."""
    return Pong(str(context.use(Feed).position))


@method(
    "rpc.discover",
    access=Access.ANYONE,
    reply={
        "openrpc": VERSION,
        "info": {"title": "VictoryVault", "version": "1.0.0"},
        "servers": [],
        "methods": [],
        "components": {},
    },
)
def discover(context: Context, /) -> OpenRPC:
    """The OpenRPC document of this server."""
    return context.use(Document).body


@method(
    "rpc.cancel",
    access=Access.ANYONE,
    needs_socket=True,
    example={"id": 7},
    reply=Cancelled(cancelled=False),
)
def cancel(context: Context, /, id: CallId) -> Cancelled:
    """Stops a call of this connection that is under way; it is answered with `cancelled`.

    False when there is none, or it is too late: what is being committed is not stopped.
    """
    is_id = isinstance(id, str | int | float | None) and not isinstance(id, bool)
    running = reversed(context.connection.running.items()) if is_id else ()
    named = next((each for each, key in running if key == id), None)
    return Cancelled(named is not None and named.cancel())
