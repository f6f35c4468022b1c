"""Builds a worker: the one place that constructs, and the order of starting and stopping."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
import threading
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from server import logs, resources
from server.calls.connection import Connections
from server.calls.context import Services
from server.calls.dispatch import Dispatch
from server.calls.limits import Attempts
from server.calls.openrpc import Document
from server.calls.receipts import PRUNE as PRUNE_RECEIPTS
from server.changes.feed import Feed
from server.changes.hub import Hub
from server.changes.janitor import tend
from server.changes.past import Past
from server.database.engine import Database, Engine
from server.database.pruning import Pruning
from server.pages.assets import Assets
from server.pages.contract import Contract
from server.pages.demo import Demo, Dev, Home
from server.pages.documentation import Documentation
from server.pages.health import Pages
from server.pages.metrics import FOLDER, Metrics
from server.resources.presence.attendance import Attendance
from server.resources.sessions.passwords import Passwords
from server.resources.sessions.rights import Rights
from server.resources.sessions.rows import prune as prune_sessions
from server.resources.users.rows import Getter
from server.settings import Settings
from server.sockets.draining import Draining
from server.sockets.endpoint import Door, denial
from server.sockets.handshake import RefusedError, check_origin, client_address
from server.sockets.hosts import OwnHosts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from multiprocessing.process import BaseProcess

    from starlette.requests import HTTPConnection, Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

FIRST_READ_SECONDS = 10


def create() -> Starlette:
    """For uvicorn's workers, each a process of its own."""
    settings = Settings.load()
    logs.configure(settings.log_format, settings.log_level)
    app = build(settings, heed_signals=True, folder=Path(os.environ[FOLDER]))
    settle()
    if parent := multiprocessing.parent_process():
        threading.Thread(target=stop_after, args=(parent,), daemon=True).start()
    return app


def stop_after(parent: BaseProcess) -> None:
    """Without it nobody would stop this worker, which holds the port: it stops as if it was told
    to."""
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def settle() -> None:
    """What is there before the first call stays: the garbage collector need not look at it again.

    Calls make objects that die young, so it looks less often too.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def build(
    settings: Settings,
    *,
    heed_signals: bool = False,
    dev: Dev | None = None,
    folder: Path | None = None,
) -> Starlette:
    """The app on the database that `settings` name, whose migrations are applied.

    With `heed_signals` it drains before it lets SIGINT and SIGTERM stop the server. With `dev` it
    has the demo. Workers with the same `folder` show their metrics together.
    """
    if settings.dsn is None:
        raise RuntimeError("no database is named; server.cli starts the embedded one")
    database = Database(Engine(settings.dsn), settings.pool_size, settings.call_timeout_seconds)
    database.bind(resources.tables())
    registry = resources.registry()
    document = Document(registry)
    connections = Connections()
    hub = Hub()
    feed = Feed(database, hub)
    rights = Rights(database, connections)
    attendance = Attendance(database, connections)
    hub.first = rights.changed
    pruning = Pruning(
        [
            partial(database.fetch, PRUNE_RECEIPTS),
            partial(prune_sessions, database),
            partial(tend, database, settings.log_days, settings.log_changes),
        ]
    )
    passwords = Passwords()
    built = [
        database,
        registry,
        connections,
        feed,
        Past(database),
        hub,
        rights,
        attendance,
        passwords,
        Attempts(),
        Getter(database),
        document,
    ]
    services = Services(settings, {type(each): each for each in built})
    dispatch = Dispatch(registry, services)
    door = Door(dispatch)
    address_of = partial(client_address, trusted=settings.trusted_proxies)
    metrics = Metrics(services, door, dispatch.tally, address_of=address_of, folder=folder)
    draining = Draining(door, connections, settings.drain_seconds)
    assets = Assets()
    check = partial(check_origin, allowed=settings.allowed_origins)
    home = Home(assets) if dev is None else Demo(assets, check, settings.dsn, dev.account)
    documentation = Documentation(assets, check, None if dev is None else dev.account)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await database.open()
        feed.start()
        async with asyncio.timeout(FIRST_READ_SECONDS):
            await feed.first_read()
        rights.start()
        attendance.start()
        pruning.start()
        metrics.start()
        if heed_signals:
            draining.heed_signals()
        try:
            yield
        finally:
            await metrics.stop()
            await pruning.stop()
            await attendance.stop()
            await rights.stop()
            await feed.stop()
            passwords.close()
            await database.close()

    app = Starlette(
        routes=[
            *door.routes(),
            *Pages(services).routes(),
            *Contract(document).routes(),
            *metrics.routes(),
            *admin_routes(services, dispatch, address_of),
            *home.routes(),
            *documentation.routes(),
            *assets.routes(),
        ],
        exception_handlers={RefusedError: refuse},
        middleware=[
            *cors(settings.allowed_origins),
            *([] if dev is None else [Middleware(OwnHosts, settings.allowed_origins)]),
        ],
        lifespan=lifespan,
    )
    app.state.services = services
    return app


def cors(origins: tuple[str, ...]) -> list[Middleware]:
    """Pages of other origins that may connect may POST too."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_headers=["Authorization", "Content-Type"],
            allow_methods=["GET", "POST"],
            expose_headers=["Retry-After"],
        )
    ]


def admin_routes(
    services: Services, dispatch: Dispatch, address_of: Callable[[HTTPConnection], str]
) -> list[BaseRoute]:
    """Where the setting `admin` is off there are none, and nothing of theirs is imported."""
    if not services.settings.admin:
        return []
    from server.pages.admin import Admin  # noqa: PLC0415 - as slow as all the rest

    return Admin(services, dispatch, partial(check_origin, allowed=()), address_of).routes()


async def refuse(_request: Request, error: Exception) -> Response:
    return denial(cast("RefusedError", error))
