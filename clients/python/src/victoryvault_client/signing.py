"""Who one is: by a token, of the function that gives it or of a call that signed in."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from victoryvault_client.errors import CallError, again, failure
from victoryvault_client.wire import LOST

if TYPE_CHECKING:
    from typing import TypeAlias

TokenFunction: TypeAlias = "Callable[[], str | Awaitable[str | None] | None]"

TOKEN = re.compile(r"[\w.~+/=-]+", re.ASCII)
SIGNING = {"session.create", "session.resume", "session.renew", "user.create"}


class SignIn:
    """The token, from its being asked for until the server takes it no longer."""

    def __init__(self, ask: TokenFunction | None) -> None:
        self.token: str | None = None
        self.is_by_call = False
        """After a handshake that failed, whose reason a proxy may hide: a call has its own."""
        self._ask = ask
        self._refusal: CallError | None = None
        """Why a token was refused lately: the function is asked for another one once."""

    async def find(self) -> None:
        """Asks for a token when there is none. Raises what the function raises, and `Hopeless`."""
        if self.token is None and self._ask is not None:
            given = self._ask()
            self.token = await given if inspect.isawaitable(given) else given
        if self.token is None and self._refusal is not None:
            raise Hopeless(again(self._refusal))
        if self.token is not None and not TOKEN.fullmatch(self.token):
            what = "The token holds characters that no token has."
            raise Hopeless(failure(LOST, "connection_closed", what))

    def learn(self, method: str, params: Mapping[str, Any], result: Any) -> bool:
        """From the reply to a call. Whether one has signed in by it."""
        if method not in SIGNING:
            return False
        if method == "user.create" and self.token is not None:  # an account for somebody else
            return False
        self.token = result.get("token") or params.get("token")
        return True

    def refuse(self, refusal: CallError) -> None:
        """The token is no longer good. Raises when there is no other to ask for."""
        self.token = None
        if self._ask is None or self._refusal is not None:
            raise Hopeless(refusal)
        self._refusal = refusal

    def forgive(self) -> None:
        """A token was good for a while, or somebody opens anew."""
        self._refusal = None


class Hopeless(Exception):  # noqa: N818 - a verdict
    """There is no coming back."""

    def __init__(self, reason: CallError) -> None:
        super().__init__(str(reason))
        self.reason = reason
