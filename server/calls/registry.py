"""Methods by declaration: a decorated function, and the table of them that a worker serves.
What the server sends by itself, the notifications, is declared beside them.

The table is like jsonrpcserver's: a name to a function that gives its Result. Params and results
are typed by the function's signature, and OpenRPC is made from the same types.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from difflib import get_close_matches
from enum import Enum
from typing import Any, NamedTuple, get_type_hints

import msgspec
from jsonrpcserver.result import Result, Success
from msgspec.structs import astuple
from oslash.either import Either

from server.calls.context import Context
from server.calls.params import convert, named, refuse_nul, struct_of
from server.protocol.errors import CallError

LONGEST_NAME = 40


class Access(Enum):
    """Who may call. What the row decides, as `self or admin`, the method itself checks."""

    ANYONE = "anyone"
    USER = "user"
    SELF = "self"
    SELF_OR_ADMIN = "self, admin"


After = Callable[[Context, Any], Awaitable[None]]
"""What follows a committed write, given its reply: signing in, closing sockets."""


class Notification(NamedTuple):
    """What the server says without being asked."""

    name: str
    description: str
    params: type[msgspec.Struct]
    example: msgspec.Struct | None = None


class Method:
    """One method. Calling it with a context and raw params gives a jsonrpcserver Result."""

    def __init__(
        self,
        name: str,
        handler: Callable[..., Any],
        access: Access,
        *,
        writes: bool,
        retry_by: str | None,
        needs_socket: bool,
        errors: tuple[str, ...],
        example: dict[str, Any],
        reply: Any,
        after: After | None,
        result: Any,
        tells: Notification | None,
    ) -> None:
        self.name = name
        self.handler = handler
        self.access = access
        self.writes = writes
        self.retry_by = retry_by
        """The param that says whose retry key it is, when the caller may be anonymous."""
        self.needs_socket = needs_socket
        self.errors = errors
        self.example = example
        self.reply = reply
        self.after = after
        self.tells = tells
        self.params = struct_of(name, handler, writes=writes)
        self.nothing = None if self.params.__struct_fields__ else self.params()
        """The params of a method that has none."""
        self.width = len(inspect.signature(handler).parameters) - 1
        self.result = result or get_type_hints(handler, include_extras=True)["return"]
        self.is_open = access is Access.ANYONE and not needs_socket
        """Whether access need not be checked."""
        self.is_async = inspect.iscoroutinefunction(handler)
        self.description = inspect.cleandoc(handler.__doc__ or "")

    def check_access(self, context: Context) -> None:
        """Raises CallError `unauthenticated`, or `needs_socket` for what only a socket has."""
        if self.access is not Access.ANYONE and context.caller is None:
            raise CallError("unauthenticated")
        if self.needs_socket and not context.connection.is_socket:
            raise CallError("needs_socket")

    def read(self, given: Any, *, has_nul: bool) -> msgspec.Struct:
        """The typed params. Raises CallError -32602."""
        if not given and self.nothing is not None:
            return self.nothing
        params = named(given, self.params)
        if has_nul:
            refuse_nul(params)
        return convert(params, self.params)

    def start(self, context: Context, params: msgspec.Struct) -> Any:
        """The handler's reply, or its coroutine."""
        return self.handler(context, *astuple(params)[: self.width])

    async def __call__(self, context: Context, params: msgspec.Struct) -> Result:
        reply = self.start(context, params)
        if self.is_async:
            reply = await reply
        return reply if isinstance(reply, Either) else Success(reply)


def method(
    name: str,
    *,
    access: Access,
    writes: bool = False,
    retry_by: str | None = None,
    needs_socket: bool = False,
    errors: Iterable[str] = (),
    example: dict[str, Any] | None = None,
    reply: Any = None,
    after: After | None = None,
    result: Any = None,
    tells: Notification | None = None,
) -> Callable[[Callable[..., Any]], Method]:
    """Declares a method: `async def get(context: Context, /, id: UUID) -> UserReply`.

    The docstring is its documentation, `errors` are the kinds it may raise beside the usual ones,
    `example` are params to show and `reply` what answers them. `writes=True` gives it one
    transaction (`await context.begin()`), a `retry_key`, and `position` in its reply; `after` runs
    once that is committed, for a repeated call too. `result` is its type, where the signature
    cannot say it; `tells` is what the server sends from then on.
    """

    def declare(handler: Callable[..., Any]) -> Method:
        return Method(
            name,
            handler,
            access,
            writes=writes,
            retry_by=retry_by,
            needs_socket=needs_socket,
            errors=tuple(errors),
            example=example or {},
            reply=reply,
            after=after,
            result=result,
            tells=tells,
        )

    return declare


class Table(dict[str, Method]):
    """Methods by name, as jsonrpcserver keeps its own. Any other raises CallError
    `method_not_found`."""

    def __missing__(self, name: str) -> Method:
        near = get_close_matches(name[:LONGEST_NAME], self, 1)
        hint = f"did you mean {near[0]}?" if near else "rpc.discover lists them."
        raise CallError("method_not_found", f"There is no such method; {hint}")


class Registry:
    """All that is served, and what is told. Raises TypeError for two methods of one name."""

    def __init__(
        self, methods: Iterable[Method], notifications: Iterable[Notification] = ()
    ) -> None:
        self.methods = Table()
        for each in methods:
            if each.name in self.methods:
                raise TypeError(f"Two methods are called {each.name}.")
            self.methods[each.name] = each
        told = [*notifications, *(each.tells for each in self.methods.values() if each.tells)]
        self.notifications = {each.name: each for each in told}
