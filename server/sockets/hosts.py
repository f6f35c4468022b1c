"""Whose name a browser came by. Only `dev` asks, for its admin's password is known to all.

A page elsewhere can point its own name at this machine, and then has its own origin here: DNS
rebinding. It cannot do so with an address, with localhost, or with a name of the local network.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket

from server.sockets.endpoint import denial
from server.sockets.handshake import RefusedError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

LOCAL = (".localhost", ".local")


class OwnHosts:
    """An ASGI middleware: who came by another name is answered 403."""

    def __init__(self, app: ASGIApp, allowed_origins: tuple[str, ...]) -> None:
        self.app = app
        self.names = {urlsplit(each).hostname or each for each in allowed_origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self.is_ours(HTTPConnection(scope)):
            await self.app(scope, receive, send)
            return
        refusal = denial(
            RefusedError(
                403,
                "`dev` answers to addresses and local names only; name https://<this host> in "
                "VICTORYVAULT_ALLOWED_ORIGINS if it is yours.",
                kind="forbidden",
            )
        )
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(refusal)
        else:
            await refusal(scope, receive, send)

    def is_ours(self, connection: HTTPConnection) -> bool:
        try:
            name = urlsplit(f"//{connection.headers.get('host', '')}").hostname or ""
        except ValueError:
            return False
        with suppress(ValueError):
            return bool(ip_address(name))
        return (
            name in {"", "localhost", socket.gethostname().lower(), *self.names}
            or name.endswith(LOCAL)
            or "*" in self.names
        )
