"""`/docs`: every method to read about and to call, on a page made from the OpenRPC document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from server.pages.assets import Assets
    from server.pages.demo import Account


class Documentation:
    """`account` is the demo user's in `dev`, to sign in with; `check` raises for a page of
    another origin."""

    def __init__(
        self, assets: Assets, check: Callable[[Request], None], account: Account | None
    ) -> None:
        self.assets = assets
        self.check = check
        self.account = account

    def routes(self) -> list[BaseRoute]:
        return [Route("/docs", self.page), Route("/docs/account", self.sign_in)]

    async def page(self, request: Request) -> Response:
        return self.assets.page(request, "docs/index.html")

    async def sign_in(self, request: Request) -> Response:
        """`{"account": {email, password}}`, or null where there is no demo."""
        self.check(request)
        account = None if self.account is None else self.account._asdict()
        return JSONResponse({"account": account}, headers={"Cache-Control": "no-store"})
