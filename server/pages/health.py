"""What an operator's tools ask: is it alive, can it serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from server.calls.connection import Connections
from server.changes.feed import Feed

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from server.calls.context import Services


class Pages:
    def __init__(self, services: Services) -> None:
        self.services = services

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/health", self.health),
            Route("/ready", self.ready),
        ]

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
