"""What a method is given beside its params: the caller, the connection, and its transaction."""

from __future__ import annotations

import asyncio
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, TypeVar

from server.database.engine import Database
from server.protocol.errors import CallError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from server.calls.connection import Caller, Connection
    from server.calls.receipts import Receipt
    from server.settings import Settings

Service = TypeVar("Service")
Effect = Callable[[], None]


class Services:
    """What `app.py` built, by type: a method asks for `context.use(Passwords)`."""

    def __init__(self, settings: Settings, built: Mapping[type, Any]) -> None:
        self.settings = settings
        self.built = dict(built)

    def use(self, kind: type[Service]) -> Service:
        found: Service = self.built[kind]
        return found


class Context:
    """Of one call."""

    __slots__ = (
        "caller",
        "connection",
        "effects",
        "is_committing",
        "receipt",
        "services",
        "stack",
        "task",
        "was_cancelled",
    )

    def __init__(self, connection: Connection, services: Services, effects: list[Effect]) -> None:
        self.connection = connection
        self.effects = effects
        self.caller = connection.caller
        self.services = services
        self.receipt: Receipt | None = None
        self.stack: AsyncExitStack | None = None
        self.task: asyncio.Task[Any] | None = None
        self.was_cancelled = False
        self.is_committing = False
        """COMMIT has been sent: too late to cancel."""

    @property
    def settings(self) -> Settings:
        return self.services.settings

    def use(self, kind: type[Service]) -> Service:
        return self.services.use(kind)

    @property
    def signed_in(self) -> Caller:
        """Raises CallError `unauthenticated` for an anonymous connection."""
        if self.caller is None:
            raise CallError("unauthenticated")
        return self.caller

    def check_rights(self) -> None:
        """Raises CallError `forbidden` when the caller has lost theirs while the call ran."""
        before, now = self.caller, self.connection.caller
        if before is None or now is None or before.session != now.session:
            return
        if before.user != now.user or (before.is_admin and not now.is_admin):
            raise CallError("forbidden", "Your rights have changed meanwhile; repeat the call.")

    async def begin(self) -> None:
        """Starts the call's transaction; what comes after is written together with its receipt.

        Slow work that needs no database, as hashing, belongs before. Only in a writing method.
        """
        if self.stack is None:
            raise RuntimeError("only a method declared with writes=True has a transaction")
        await self.stack.enter_async_context(self.use(Database).transaction())
        if self.receipt is not None:
            await self.receipt.claim()

    def secret(self) -> str:
        """256 bits nobody can guess, as text; the same when the call is repeated by retry_key.

        After `begin`.
        """
        secret = secrets.token_bytes(32) if self.receipt is None else self.receipt.secret()
        return urlsafe_b64encode(secret).rstrip(b"=").decode()

    def then(self, effect: Effect) -> None:
        """Does it right after the reply has been sent."""
        self.effects.append(effect)

    def cancel(self) -> bool:
        """Stops the call, unless it is past the point of no return or stopped already."""
        if self.is_committing or self.was_cancelled:
            return False
        self.was_cancelled = True
        if self.task is not None:  # else it has not begun yet, and will not
            self.task.cancel()
        return True
