"""What an operator's tools ask: is it alive, can it serve, what does it offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from server.calls.connection import Connections
from server.calls.openrpc import Document
from server.changes.feed import Feed
from server.protocol.messages import encode

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from server.calls.context import Services

HOME = """VictoryVault: JSON-RPC 2.0 over WebSocket.

  /rpc           open a WebSocket, or POST
  /openrpc.json  every method, with its types
  /health        alive
  /ready         able to serve
"""


class Pages:
    def __init__(self, services: Services) -> None:
        self.services = services

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self.home),
            Route("/health", self.health),
            Route("/ready", self.ready),
            Route("/openrpc.json", self.openrpc),
        ]

    async def home(self, _request: Request) -> Response:
        return PlainTextResponse(HOME)

    async def health(self, _request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(self, _request: Request) -> Response:
        """The feed reads the database all the time: while it can, calls can. A worker starts only
        on a database whose migrations are applied."""
        if self.services.use(Connections).is_draining:
            return JSONResponse({"status": "the server is about to stop"}, 503)
        if self.services.use(Feed).healthy:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "the database is away"}, 503)

    async def openrpc(self, _request: Request) -> Response:
        return Response(encode(self.services.use(Document).body), media_type="application/json")
