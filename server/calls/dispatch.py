"""From a message to its reply: the one place where calls are checked, run and answered.

Protocol §2 in its order: envelope, method, access, params, limits, the call itself. A writing
method runs in one transaction with its receipt; its reply leaves after COMMIT, with a position at
or past the write.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import structlog
from jsonrpcserver.exceptions import JsonRpcError

from server.calls.context import Context, Effect, Services
from server.calls.receipts import SECRET_FIELDS, Receipt, Repeated
from server.calls.tally import ABANDONED, METHOD_ERROR, NO_METHOD, Tally
from server.changes.feed import Feed
from server.database.engine import Database, is_away
from server.database.transactions import InDoubtError
from server.protocol import messages
from server.protocol.errors import CallError

if TYPE_CHECKING:
    from server.calls.connection import Connection
    from server.calls.registry import Method, Registry

IN_THE_WAY = "Two calls stood in each other's way and this one was undone; repeat it."
IN_DOUBT = "The database went away during the write; repeat the call with its retry_key to be sure."

log = structlog.get_logger()


class Answer(msgspec.Struct):
    reply: bytes | None
    """None when there is none to give."""
    effects: list[Effect]
    """To be done once the reply is on its way."""


Rest = Callable[[], Coroutine[Any, Any, Answer]]
"""Of a message that has to wait: call it once, and await the answer."""


class Dispatch:
    def __init__(self, registry: Registry, services: Services) -> None:
        self.methods = registry.methods
        self.services = services
        self.tally = Tally(registry)
        self.succeeded = self.tally.succeeded
        settings = services.settings
        self.max_depth = settings.max_depth
        self.max_batch = settings.max_batch
        self.max_reply_bytes = settings.max_reply_bytes
        self.call_seconds = settings.call_timeout_seconds

    def begin(self, text: str, connection: Connection) -> Answer | Rest:
        """The answer to one message, or what is left to do for it."""
        try:
            read = messages.read(text, max_depth=self.max_depth, max_batch=self.max_batch)
        except CallError as error:
            return Answer(self.refuse(messages.NO_ID, error, connection), [])
        if isinstance(read, messages.Call):
            return self.call(read, connection)
        if isinstance(read, list):
            return partial(self.batch, read, connection)
        return self.entry(read, connection)

    async def batch(self, entries: list[messages.Entry], connection: Connection) -> Answer:
        """Entry by entry, in order. Once the reply is full, the rest is refused, not run."""
        replies: list[bytes] = []
        effects: list[Effect] = []
        room = self.max_reply_bytes
        for entry in entries:
            if room > 0 or entry is None or (isinstance(entry, messages.Call) and entry.id is None):
                answer = self.entry(entry, connection)
                if not isinstance(answer, Answer):
                    answer = await answer()
                reply = answer.reply
                effects += answer.effects
            else:
                full = CallError("message_too_large", "The batch's reply is full; ask in parts.")
                reply = messages.error(entry.id or messages.NO_ID, full)
            if reply is not None:
                replies.append(reply)
                room -= len(reply)
        return Answer(messages.batch(replies) if replies else None, effects)

    def entry(self, entry: messages.Entry, connection: Connection) -> Answer | Rest:
        if isinstance(entry, messages.Call):
            return self.call(entry, connection)
        if isinstance(entry, messages.Refused):
            return Answer(self.refuse(entry.id, entry.error, connection), [])
        with suppress(CallError):
            connection.bucket.take()
        return Answer(None, [])

    def refuse(self, id_: bytes, error: CallError, connection: Connection) -> bytes:
        """What is no call counts as one, or nonsense would cost its sender nothing."""
        try:
            connection.bucket.take()
        except CallError as too_many:
            error = too_many
        self.tally.fail(NO_METHOD, error.kind)
        return messages.error(id_, error)

    def call(self, call: messages.Call, connection: Connection) -> Answer | Rest:
        """A method that waits for nothing has run when this returns."""
        context = Context(connection, self.services, [])
        try:
            connection.bucket.take()
            method = self.methods[call.method]
            if not method.is_open:
                method.check_access(context)
            params = method.read(call.params, has_nul=call.has_nul)
            if method.is_async:
                connection.running[context] = key_of(call, context)
                return partial(self.run, call, method, context, params, time.monotonic())
            return self.answer(call, context, messages.encode(method.start(context, params)))
        except Exception as error:  # noqa: BLE001 - nothing internal leaves the server
            return self.failure(call, error)

    async def run(
        self,
        call: messages.Call,
        method: Method,
        context: Context,
        params: msgspec.Struct,
        began: float,
    ) -> Answer:
        try:
            encoded = await self._cancellable(call, method, context, params)
            return self.answer(call, context, encoded)
        except Exception as error:  # noqa: BLE001
            return self.failure(call, error)
        except asyncio.CancelledError:
            self.tally.fail(method.name, ABANDONED)
            raise
        finally:
            self.tally.durations[method.name].add(time.monotonic() - began)

    def answer(self, call: messages.Call, context: Context, encoded: bytes) -> Answer:
        """Raises CallError when it would be too large."""
        if len(encoded) > self.max_reply_bytes:
            raise CallError("message_too_large", "The reply would be too large; ask for less.")
        self.succeeded[call.method] += 1
        reply = None if call.id is None else messages.result(call.id, encoded)
        return Answer(reply, context.effects)

    def failure(self, call: messages.Call, error: Exception) -> Answer:
        """What was done before it failed has no effects."""
        if isinstance(error, CallError):
            raised = error
        elif isinstance(error, JsonRpcError):
            raised = foreign(error)
        else:
            raised = self.failed(call.method, error)
        self.tally.fail(call.method, raised.kind)
        return Answer(None if call.id is None else messages.error(call.id, raised), [])

    async def _cancellable(
        self, call: messages.Call, method: Method, context: Context, params: msgspec.Struct
    ) -> bytes:
        run = self._write if method.writes else self._read
        context.task = asyncio.current_task()
        try:
            if context.was_cancelled:
                raise CallError("cancelled")
            return await run(method, context, params)
        except asyncio.CancelledError:
            if not context.was_cancelled or context.task is None or context.task.uncancel():
                raise  # somebody else stops the whole task
            raise CallError("cancelled") from None
        finally:
            del context.connection.running[context]

    async def _read(self, method: Method, context: Context, params: msgspec.Struct) -> bytes:
        try:
            async with asyncio.timeout(self.call_seconds):
                return messages.encode(value(await method(context, params)))
        except TimeoutError:
            raise CallError("timeout") from None

    async def _write(self, method: Method, context: Context, params: msgspec.Struct) -> bytes:
        key = getattr(params, "retry_key", None)
        if key is not None:
            context.receipt = self._receipt(method, context, params, key)
        try:
            async with AsyncExitStack() as stack:
                context.stack = stack
                try:
                    async with asyncio.timeout(self.call_seconds):
                        reply = value(await method(context, params))
                        context.check_rights()
                        if context.receipt is not None:
                            await context.receipt.store(stored(reply))
                except TimeoutError:
                    raise CallError("timeout") from None
                context.is_committing = True
        except Repeated as repeated:
            reply = msgspec.json.decode(repeated.reply, type=method.result)
            if hasattr(reply, "token"):
                reply.token = context.secret()
        except InDoubtError:
            raise CallError("unavailable", IN_DOUBT) from None
        try:
            await self._after(method, context, reply)
        except Exception as error:
            if not (is_away(error) or isinstance(error, CallError)):
                raise
            raise CallError("unavailable", IN_DOUBT) from None
        return messages.encode(reply)

    async def _after(self, method: Method, context: Context, reply: Any) -> None:
        """What follows a committed write, or a repeated one."""
        if method.after is not None:
            async with asyncio.timeout(self.call_seconds):
                await method.after(context, reply)
        if hasattr(reply, "position"):
            reply.position = str(await self.services.use(Feed).past_now())

    def _receipt(
        self, method: Method, context: Context, params: msgspec.Struct, key: str
    ) -> Receipt:
        if method.retry_by is not None:
            scope = f"{method.retry_by}:{getattr(params, method.retry_by).lower()}"
        else:
            scope = str(context.signed_in.user)
        said = msgspec.to_builtins(params)
        del said["retry_key"]
        return Receipt(self.services.use(Database), scope, key, method.name, said)

    def failed(self, method: str, error: Exception) -> CallError:
        """What a client may know of an exception: that the database is away, or a trace."""
        if is_away(error):
            return CallError("unavailable")
        if isinstance(error, asyncpg.DeadlockDetectedError | asyncpg.SerializationError):
            return CallError("unavailable", IN_THE_WAY)
        trace = secrets.token_hex(8)
        log.error("call_failed", method=method, trace=trace, exc_info=error)
        return CallError("internal_error", trace=trace)


def key_of(call: messages.Call, context: Context) -> Any:
    """What it is found by while it runs: its id; a notification has none."""
    return context if call.id is None else call.key


def value(result: Any) -> Any:
    """What is inside a jsonrpcserver Result. Raises CallError for an Error."""
    inside = result._value  # noqa: SLF001 - oslash offers no other way
    if hasattr(inside, "code"):
        raise foreign(inside)
    return inside.result


def foreign(error: Any) -> CallError:
    """A method's own JsonRpcError or Error(...): its code and message are meant for the client."""
    raised = CallError("internal_error", error.message)
    raised.code, raised.data = error.code, error.data if isinstance(error.data, dict) else {}
    raised.kind = METHOD_ERROR
    return raised


def stored(reply: msgspec.Struct) -> str:
    """The reply as its receipt keeps it."""
    kept: dict[str, Any] = msgspec.to_builtins(reply, builtin_types=(msgspec.Raw,))
    return messages.encode(
        {name: found for name, found in kept.items() if name not in SECRET_FIELDS}
    ).decode()
