"""The door: `GET /rpc` upgrades to a WebSocket, `POST /rpc` serves the same methods."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from server.calls.connection import Connection, Connections
from server.calls.dispatch import Answer
from server.calls.limits import Bucket
from server.changes.hub import Hub
from server.database.engine import Database, is_away
from server.protocol import messages
from server.protocol.errors import CallError
from server.resources.sessions.rows import find_by_token
from server.sockets.connection import Socket
from server.sockets.handshake import (
    RefusedError,
    check,
    client_address,
    refused,
)
from server.sockets.outbox import Turn

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import Receive, Scope, Send

    from server.calls.connection import Caller
    from server.calls.dispatch import Dispatch

JSON = "application/json"
RETRY_AFTER_SECONDS = 5
FAILED_RETRY_SECONDS = 1
"""A bucket that was empty has room again by then."""
TOO_MANY_TOKENS = "Too many tokens from this address are not valid; wait a while."
MOST_BUCKETS = 10_000
"""Then those are forgotten that have been idle."""


class Door:
    def __init__(self, dispatch: Dispatch) -> None:
        self.dispatch = dispatch
        self.services = dispatch.services
        self.settings = dispatch.services.settings
        self.sockets: Counter[str] = Counter()
        """Open ones, by address."""
        self.open: set[Socket] = set()
        self.opened = 0
        self.closed: Counter[int] = Counter()
        """By close code."""
        self.refused: Counter[str] = Counter()
        """Handshakes and POSTs, by kind."""
        self.sent_bytes = 0
        """By sockets that have gone."""
        self.gone = asyncio.Event()
        self.turn = Turn()
        self.services.use(Hub).flush = self.turn.end
        self.buckets: dict[str, Bucket] = {}
        """Of those who POST, and of tokens that are not valid."""

    def routes(self) -> list[BaseRoute]:
        return [
            WebSocketRoute("/rpc", self),
            WebSocketRoute("/{path:path}", elsewhere),
            Route("/rpc", self.http, methods=["GET", "POST"]),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """For a socket, as an ASGI app: what Starlette wraps around a function costs 2 KiB."""
        websocket = WebSocket(scope, receive, send)
        address = client_address(websocket, self.settings.trusted_proxies)
        self.sockets[address] += 1  # before anything is awaited: those who come at once count too
        try:
            await self.serve(websocket, address)
        except RefusedError as error:
            self.refused[error.kind] += 1
            await websocket.send_denial_response(denial(error))
        finally:
            self.sockets[address] -= 1
            if not self.sockets[address]:
                del self.sockets[address]

    async def serve(self, websocket: WebSocket, address: str) -> None:
        """Raises RefusedError, and only before the upgrade."""
        shake = check(websocket, self.settings)
        self.check_room(address)
        caller = await self.identify(shake.token, address)
        await websocket.accept(subprotocol=shake.subprotocol)
        socket = Socket(
            websocket,
            self.dispatch,
            address=address,
            bucket=self.bucket(),
            roll=self.services.use(Connections),
            turn=self.turn,
        )
        if caller is not None:
            socket.sign_in(caller)
        self.open.add(socket)
        self.opened += 1
        try:
            await socket.serve()
        finally:
            self.open.discard(socket)
            self.closed[socket.close_code] += 1
            self.sent_bytes += socket.line.written
            if not self.open:
                self.gone.set()

    async def all_gone(self) -> None:
        """Until no socket is open."""
        while self.open:
            self.gone.clear()
            await self.gone.wait()

    def check_room(self, address: str) -> None:
        """Raises RefusedError 503 when there is none, or the server is about to stop."""
        if self.services.use(Connections).is_draining:
            raise RefusedError(
                503,
                "The server is about to stop; come back later.",
                kind="unavailable",
                retry_after=RETRY_AFTER_SECONDS,
            )
        most, most_here = (
            self.settings.max_connections,
            self.settings.max_connections_per_address,
        )
        if (most and self.sockets.total() > most) or (
            most_here and self.sockets[address] > most_here
        ):
            raise RefusedError(
                503,
                "There are too many connections; come back later.",
                kind="unavailable",
                retry_after=RETRY_AFTER_SECONDS,
            )

    async def identify(self, token: str | None, address: str) -> Caller | None:
        """Raises RefusedError 401 for a token that is not valid; 429 after too many of them.

        Only those count, once they are known: a crowd with valid ones may come at once.
        """
        if token is None:
            return None
        failures = f"failures:{address}"
        if failures in self.buckets and self.buckets[failures].is_empty:
            raise RefusedError(
                429, TOO_MANY_TOKENS, kind="too_many_attempts", retry_after=FAILED_RETRY_SECONDS
            )
        try:
            return await find_by_token(
                self.services.use(Database), token, self.settings.session_days
            )
        except CallError as error:
            with suppress(CallError):
                self.shared_bucket(failures).take()
            raise refused(error) from None
        except Exception as error:
            if is_away(error):
                raise refused(CallError("unavailable")) from None
            raise

    def bucket(self) -> Bucket:
        return Bucket(self.settings.max_calls_per_second)

    def shared_bucket(self, key: str) -> Bucket:
        """One for all POSTs of a session or an address, or for its tokens that are not valid."""
        if len(self.buckets) > MOST_BUCKETS:
            self.buckets = {key: each for key, each in self.buckets.items() if not each.is_full}
        return self.buckets.setdefault(key, self.bucket())

    async def http(self, request: Request) -> Response:
        return await self.post(request) if request.method == "POST" else wrong_door(request)

    async def post(self, request: Request) -> Response:
        address = client_address(request, self.settings.trusted_proxies)
        try:
            shake = check(request, self.settings)
            if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
                raise RefusedError(415, f"The content type is {JSON}.", kind="invalid_request")
            body = await self.body(request)
            caller = await self.identify(shake.token, address)
        except RefusedError as error:
            self.refused[error.kind] += 1
            return denial(error)
        connection = Connection(
            address,
            request.headers.get("user-agent", ""),
            self.shared_bucket(address if caller is None else str(caller.session)),
            self.services.use(Connections),
        )
        if caller is not None:
            connection.sign_in(caller)
        try:
            text = body.decode()
        except UnicodeDecodeError:
            reply = messages.error(messages.NO_ID, CallError("parse_error"))
        else:
            answer = self.dispatch.begin(text, connection)
            if not isinstance(answer, Answer):
                answer = await answer()
            reply = answer.reply or b""
        return Response(reply, 200 if reply else 204, media_type=JSON if reply else None)

    async def body(self, request: Request) -> bytes:
        """Raises RefusedError 413 as soon as too much has come, 408 when it takes too long."""
        most = self.settings.max_message_bytes
        body = bytearray()
        seconds = self.settings.handshake_timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > most:
                        raise RefusedError(
                            413, f"A message has at most {most} bytes.", kind="message_too_large"
                        )
        except TimeoutError:
            raise RefusedError(
                408, f"A body is to be here within {seconds} seconds.", kind="timeout"
            ) from None
        return bytes(body)


async def elsewhere(websocket: WebSocket) -> None:
    error = RefusedError(404, "There is no socket here: connect to /rpc.", kind="not_found")
    await websocket.send_denial_response(denial(error))


def wrong_door(request: Request) -> Response:
    """A handshake that has lost its Upgrade has met a proxy."""
    return PlainTextResponse(
        "A proxy has dropped this WebSocket's Upgrade: let it pass on Upgrade and Connection.\n"
        if "sec-websocket-key" in request.headers
        else "This is the door of the JSON-RPC server: open a WebSocket here, or POST to it.\n",
        426,
        {"Upgrade": "websocket", "Connection": "Upgrade"},
    )


def denial(error: RefusedError) -> Response:
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    if error.status == 401:  # noqa: PLR2004
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(
        {"error": {"message": error.sentence, "kind": error.kind}}, error.status, headers
    )
