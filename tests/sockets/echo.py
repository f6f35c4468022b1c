"""A server that echoes, on our protocol: to look at the framing, and at nothing behind it.

`/framed` is by the extension, `/plain` by the messages of ASGI, which carry binary too.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any, cast

from uvicorn import Config, Server

from server.protocol.frames import Frame
from server.serving import bind, configured
from server.settings import Settings
from server.sockets.framing import EXTENSION, Framed

LARGEST = 2**24
"""Bytes of a message; Autobahn's largest."""


class WithBinary(Framed):
    """A listener is only told of binary messages, for the server takes none: here they go back."""

    def send_receive_event_to_app(self) -> None:
        if self.listener is None or self.curr_msg_data_type == "text" or self.close_sent:
            super().send_receive_event_to_app()
            return
        self.conn.send_binary(b"".join(self.frames))
        self.frames = []
        self.transport.write(b"".join(self.conn.data_to_send()))


class Echo:
    """Takes no more while its line is full, as a `Socket` does."""

    def __init__(self, line: Framed) -> None:
        self.line = line

    def received(self, text: str | None) -> None:
        assert text is not None
        self.line.write([Frame(text.encode())])

    def filled(self) -> None:
        self.line.hold()

    def drained(self) -> None:
        self.line.read_on()

    def lost(self) -> None:
        """What is written is refused by the line itself."""


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    await receive()
    await send({"type": "websocket.accept"})
    if scope["path"] == "/framed":
        line: Framed = scope["extensions"][EXTENSION]
        line.listen(Echo(line))
    while (message := await receive())["type"] == "websocket.receive":
        try:
            await send({**message, "type": "websocket.send"})
        except (RuntimeError, OSError):
            return  # the client has left, or was closed


async def live(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def echoing(**changed: Any) -> Config:
    given: dict[str, Any] = {
        "_env_file": None,
        "max_message_bytes": LARGEST,
        "max_fragments": 0,
        "max_control_frames_per_second": 0,
        **changed,
    }
    settings = Settings(**given)
    config = configured(app, settings)
    config.ws = cast("type[WithBinary]", partial(WithBinary, settings))
    return config


if __name__ == "__main__":
    listener = bind("127.0.0.1", int(sys.argv[1]))
    print(f"VictoryVault is at http://127.0.0.1:{sys.argv[1]}", flush=True)  # noqa: T201
    Server(echoing()).run(sockets=[listener])
