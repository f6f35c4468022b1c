"""Who is at the other end of a call: a socket, or one POST request. And who they are signed in as.

The calls know this much of a connection and no more; what a socket is stands in `sockets`.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from server.calls.context import Context
    from server.calls.following import Following
    from server.calls.limits import Bucket

ADMIN = "admin"


class Caller(NamedTuple):
    """The user that a connection is signed in as, by which session."""

    user: UUID
    role: str
    session: UUID
    expires_at: float
    """Seconds since 1970."""

    @property
    def is_admin(self) -> bool:
        return self.role == ADMIN


class Connection:
    is_socket = False

    def __init__(self, address: str, client: str, bucket: Bucket, roll: Connections) -> None:
        self.address = address
        self.client = client
        """The User-Agent, for `session.list`."""
        self.bucket = bucket
        self.roll = roll
        self.caller: Caller | None = None
        self.running: dict[Context, Any] = {}
        """Calls under way in the order they began, each with its id: two may have the same."""
        self.ended: str | None = None
        """Why its session has ended; what is under way is answered before it is closed."""
        self.following: Following | None = None
        """Its subscriptions; only a socket has any."""

    def sign_in(self, caller: Caller) -> None:
        """From the next call on; calls under way keep the caller they began with."""
        if self.caller is not None and self.caller.user != caller.user:
            self.close_subscriptions("signed_out")
        self.roll.leave(self)
        self.caller, self.ended = caller, None
        self.roll.enter(self)

    def look_again(self, caller: Caller) -> None:
        """The same session, with the rights of now: another role sees another view."""
        before = self.caller
        if before is not None and (before.user, before.role) != (caller.user, caller.role):
            self.close_subscriptions("rights_changed")
        self.caller = caller

    def sign_out(self) -> None:
        self.close_subscriptions("signed_out")
        self.roll.leave(self)
        self.caller = None

    def close_subscriptions(self, reason: str) -> None:
        if self.following is not None:
            self.following.close_all(reason)

    def warn(self, expires_at: float) -> None:
        """The session will expire soon. One POST has nobody to tell."""

    def end(self, reason: str) -> None:
        """The session has ended: tell the client and close. One POST has nothing to close."""


class Connections:
    """The signed-in sockets of this worker, by session."""

    def __init__(self) -> None:
        self.by_session: defaultdict[UUID, set[Connection]] = defaultdict(set)
        self.entered: list[Callable[[Caller], None]] = []
        """Called when a socket has signed in."""
        self.left: list[Callable[[Caller], None]] = []
        """Called when the last socket of a session has gone, or is signed in with it no longer."""
        self.is_draining = False
        """Whether the server is about to stop."""

    def enter(self, connection: Connection) -> None:
        if connection.caller is not None and connection.is_socket:
            self.by_session[connection.caller.session].add(connection)
            for hear in self.entered:
                hear(connection.caller)

    def leave(self, connection: Connection) -> None:
        if connection.caller is None:
            return
        sockets = self.by_session.get(connection.caller.session)
        if sockets is not None:
            sockets.discard(connection)
            if not sockets:
                del self.by_session[connection.caller.session]
                for hear in self.left:
                    hear(connection.caller)

    def of_session(self, session: UUID) -> list[Connection]:
        return list(self.by_session.get(session, ()))

    def sessions(self) -> Iterator[UUID]:
        return iter(list(self.by_session))
