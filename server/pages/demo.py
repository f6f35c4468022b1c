"""`/`: the live demo in `dev`, with what its buttons do; elsewhere a page that names the doors."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, NamedTuple

from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from server.database.engine import is_away
from server.pages.stranger import change_scores
from server.protocol.errors import CallError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from server.pages.assets import Assets


class Account(NamedTuple):
    """Of the demo user, who is an admin with a known password: in `dev` only."""

    email: str
    password: str


class Dev(NamedTuple):
    """What `dev` has and `serve` has not."""

    account: Account | None
    """None where the database is somebody's own."""


class Home:
    def __init__(self, assets: Assets) -> None:
        self.assets = assets

    def routes(self) -> list[BaseRoute]:
        return [Route("/", self.home)]

    async def home(self, request: Request) -> Response:
        return self.assets.page(request, "home.html")


class Demo:
    """Of `dev`, whose supervisor starts a new worker when this one has ended.

    `check` raises for a page of another origin. Without an account the database is somebody's
    own: then nobody is signed in, and nothing is written that nobody asked for.
    """

    def __init__(
        self, assets: Assets, check: Callable[[Request], None], dsn: str, account: Account | None
    ) -> None:
        self.assets = assets
        self.check = check
        self.dsn = dsn
        self.account = account

    def routes(self) -> list[BaseRoute]:
        routes: list[BaseRoute] = [
            Route("/", self.home),
            Route("/dev/account", self.sign_in),
            Route("/dev/restart", self.restart, methods=["POST"]),
        ]
        if self.account is not None:
            routes.append(Route("/dev/scores", self.scores, methods=["POST"]))
        return routes

    async def home(self, request: Request) -> Response:
        return self.assets.page(request, "demo.html")

    async def sign_in(self, request: Request) -> Response:
        self.check(request)
        account = None if self.account is None else self.account._asdict()
        return JSONResponse({"account": account}, headers={"Cache-Control": "no-store"})

    async def restart(self, request: Request) -> Response:
        self.check(request)
        end = BackgroundTask(os.kill, os.getpid(), signal.SIGTERM)
        return JSONResponse({"worker": os.getpid()}, background=end)

    async def scores(self, request: Request) -> Response:
        self.check(request)
        try:
            return JSONResponse({"changed": await change_scores(self.dsn)})
        except Exception as error:
            if not is_away(error):
                raise
            away = CallError("unavailable")
            said = {"message": away.message, "kind": away.kind}
            return JSONResponse({"error": said}, away.code)
