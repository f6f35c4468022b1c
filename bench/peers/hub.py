"""VictoryVault as it is, with a door more: what is published there goes to its hub, as if the feed
had read it. So a delivery is measured without the commit that it comes from.

The server, its database and its subscriptions are the real ones. The feed is stopped before: what
it reads next would say that these changes never were.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

import msgspec
from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn import Server

from server.app import build, settle
from server.calls.context import Services
from server.changes.feed import Feed
from server.changes.hub import Hub
from server.changes.log import LoggedRow, read
from server.changes.ring import Batch
from server.database.engine import Database
from server.protocol.changes import Change
from server.protocol.messages import encode
from server.protocol.positions import Position
from server.serving import bind, configured, run, tune
from server.settings import Settings

USERS = "users"
WRITE = "UPDATE users SET status = $1 WHERE profile ->> 'guild' = $2"


class Publisher:
    """Each message is a change of the next of a guild's rows. Those of one turn of the loop are one
    batch, as all commits between two reads of the feed are."""

    def __init__(self, services: Services, guild: str) -> None:
        self.feed, self.hub = services.use(Feed), services.use(Hub)
        self.database = services.use(Database)
        self.guild = guild
        self.rows: list[Change] = []
        """The last change of each, and the next to change first."""
        self.changes: list[Change] = []
        """Of this turn."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        await self.open()
        await websocket.accept()
        with suppress(WebSocketDisconnect):
            while True:
                self.take(msgspec.json.decode(await websocket.receive_text())["status"])

    async def open(self) -> None:
        """Writes each row once, so that it is known as the log has it."""
        before = await self.feed.past_now()
        await self.database.fetch(WRITE, "ready", self.guild)
        _, changes, _ = await read(self.database.fetch, before)
        self.rows = [each for each in changes if each.table == USERS]  # presence is written beside
        await self.feed.past_now()
        await self.feed.stop()

    def take(self, status: str) -> None:
        if not self.changes:
            asyncio.get_running_loop().call_soon(self.publish)
        change = next_of(self.rows.pop(0), status, self.rows[-1].sequence + 1)
        self.rows.append(change)
        self.changes.append(change)

    def publish(self) -> None:
        changes, self.changes = self.changes, []
        head, ring = self.hub.position, self.hub.ring
        assert head is not None
        assert ring is not None
        xid = head.xmax
        batch = Batch(
            Position(head.incarnation, xid + 1, ()),
            [change._replace(xid=xid) for change in changes],
        )
        ring.append(batch)
        self.hub.publish(batch, ring, batch.position)


def next_of(last: Change, status: str, sequence: int) -> Change:
    """The row's next change, as a trigger writes it: what it is now, and what was different."""
    row = dict(last.after or {})
    after = encode({**row, "status": status, "version": row["version"] + 1}).decode()
    different = {name: row[name] for name in ("status", "version", "updated_at")}
    before = LoggedRow(after, encode(different).decode())
    return last._replace(before=before, after=LoggedRow(after), sequence=sequence)


def main(port: int, guild: str) -> None:
    settings = Settings.load()
    app = build(settings)
    app.router.routes.insert(0, WebSocketRoute("/publish", Publisher(app.state.services, guild)))
    settle()
    listener = bind("127.0.0.1", port)
    tune(listener, settings)
    run(Server(configured(app, settings)), listener, lambda: None)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
