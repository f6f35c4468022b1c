"""system.* and rpc.*: about the server, and about the calls themselves."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from server.calls.context import Context
from server.calls.openrpc import Document
from server.calls.registry import Access, method
from server.changes.feed import Feed
from server.protocol import times


class Information(msgspec.Struct):
    name: str
    version: str
    description: str
    time: times.Time
    limits: Annotated[dict[str, int], Meta(description="The settings of the same names; 0: none")]


class Pong(msgspec.Struct):
    position: Annotated[str, Meta(description="The head of the change log")]


class Cancelled(msgspec.Struct):
    cancelled: bool


@method("system.info", access=Access.ANYONE)
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


@method("rpc.ping", access=Access.ANYONE)
def ping(context: Context, /) -> Pong:
    """That the server answers, and the head of the change log."""
    return Pong(str(context.use(Feed).position))


@method("rpc.discover", access=Access.ANYONE)
def discover(context: Context, /) -> dict[str, Any]:
    """The OpenRPC document of this server."""
    return context.use(Document).body


@method("rpc.cancel", access=Access.ANYONE, needs_socket=True, example={"id": 7})
def cancel(context: Context, /, id: Any) -> Cancelled:
    """Stops a call of this connection that is under way; it is answered with `cancelled`.

    False when there is none, or it is too late: what is being committed is not stopped.
    """
    is_id = isinstance(id, str | int | float | None) and not isinstance(id, bool)
    running = context.connection.running.get(id) if is_id else None
    return Cancelled(running is not None and running.cancel())
