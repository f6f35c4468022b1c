"""The baseline of rpc.ping: the server's own uvicorn with nothing behind it but one answer.

What a call costs beyond this is ours: envelope, method, access, params, limits, a task per call.
"""

from __future__ import annotations

import sys
from typing import Any

from uvicorn import Server

from server.serving import bind, configured, run
from server.settings import Settings


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """A bare ASGI application, without Starlette."""
    if scope["type"] == "lifespan":
        for kind in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{kind}.complete"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            id_ = message["text"].rpartition('"id":')[2]  # with the closing bracket
            await send(
                {"type": "websocket.send", "text": f'{{"jsonrpc":"2.0","result":{{}},"id":{id_}'}
            )


def main(port: int) -> None:
    config = configured(answer, Settings.load())
    run(Server(config), bind("127.0.0.1", port), lambda: None)


if __name__ == "__main__":
    main(int(sys.argv[1]))
