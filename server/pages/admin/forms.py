"""What the admin's pages send: each form goes the way of a call, by the person who is signed in.

So what is checked, who may, and what the live subscriptions get is as for every other client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from server.calls.connection import Connection, Connections
from server.calls.dispatch import Answer
from server.calls.limits import Bucket
from server.pages.admin.persons import NOT_ADMIN, Persons, RefusedError, forget, keep
from server.pages.admin.tables import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import HTTPConnection, Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from server.calls.connection import Caller
    from server.calls.dispatch import Dispatch

CHANGED = "The user has changed since this form was opened; reload it to see how."
SETTABLE = ("email", "full_name", "status", "profile", "role")


class Forms:
    def __init__(
        self, persons: Persons, dispatch: Dispatch, address_of: Callable[[HTTPConnection], str]
    ) -> None:
        self.persons = persons
        self.dispatch = dispatch
        self.address_of = address_of

    def anybodys(self) -> list[BaseRoute]:
        return [
            Route("/login/", self.sign_in, methods=["POST"]),
            Route("/logout/", self.sign_out, methods=["POST"]),
        ]

    def admins(self) -> list[BaseRoute]:
        return [
            Route("/tables/users/{id}/", self.update_user, methods=["PATCH"]),
            Route("/tables/users/{id}/", self.delete_user, methods=["DELETE"]),
            Route("/tables/sessions/{id}/", self.delete_session, methods=["DELETE"]),
            Route("/change-password/", self.set_password, methods=["POST"]),
        ]

    async def call(
        self, request: Request, caller: Caller | None, method: str, **params: Any
    ) -> Any:
        """The result. Raises RefusedError."""
        connection = Connection(
            self.address_of(request),
            request.headers.get("user-agent", ""),
            Bucket(0),
            self.dispatch.services.use(Connections),
        )
        connection.caller = caller
        said = {"jsonrpc": "2.0", "method": method, "params": params, "id": 0}
        answer = self.dispatch.begin(msgspec.json.encode(said).decode(), connection)
        if not isinstance(answer, Answer):
            answer = await answer()
        reply = msgspec.json.decode(answer.reply or b"{}")
        if error := reply.get("error"):
            kind = error["data"]["kind"]
            sentence = CHANGED if kind == "version_conflict" else error["message"]
            raise RefusedError(status_of(error["code"]), sentence)
        return reply["result"]

    async def sign_in(self, request: Request) -> Response:
        said = await read(request)
        email, password = said.get("username"), said.get("password")
        try:
            opened = await self.call(
                request, None, "session.create", email=email, password=password
            )
        except RefusedError as error:
            return JSONResponse({"detail": str(error)}, error.status)
        if opened["user"]["role"] != Role.ADMIN.value:
            caller = await self.persons.find(opened["token"])
            await self.call(request, caller, "session.delete")
            return JSONResponse({"detail": NOT_ADMIN}, 403)
        response = JSONResponse({"message": "Signed in."})
        is_secure = request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
        keep(response, opened["token"], is_secure=is_secure)
        return response

    async def sign_out(self, request: Request) -> Response:
        response = JSONResponse({"message": "Signed out."})
        forget(response)
        try:
            await self.call(request, await self.persons.caller(request), "session.delete")
        except RefusedError as error:
            if error.status >= 500:  # noqa: PLR2004
                return PlainTextResponse(str(error), error.status)
        return response

    async def set_password(self, request: Request) -> Response:
        said = await read(request)
        current, new = said.get("current_password"), said.get("new_password")
        if new != said.get("confirm_new_password"):
            return JSONResponse({"detail": "The new passwords differ."}, 422)
        try:
            await self.call(
                request, request.user.caller, "user.set_password", current=current, new=new
            )
        except RefusedError as error:
            return JSONResponse({"detail": str(error)}, error.status)
        return JSONResponse({"message": "Changed."})

    async def update_user(self, request: Request) -> Response:
        """A whole form, refused when the user has changed since it was filled in; or one field."""
        said = await read(request)
        changes = {name: said[name] for name in SETTABLE if name in said}
        if isinstance(changes.get("profile"), str):
            try:
                changes["profile"] = msgspec.json.decode(changes["profile"])
            except msgspec.DecodeError:
                return PlainTextResponse("profile is no JSON.", 422)
        version = said.get("version")
        if isinstance(version, str) and version.isdecimal():
            version = int(version)
        return await self.write(request, "user.update", set=changes, version=version)

    async def delete_user(self, request: Request) -> Response:
        return await self.write(request, "user.delete")

    async def delete_session(self, request: Request) -> Response:
        return await self.write(request, "session.delete")

    async def write(self, request: Request, method: str, **params: Any) -> Response:
        id_ = request.path_params["id"]
        try:
            result = await self.call(request, request.user.caller, method, id=id_, **params)
        except RefusedError as error:
            return PlainTextResponse(str(error), error.status)
        return JSONResponse(result)


def status_of(code: int) -> int:
    """The HTTP status of an error's code: ours read like HTTP's."""
    return code if code > 0 else 500 if code == -32603 else 422  # noqa: PLR2004


async def read(request: Request) -> dict[str, Any]:
    """The JSON object that was sent; an empty one when it is something else."""
    try:
        said = msgspec.json.decode(await request.body())
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return said if isinstance(said, dict) else {}
