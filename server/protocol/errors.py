"""Every error a client can get, as a table: docs, OpenRPC and tests are made from it.

A client program looks at `error.data.kind` and nothing else; `message` is for the person who reads
it. What an error carries is written here or by hand where it is raised: the text of an exception,
a stack or a DSN never becomes part of one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from jsonrpcserver.exceptions import JsonRpcError


class ErrorKind(NamedTuple):
    kind: str
    code: int
    message: str
    """The sentence, unless the place that raises it knows a better one."""


KINDS = {
    row.kind: row
    for row in (
        ErrorKind("parse_error", -32700, "The message is not JSON."),
        ErrorKind("invalid_request", -32600, "The message is not a JSON-RPC 2.0 request."),
        ErrorKind("method_not_found", -32601, "There is no such method; rpc.discover lists them."),
        ErrorKind("invalid_params", -32602, "The parameters are not valid."),
        ErrorKind(
            "internal_error", -32603, "Something failed on the server; its log has the trace."
        ),
        ErrorKind("unauthenticated", 401, "Sign in first, with session.create or session.resume."),
        ErrorKind("bad_credentials", 401, "The email or the password is wrong."),
        ErrorKind("session_expired", 401, "The session has ended or expired; sign in again."),
        ErrorKind("forbidden", 403, "You may not do this."),
        ErrorKind("not_found", 404, "There is no such row, or you may not see it."),
        ErrorKind("email_taken", 409, "Another account uses this email."),
        ErrorKind("id_taken", 409, "Another row has this id."),
        ErrorKind(
            "version_conflict", 409, "The row has changed since; data.user is the current one."
        ),
        ErrorKind(
            "retry_key_reused", 409, "This retry_key was used with other params; take a new one."
        ),
        ErrorKind("position_gone", 410, "The log no longer reaches back to this position."),
        ErrorKind("message_too_large", 413, "The message is larger than the server takes."),
        ErrorKind("batch_too_large", 413, "The batch has too many entries."),
        ErrorKind("too_many_rows", 413, "The subscription holds too many rows; narrow `where`."),
        ErrorKind("weak_password", 422, "The password is too short."),
        ErrorKind("needs_socket", 426, "This method needs a WebSocket: connect to /rpc."),
        ErrorKind("too_many_calls", 429, "Too many calls; slow down."),
        ErrorKind(
            "too_many_subscriptions", 429, "The connection holds too many subscriptions; close one."
        ),
        ErrorKind("too_many_attempts", 429, "Too many attempts; wait a while."),
        ErrorKind("cancelled", 499, "The call was cancelled."),
        ErrorKind("unavailable", 503, "The database is away; try again shortly."),
        ErrorKind("timeout", 504, "The call took too long and was stopped."),
    )
}


class CallError(JsonRpcError):
    """Raised anywhere on the way of a call; becomes its `error` object.

    `data` holds what a client may see beside `kind`: `path`, `retry_after_ms`, `user`, `trace`.
    """

    def __init__(self, kind: str, message: str | None = None, **data: Any) -> None:
        row = KINDS[kind]
        super().__init__(row.code, message or row.message, {"kind": kind, **data})
        self.kind = kind

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


def invalid(path: str, sentence: str) -> CallError:
    """-32602 for the parameter at `path`, as `set.full_name`; `sentence` says what it must be."""
    return CallError("invalid_params", sentence, path=path)
