"""The loop that most people write: Starlette, LISTEN, and a `send_text` for each socket."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

SCHEMA = """
    DROP TABLE IF EXISTS loop_players;
    CREATE TABLE loop_players (
        id uuid PRIMARY KEY, full_name text, status text, profile jsonb,
        created_at timestamptz, version bigint DEFAULT 1, updated_at timestamptz DEFAULT now()
    );
    INSERT INTO loop_players SELECT id, full_name, status, profile, created_at FROM users;
    CREATE OR REPLACE FUNCTION loop_tell() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.version := OLD.version + 1;
        NEW.updated_at := now();
        PERFORM pg_notify('loop_players', row_to_json(NEW)::text);
        RETURN NEW;
    END $$;
    CREATE TRIGGER tell BEFORE UPDATE ON loop_players FOR EACH ROW EXECUTE FUNCTION loop_tell();
"""
UPDATE = "UPDATE loop_players SET status = $1 WHERE id = $2::text::uuid"

sockets: set[WebSocket] = set()


async def follow(websocket: WebSocket) -> None:
    await websocket.accept()
    sockets.add(websocket)
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        pass
    finally:
        sockets.discard(websocket)


async def tell(payloads: asyncio.Queue[str]) -> None:
    while True:
        payload = await payloads.get()
        for websocket in list(sockets):
            try:
                await websocket.send_text(payload)
            except (WebSocketDisconnect, RuntimeError):
                sockets.discard(websocket)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    payloads: asyncio.Queue[str] = asyncio.Queue()

    def hear(_connection: Any, _pid: int, _channel: str, payload: str) -> None:
        payloads.put_nowait(payload)

    connection = await asyncpg.connect(app.state.dsn)
    await connection.add_listener("loop_players", hear)
    telling = asyncio.create_task(tell(payloads))
    yield
    telling.cancel()
    await connection.close()


def main(port: int, dsn: str) -> None:
    app = Starlette(routes=[WebSocketRoute("/rpc", follow)], lifespan=lifespan)
    app.state.dsn = dsn
    uvicorn.run(
        app,
        port=port,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        loop="uvloop",
        log_level="warning",
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
