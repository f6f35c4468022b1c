"""Who may come in: the checks before an upgrade, the same ones for POST.

A token comes in a header or, from browsers, as a subprotocol; never in the URL, which ends up in
logs. A page of another origin is refused, for a browser sends it with whatever the user has.
"""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from server.protocol.errors import CallError

if TYPE_CHECKING:
    from server.settings import Settings

HEADER_BYTES = 16 * 1024
"""Of all headers of a request."""
SUBPROTOCOL = "victoryvault.v1"
BEARER = "bearer."
TOKEN_NAMES = frozenset({"token", "access_token", "bearer", "authorization", "session"})
NOT_VALID = "The token is not valid; sign in with session.create."


class RefusedError(Exception):
    """Answered with an HTTP status and one sentence, before there is a socket."""

    def __init__(
        self, status: int, sentence: str, *, kind: str, retry_after: int | None = None
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.kind = kind
        self.retry_after = retry_after


class Handshake(NamedTuple):
    subprotocol: str | None
    token: str | None


def check(connection: HTTPConnection, settings: Settings) -> Handshake:
    """Raises RefusedError."""
    if sum(len(name) + len(value) for name, value in connection.headers.raw) > HEADER_BYTES:
        raise RefusedError(431, "The headers have 16 KiB at most.", kind="message_too_large")
    if TOKEN_NAMES & {name.lower() for name in connection.query_params}:
        raise RefusedError(
            401,
            "A token in the URL is refused, for URLs are logged: send Authorization: Bearer.",
            kind="unauthenticated",
        )
    check_origin(connection, settings.allowed_origins)
    offered = connection.scope.get("subprotocols", [])
    subprotocol = SUBPROTOCOL if SUBPROTOCOL in offered else None
    return Handshake(subprotocol, find_token(connection, offered))


def check_origin(connection: HTTPConnection, allowed: tuple[str, ...]) -> None:
    origin = connection.headers.get("origin")
    if origin is None or "*" in allowed or origin in allowed:
        return
    with suppress(ValueError):
        if urlsplit(origin).netloc == connection.headers.get("host"):
            return
    raise RefusedError(
        403,
        "Pages of this origin may not connect; VICTORYVAULT_ALLOWED_ORIGINS lists who may.",
        kind="forbidden",
    )


def find_token(connection: HTTPConnection, offered: list[str]) -> str | None:
    """The token, or None for an anonymous connection. Raises RefusedError for a malformed one."""
    header = connection.headers.get("authorization")
    tokens = [each.removeprefix(BEARER) for each in offered if each.startswith(BEARER)]
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise RefusedError(401, "The scheme is Bearer.", kind="unauthenticated")
        tokens.append(token.strip())
    if not tokens:
        return None
    if not tokens[0] or any(token != tokens[0] for token in tokens):
        raise RefusedError(401, NOT_VALID, kind="unauthenticated")
    return tokens[0]


def refused(error: CallError) -> RefusedError:
    """Of a token that was not found, or a database that is away."""
    return RefusedError(error.code, error.message, kind=error.kind)


def client_address(connection: HTTPConnection, trusted: tuple[str, ...]) -> str:
    """The peer, or what trusted proxies say of it: the last address that is no such proxy."""
    peer = connection.client.host if connection.client else ""
    if not is_trusted(peer, trusted):
        return peer
    forwarded = ",".join(connection.headers.getlist("x-forwarded-for"))
    hops = [bare(hop.strip()) for hop in forwarded.split(",") if hop.strip()]
    for hop in reversed(hops):
        if not is_trusted(hop, trusted):
            return hop[:64]
    return peer


def bare(hop: str) -> str:
    """Without a port, and IPv4 as such."""
    host = hop[1 : hop.index("]")] if hop.startswith("[") and "]" in hop else hop
    if host.count(":") == 1:
        host = host.partition(":")[0]
    return host.removeprefix("::ffff:")


def is_trusted(address: str, trusted: tuple[str, ...]) -> bool:
    if not trusted:
        return False
    try:
        found = ip_address(bare(address))
    except ValueError:
        return False
    return any(found in ip_network(each, strict=False) for each in trusted)
