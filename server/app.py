"""Builds a worker: the one place that constructs, and the order of starting and stopping."""

from __future__ import annotations

import asyncio
import gc
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from starlette.applications import Starlette

from server import logs, resources
from server.calls.connection import Connections
from server.calls.context import Services
from server.calls.dispatch import Dispatch
from server.calls.limits import Attempts
from server.calls.openrpc import Document
from server.calls.receipts import PRUNE as PRUNE_RECEIPTS
from server.calls.registry import Registry
from server.changes.feed import Feed
from server.changes.hub import Hub
from server.changes.janitor import tend
from server.database.engine import Database, Engine
from server.database.pruning import Pruning
from server.pages.health import Pages
from server.resources.sessions.passwords import Passwords
from server.resources.sessions.rights import Rights
from server.resources.sessions.rows import PRUNE as PRUNE_SESSIONS
from server.resources.users.rows import Getter
from server.settings import Settings
from server.sockets.draining import Draining
from server.sockets.endpoint import Door

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FIRST_READ_SECONDS = 10


def create() -> Starlette:
    """For uvicorn's workers, each a process of its own."""
    settings = Settings.load()
    logs.configure(settings.log_format, settings.log_level)
    app = build(settings, heed_signals=True)
    settle()
    return app


def settle() -> None:
    """What is there before the first call stays: the garbage collector need not look at it again.

    Calls make objects that die young, so it looks less often too.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def build(settings: Settings, *, heed_signals: bool = False) -> Starlette:
    """The app on the database that `settings` name, whose migrations are applied.

    With `heed_signals` it drains before it lets SIGINT and SIGTERM stop the server.
    """
    if settings.dsn is None:
        raise RuntimeError("no database is named; server.cli starts the embedded one")
    database = Database(Engine(settings.dsn), settings.pool_size, settings.call_timeout_seconds)
    database.bind(resources.tables())
    registry = Registry(resources.methods())
    connections = Connections()
    hub = Hub()
    feed = Feed(database, hub)
    rights = Rights(database, connections)
    hub.first = rights.changed
    pruning = Pruning(
        [
            partial(database.fetch, PRUNE_RECEIPTS),
            partial(database.fetch, PRUNE_SESSIONS),
            partial(tend, database, settings.log_days, settings.log_changes),
        ]
    )
    passwords = Passwords()
    built = [
        database,
        registry,
        connections,
        feed,
        hub,
        rights,
        passwords,
        Attempts(),
        Getter(database),
        Document(registry),
    ]
    services = Services(settings, {type(each): each for each in built})
    door = Door(Dispatch(registry, services))
    draining = Draining(door, connections, settings.drain_seconds)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await database.open()
        feed.start()
        async with asyncio.timeout(FIRST_READ_SECONDS):
            await feed.first_read()
        rights.start()
        pruning.start()
        if heed_signals:
            draining.heed_signals()
        try:
            yield
        finally:
            await pruning.stop()
            await rights.stop()
            await feed.stop()
            passwords.close()
            await database.close()

    app = Starlette(routes=[*door.routes(), *Pages(services).routes()], lifespan=lifespan)
    app.state.services = services
    return app
