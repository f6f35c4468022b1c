"""What the server offers, for programs to read: calls as OpenRPC, the socket as AsyncAPI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from server.calls.asyncapi import asyncapi
from server.calls.openrpc import Document
from server.pages.assets import Asset
from server.protocol.messages import encode

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute


class Contract:
    def __init__(self, document: Document) -> None:
        self.calls = Asset(encode(document.body), "application/json")
        self.socket = Asset(encode(asyncapi(document.body)), "application/json")

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/openrpc.json", self.openrpc),
            Route("/asyncapi.json", self.asyncapi),
        ]

    async def openrpc(self, request: Request) -> Response:
        return self.calls.answer(request)

    async def asyncapi(self, request: Request) -> Response:
        return self.socket.answer(request)
