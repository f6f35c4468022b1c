"""https://python-socketio.readthedocs.io/en/stable/server.html, on uvicorn as it is installed."""

from __future__ import annotations

import sys
from typing import Any

import socketio  # type: ignore[import-not-found]
import uvicorn

sio = socketio.AsyncServer(async_mode="asgi")


@sio.event  # type: ignore[untyped-decorator]
async def subscribe(sid: str, room: str) -> bool:
    await sio.enter_room(sid, room)
    return True


@sio.event  # type: ignore[untyped-decorator]
async def publish(sid: str, room: str, message: dict[str, Any]) -> None:
    await sio.emit("changed", message, room=room)


@sio.event  # type: ignore[untyped-decorator]
async def call(sid: str) -> dict[str, Any]:
    return {}


if __name__ == "__main__":
    uvicorn.run(socketio.ASGIApp(sio), port=int(sys.argv[1]), log_level="warning")
