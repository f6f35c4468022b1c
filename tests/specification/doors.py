"""Both doors, asked in the same way: one text in, what answers it out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Protocol

import httpx

from tests.client import PATIENCE, Client
from tests.conftest import Running
from tests.contract import CONTRACT

NAMES = ("socket", "post")
LAST = '{"jsonrpc":"2.0","method":"rpc.ping","id":"the last"}'
CODES = {
    "parse_error": -32700,
    "invalid_request": -32600,
    "method_not_found": -32601,
    "invalid_params": -32602,
    "internal_error": -32603,
    "unauthenticated": 401,
    "bad_credentials": 401,
    "session_expired": 401,
    "forbidden": 403,
    "not_found": 404,
    "email_taken": 409,
    "id_taken": 409,
    "version_conflict": 409,
    "retry_key_reused": 409,
    "position_gone": 410,
    "message_too_large": 413,
    "batch_too_large": 413,
    "too_many_rows": 413,
    "weak_password": 422,
    "needs_socket": 426,
    "too_many_calls": 429,
    "too_many_subscriptions": 429,
    "too_many_attempts": 429,
    "cancelled": 499,
    "unavailable": 503,
    "timeout": 504,
}
"""Protocol §6."""


class Digits(NamedTuple):
    """A JSON number as it was written."""

    text: str


class Reply(NamedTuple):
    """What of a reply the protocol fixes. `kind` is None for a result."""

    id: str
    """As it was written."""
    kind: str | None = None
    path: str | None = None


Replies = Reply | Sequence[Reply] | None
"""To one message; a batch's are a list, and None is no reply at all."""


class Door(Protocol):
    async def ask(self, text: str, *, is_answered: bool) -> Any:
        """The decoded reply, numbers as `Digits`; None when there is none. Fails on a second."""


class SocketDoor:
    def __init__(self, client: Client) -> None:
        self.client = client

    async def ask(self, text: str, *, is_answered: bool) -> Any:
        await self.client.send(text)
        reply = await self.receive(text) if is_answered else None
        await self.client.send(LAST)
        last = await self.receive(LAST)
        assert isinstance(last, dict), last
        assert last["id"] == "the last", last
        return reply

    async def receive(self, asked: str) -> Any:
        async with asyncio.timeout(PATIENCE):
            answer = await self.client.socket.recv()
        return checked(asked, answer)


class PostDoor:
    def __init__(self, poster: Poster) -> None:
        self.poster = poster

    async def ask(self, text: str, *, is_answered: bool) -> Any:
        response = await self.poster.post(text)
        if response.status_code == httpx.codes.NO_CONTENT:
            assert response.content == b""
            return None
        assert response.status_code == httpx.codes.OK
        assert response.headers["content-type"] == "application/json"
        return checked(text, response.content)


class Poster:
    """HTTP to one server, with a token or without."""

    def __init__(self, http: httpx.AsyncClient, url: str, token: str | None = None) -> None:
        self.http = http
        self.url = url
        self.token = token

    async def post(self, body: str | bytes, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        bearer = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return await self.http.post(
            f"{self.url}/rpc",
            content=body,
            headers={"content-type": "application/json", **bearer, **named},
        )


@asynccontextmanager
async def posting(server: Running, token: str | None = None) -> AsyncIterator[Poster]:
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as http:
        yield Poster(http, server.url, token)


@asynccontextmanager
async def opened(name: str, server: Running, token: str | None = None) -> AsyncIterator[Door]:
    """The door of that name, for a token's user or for nobody."""
    if name == "socket":
        async with server.connect(token) as client:
            yield SocketDoor(client)
    else:
        async with posting(server, token) as poster:
            yield PostDoor(poster)


def checked(asked: str, answer: str | bytes) -> Any:
    """The answer, which is what the contract says."""
    CONTRACT.check(json.loads(answer), methods(asked))
    return exact(answer)


def methods(text: str) -> dict[Any, str]:
    """Those that a message calls and the contract has, by the ids of the calls."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    calls = message if isinstance(message, list) else [message]
    return {
        call["id"]: call["method"]
        for call in calls
        if isinstance(call, dict)
        and isinstance(call.get("id"), str | int)
        and isinstance(call.get("method"), str)
        and call["method"] in CONTRACT.methods
    }


def exact(text: str | bytes) -> Any:
    return json.loads(text, parse_float=Digits, parse_int=Digits)


def shape(reply: Any) -> Replies:
    """A decoded reply as what the protocol fixes of it; checks the rest of its form here."""
    if reply is None:
        return None
    if isinstance(reply, list):
        return [shape_of_one(each) for each in reply]
    return shape_of_one(reply)


def shape_of_one(reply: Any) -> Reply:
    assert isinstance(reply, dict), reply
    assert reply["jsonrpc"] == "2.0"
    id_ = (
        reply["id"].text
        if isinstance(reply["id"], Digits)
        else json.dumps(reply["id"], ensure_ascii=False)
    )
    if "error" not in reply:
        assert reply.keys() == {"jsonrpc", "result", "id"}
        return Reply(id_)
    assert reply.keys() == {"jsonrpc", "error", "id"}
    error = reply["error"]
    assert error.keys() == {"code", "message", "data"}
    assert isinstance(error["message"], str)
    kind = error["data"]["kind"]
    assert error["code"] == Digits(str(CODES[kind]))
    return Reply(id_, kind, error["data"].get("path"))
