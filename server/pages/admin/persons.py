"""Who is at the admin's pages: a user of ours with the role `admin`, by a session of ours.

Its token is in a cookie that no script reads and no other site sends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.authentication import (
    AuthCredentials,
    AuthenticationBackend,
    AuthenticationError,
    BaseUser,
)
from starlette.responses import JSONResponse

from server.database.engine import Database, is_away
from server.protocol.errors import CallError
from server.resources.sessions.rows import find_by_token
from server.resources.users.rows import Getter
from server.resources.users.views import View

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection
    from starlette.responses import Response

    from server.calls.connection import Caller
    from server.calls.context import Services

PATH = "/admin"
COOKIE = "victoryvault_admin"
NOT_ADMIN = "Only an admin may come in."


class RefusedError(AuthenticationError):
    """Answered with an HTTP status and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Person(BaseUser):
    """As piccolo_admin asks for it."""

    def __init__(self, caller: Caller, email: str) -> None:
        self.caller = caller
        self.user_id = caller.user
        self.email = email

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def display_name(self) -> str:
        return self.email


class Persons(AuthenticationBackend):
    """Looked up at each request: a role that is lost and a session that has ended count at once."""

    def __init__(self, services: Services) -> None:
        self.database = services.use(Database)
        self.users = services.use(Getter)
        self.days = services.settings.session_days

    async def caller(self, connection: HTTPConnection) -> Caller:
        """Raises RefusedError."""
        token = connection.cookies.get(COOKIE)
        if not token:
            raise RefusedError(401, "Sign in first.")
        return await self.find(token)

    async def find(self, token: str) -> Caller:
        """Raises RefusedError."""
        try:
            return await find_by_token(self.database, token, self.days)
        except CallError as error:
            raise RefusedError(401, error.message) from None
        except Exception as error:
            if is_away(error):
                raise RefusedError(503, CallError("unavailable").message) from None
            raise

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, Person]:
        caller = await self.caller(conn)
        row = await self.users.get(caller.user) if caller.is_admin else None
        if row is None:
            raise RefusedError(403, NOT_ADMIN)
        return AuthCredentials(), Person(caller, str(View.ADMIN.show(row).email))


def refuse(_connection: HTTPConnection, error: Exception) -> Response:
    status = error.status if isinstance(error, RefusedError) else 401
    return JSONResponse({"error": str(error)}, status)


def keep(response: Response, token: str, *, is_secure: bool) -> None:
    """Until the browser ends, or the session."""
    response.set_cookie(
        COOKIE, token, path=PATH, httponly=True, samesite="strict", secure=is_secure
    )


def forget(response: Response) -> None:
    response.delete_cookie(COOKIE, path=PATH)
