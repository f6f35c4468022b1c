"""`/admin`: piccolo_admin's pages on our tables, for who is signed in as an admin.

piccolo_admin shows and reads; its own way to sign in, and all that it would write by itself, is
replaced by forms of ours. Imported only where the setting `admin` is on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from piccolo_admin.endpoints import TableConfig, create_admin
from piccolo_api.crud.endpoints import OrderBy
from starlette.datastructures import MutableHeaders
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import Mount, Route

from server.database.engine import Database
from server.pages.admin.forms import Forms
from server.pages.admin.persons import PATH, Persons, refuse
from server.pages.admin.tables import Account, Login

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.requests import HTTPConnection
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from server.calls.context import Services
    from server.calls.dispatch import Dispatch

LEFT_OUT = {
    *("/login", "/logout/", "/change-password/"),
    *("/docs", "/media/", "/media/generate-file-url/"),
}
"""Of piccolo_admin: for users and sessions of its own, for files, and a page of another host."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class Admin:
    """`check` raises for a page of another origin."""

    def __init__(
        self,
        services: Services,
        dispatch: Dispatch,
        check: Callable[[HTTPConnection], None],
        address_of: Callable[[HTTPConnection], str],
    ) -> None:
        services.use(Database).bind([Account, Login])
        self.check = check
        self.max_bytes = services.settings.max_message_bytes
        persons = Persons(services)
        self.app = assembled(persons, Forms(persons, dispatch, address_of))

    def routes(self) -> list[BaseRoute]:
        return [Route(PATH, self.home), Mount(PATH, self.guarded)]

    async def home(self, _request: Request) -> Response:
        return RedirectResponse(f"{PATH}/")

    async def guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What is checked before anything is read, and what every answer carries."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        self.check(request)
        is_asset = "/assets/" in request.url.path

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers["Cache-Control"] = "no-cache" if is_asset else "no-store"
            await send(message)

        if self.is_small(request):
            await self.app(scope, receive, send_on)
        else:
            said = f"A form has at most {self.max_bytes} bytes, and says how many."
            await PlainTextResponse(said, 413)(scope, receive, send_on)

    def is_small(self, request: Request) -> bool:
        length = request.headers.get("content-length", "0")
        is_known = length.isdecimal() and "transfer-encoding" not in request.headers
        return is_known and int(length) <= self.max_bytes


def assembled(persons: Persons, forms: Forms) -> ASGIApp:
    admin: Any = create_admin(
        [
            TableConfig(Account, exclude_visible_columns=[Account.id], link_column=Account.email),
            TableConfig(Login, order_by=[OrderBy(Login.last_seen, ascending=False)]),
        ],
        read_only=True,  # what is written, our forms write
        site_name="VictoryVault",
    )
    mounts: dict[str, Any] = {each.path: each for each in admin.routes if isinstance(each, Mount)}
    api, public = mounts["/api"], mounts["/public"]
    private = api.app.app  # inside its own authentication
    private.router.routes[:] = [*forms.admins(), *kept(private.router.routes)]
    public.app.router.routes[:] = [*forms.anybodys(), *kept(public.app.router.routes)]
    api.app = AuthenticationMiddleware(private, persons, refuse)
    app: ASGIApp = admin
    return app


def kept(routes: Iterable[BaseRoute]) -> list[BaseRoute]:
    return [each for each in routes if getattr(each, "path", "") not in LEFT_OUT]
