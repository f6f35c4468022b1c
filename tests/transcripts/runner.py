"""Plays a conversation: the server's side itself, the user's through an actor. See README.md."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.client import PATIENCE
from tests.conftest import listen
from tests.transcripts.actors import TYPESCRIPT, Actor
from tests.transcripts.patterns import Names, difference, filled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PROTOCOL = "victoryvault.v1"
BEARER = "bearer."
CLOSING = {"state", "failed", "ended", "error"}
"""Events that a connection may tell when it is closed at the end."""
PAGES = {".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript"}


class Handshake:
    """One that came, and waits for what the script does with it."""

    def __init__(self, socket: ServerConnection, request: Request) -> None:
        self.socket = socket
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        self.protocols = [each.strip() for each in offered.split(",")]
        self.status: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self.messages: asyncio.Queue[Any] = asyncio.Queue()
        self.authorization = request.headers.get("Authorization", "")

    async def decided(self) -> int | None:
        """The status to refuse it with, or None. Or it has gone before."""
        gone = asyncio.ensure_future(self.socket.wait_closed())
        gone.add_done_callback(lambda _: self.status.done() or self.status.cancel())
        await asyncio.wait({self.status})
        gone.cancel()
        return HTTPStatus.REQUEST_TIMEOUT if self.status.cancelled() else self.status.result()

    @property
    def token(self) -> str | None:
        if self.authorization:
            return self.authorization.removeprefix("Bearer ")
        tokens = (each for each in self.protocols if each.startswith(BEARER))
        return next((each.removeprefix(BEARER) for each in tokens), None)


class Stage:
    """The doors that a client and its actor come through, for all conversations with them."""

    def __init__(self) -> None:
        self.port = 0
        self.number = 0
        self.actors: asyncio.Queue[Actor] = asyncio.Queue()
        self.handshakes: asyncio.Queue[Handshake] = asyncio.Queue()
        self.taken: dict[ServerConnection, Handshake] = {}

    def begin(self) -> str:
        """The address of the next conversation. Who comes to an earlier one is turned away."""
        self.number += 1
        self.handshakes = asyncio.Queue()
        return f"ws://127.0.0.1:{self.port}/rpc/{self.number}"

    async def enter(self, socket: ServerConnection, request: Request) -> Response | None:
        if request.path == "/control":
            return None
        if request.path == f"/rpc/{self.number}":
            handshake = self.taken[socket] = Handshake(socket, request)
            self.handshakes.put_nowait(handshake)
            status = await handshake.decided()
            return None if status is None else socket.respond(HTTPStatus(status), "")
        return self.page(request.path.partition("?")[0])

    def page(self, path: str) -> Response:
        """A file of the TypeScript client, for the browser."""
        file = TYPESCRIPT / path.strip("/")
        if file.suffix not in PAGES or not file.is_file():
            return Response(404, "Not Found", Headers({"Content-Length": "0"}), b"")
        body = file.read_bytes()
        headers = {"Content-Type": PAGES[file.suffix], "Content-Length": str(len(body))}
        return Response(200, "OK", Headers({**headers, "Connection": "close"}), body)

    def choose(self, socket: ServerConnection, offered: Any) -> Any:
        return PROTOCOL if PROTOCOL in offered else None

    async def serve(self, socket: ServerConnection) -> None:
        handshake = self.taken.get(socket)
        if handshake is None:
            actor = Actor(socket)
            self.actors.put_nowait(actor)
            await actor.listen()
            return
        with suppress(ConnectionClosed):
            async for text in socket:
                handshake.messages.put_nowait(json.loads(text))


@asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    stage = Stage()
    async with serve(
        stage.serve,
        sock=listen(),
        process_request=stage.enter,
        select_subprotocol=stage.choose,
        compression=None,
        open_timeout=None,
        ping_interval=None,
        close_timeout=PATIENCE,
        max_size=None,
    ) as server:
        stage.port = server.sockets[0].getsockname()[1]
        yield stage


class Play:
    """One conversation, on its way."""

    def __init__(self, stage: Stage, actor: Actor) -> None:
        self.stage = stage
        self.actor = actor
        self.url = stage.begin()
        self.lines: list[Handshake] = []
        self.names: Names = {}

    async def play(self, steps: list[dict[str, Any]]) -> None:
        for number, step in enumerate(steps, 1):
            try:
                await self.step(step)
            except (AssertionError, TimeoutError, ConnectionClosed) as error:
                why = str(error) or f"within {PATIENCE:g} s"
                raise AssertionError(f"Step {number}, {json.dumps(step)}: {why}") from error

    async def step(self, step: dict[str, Any]) -> None:
        verb, value = next(iter(step.items()))
        if verb == "repeat":
            before = self.names
            for _ in range(value):
                self.names = dict(before)
                await self.play(step["steps"])
            self.names = before
        else:
            await getattr(self, f"_{verb}")(value, step)

    # the server

    async def _handshake(self) -> Handshake:
        async with asyncio.timeout(PATIENCE):
            return await self.stage.handshakes.get()

    async def _take(self, token: Any) -> Handshake:
        line = await self._handshake()
        assert PROTOCOL in line.protocols, f"{PROTOCOL} was not offered, but {line.protocols}"
        wrong = difference(token, line.token, self.names, "the token")
        self.lines.append(line)
        assert wrong is None, wrong
        return line

    async def _accept(self, token: Any, step: dict[str, Any]) -> None:
        (await self._take(token)).status.set_result(None)

    async def _ignore(self, token: Any, step: dict[str, Any]) -> None:
        await self._take(token)

    async def _refuse(self, status: int, step: dict[str, Any]) -> None:
        (await self._handshake()).status.set_result(status)

    async def _hear(self, message: Any, step: dict[str, Any]) -> None:
        async with asyncio.timeout(PATIENCE):
            heard = await self.lines[-1].messages.get()
        wrong = difference({"jsonrpc": "2.0", **message}, heard, self.names)
        assert wrong is None, f"{wrong}, in {json.dumps(heard)}"

    async def _say(self, message: Any, step: dict[str, Any]) -> None:
        said = {"jsonrpc": "2.0", **filled(message, self.names)}
        await self.lines[-1].socket.send(json.dumps(said))

    async def _close(self, code: int, step: dict[str, Any]) -> None:
        await self.lines[-1].socket.close(code, step.get("reason", ""))

    async def _cut(self, _: bool, step: dict[str, Any]) -> None:
        self.lines[-1].socket.transport.abort()

    async def _gone(self, _: bool, step: dict[str, Any]) -> None:
        async with asyncio.timeout(PATIENCE):
            await self.lines[-1].socket.wait_closed()

    # the user

    async def _do(self, command: str, step: dict[str, Any]) -> None:
        given = filled(step, self.names)
        await self.actor.do({**given, "url": self.url} if command == "new" else given)

    async def _see(self, name: str, step: dict[str, Any]) -> None:
        wanted = {key: value for key, value in step.items() if key != "see"}
        while True:
            event = await self.actor.see(name, step.get("as"))
            looked = {key: event.get(key) for key in wanted}
            wrong = difference(wanted, looked, self.names)
            if wrong is None:
                return
            assert name == "state", f"{wrong}, in {event}"

    async def end(self) -> None:
        """Nothing is left that was not heard, taken or seen."""
        self.actor.check()
        unseen = self.actor.unseen({"state"})
        await self.actor.do({"do": "close"})
        for line in self.lines:
            async with asyncio.timeout(PATIENCE):
                await line.socket.wait_closed()
        late = self.actor.unseen(CLOSING)
        left = [line.messages.get_nowait() for line in self.lines if not line.messages.empty()]
        assert not left, f"Nobody heard {left}."
        assert self.stage.handshakes.empty(), "Nobody took a handshake."
        assert not unseen, f"Nobody saw {unseen}."
        assert not late, f"Nobody saw {late}."
