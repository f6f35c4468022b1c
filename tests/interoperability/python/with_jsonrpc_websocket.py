"""https://github.com/emlove/jsonrpc-websocket: methods are attributes, of ours too."""

import asyncio
import sys
import uuid
from typing import Any

from jsonrpc_base import ProtocolError  # type: ignore[import-untyped]
from jsonrpc_websocket import Server  # type: ignore[import-untyped]


async def error_of(call: Any) -> Any:
    try:
        return await call
    except ProtocolError as refused:
        _code, _message, reply = refused.args
        return reply["error"]


async def main(url: str) -> None:
    told: asyncio.Queue[Any] = asyncio.Queue()
    server = Server(url, timeout=10)
    server.user.changed = lambda **params: told.put_nowait(params)
    reading = await server.ws_connect()
    try:
        created = await server.user.create(
            email=f"{uuid.uuid4()}@example.org",
            full_name="jsonrpc-websocket",
            password="correct horse",
        )
        subscribed = await server.user.subscribe({"id": created["user"]["id"]})

        await server.user.update(set={"status": "here"})
        (change,) = (await told.get())["changes"]
        assert (change["op"], change["set"]["status"]) == ("change", "here")

        assert (await error_of(server.user.no()))["code"] == -32601
        error = await error_of(server.user.update(set={"status": 7}))
        assert (error["code"], error["data"]["path"]) == (-32602, "set.status")

        await server.subscription.close(subscription=subscribed["subscription"])
    finally:
        await server.close()
    await reading
    print(f"jsonrpc-websocket was told of {change['set']['status']}")  # noqa: T201


asyncio.run(main(sys.argv[1]))
