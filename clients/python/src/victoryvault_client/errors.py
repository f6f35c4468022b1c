"""What goes wrong, on the server or on the way."""

from __future__ import annotations

from typing import Any

CLOSED = 1000
"""The code of a connection that one has closed oneself."""


class CallError(Exception):
    """Programs look at `kind`.

    The client's own kinds are `timeout`, `cancelled`, `queue_full`, `connection_lost` and
    `connection_closed`; the server's stand in section 6 of the protocol.
    """

    def __init__(self, code: int, message: str, data: dict[str, Any]) -> None:
        super().__init__(message)
        self.code = code
        """JSON-RPC's, or one like HTTP's; of a lost connection, what it was closed with."""
        self.message = message
        self.data = data
        """What the error says beside its message: `path`, the parameter that is wrong, and more."""

    @property
    def kind(self) -> str:
        return str(self.data["kind"])

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait before trying again, where waiting helps."""
        milliseconds = self.data.get("retry_after_ms")
        return None if milliseconds is None else milliseconds / 1000

    @property
    def retry_key(self) -> str | None:
        """Repeat the write with it, to be sure that it is written, and once."""
        return self.data.get("retry_key")


def failure(code: int, kind: str, message: str) -> CallError:
    return CallError(code, message, {"kind": kind})


def again(error: CallError) -> CallError:
    """The same for somebody else, since who raises an error writes into it."""
    return CallError(error.code, error.message, dict(error.data))
