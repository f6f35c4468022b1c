"""Our uvicorn protocol for HTTP: a request that does not come whole in time is let go, and one that
is on its way when the server stops is answered.

What is touched of uvicorn that it does not promise stands in `touched`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from asyncio import TimerHandle

    from server.settings import Settings


UNDER_WAY_SECONDS = 1.0
"""After a connection was made its first request is on its way for so long, most likely."""


class Http(H11Protocol):
    """HTTP, until the upgrade."""

    def __init__(self, settings: Settings, **given: Any) -> None:
        super().__init__(**given)
        self.seconds = settings.handshake_timeout_seconds
        self.deadline: TimerHandle | None = None
        self.made_at = 0.0
        self.is_stopping = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.made_at = self.loop.time()
        self.watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.is_stopping and self.cycle is not None:
            self.cycle.keep_alive = False
        self.watch()

    def shutdown(self) -> None:
        """A connection that was just made has been promised an answer: it is the last there."""
        left = self.made_at + UNDER_WAY_SECONDS - self.loop.time()
        if self.cycle is None and not self.is_stopping and left > 0:
            self.is_stopping = True
            self.loop.call_later(left, self.shutdown)
        elif not self.transport.is_closing() and not self.is_upgraded:
            super().shutdown()

    @property
    def is_upgraded(self) -> bool:
        """The connection is a WebSocket's now."""
        return self.transport.get_protocol() is not self

    def watch(self) -> None:
        """While a request is waited for, or the rest of one that was answered."""
        if self.is_upgraded:
            return
        state, cycle = self.conn.their_state, self.cycle
        drips = state is h11.SEND_BODY and cycle is not None and cycle.response_complete
        waits = (state is h11.IDLE or drips) and not self.transport.is_closing()
        if waits and self.deadline is None:
            self.deadline = self.loop.call_later(self.seconds, self.transport.close)
        elif not waits:
            self.rest()

    def rest(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self.watch()

    def _unsupported_upgrade_warning(self) -> None:
        """It is ignored, as HTTP has it: Java's client offers h2c with each request."""

    def handle_websocket_upgrade(self, event: Any) -> None:
        self.rest()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        self.rest()
        super().connection_lost(exc)
