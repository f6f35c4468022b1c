"""The calls of a connection that have no reply yet: waiting for the line, or sent."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from victoryvault_client.errors import CallError, again, failure

MAX_WAITING = 100
TOO_BIG = 1009

Message = dict[str, Any]


class Done(Protocol):
    """Told once, before anything that follows the reply on the line is looked at."""

    def __call__(self, error: CallError | None, result: Any, /) -> None: ...


@dataclass(eq=False)
class Call:
    message: Message
    done: Done
    timer: asyncio.TimerHandle
    is_repeatable: bool
    """Whether it may be sent a second time, when nobody knows what became of the first."""
    is_sent: bool = False


class Calls:
    """In the order in which they were made."""

    def __init__(
        self,
        send: Callable[[Message], None],
        why_closed: Callable[[], str],
        writes: Mapping[str, bool],
        timeout: float,
    ) -> None:
        self.is_open = False
        """Whether calls are sent as they come; else they wait."""
        self._send = send
        self._why_closed = why_closed
        self._writes = writes
        self._timeout = timeout
        self._ids = itertools.count(1)
        self._calls: dict[int, Call] = {}

    def begin(
        self,
        method: str,
        given: Mapping[str, Any],
        done: Done,
        timeout: float | None = None,
        *,
        is_early: bool = False,
    ) -> Callable[[], None]:
        """An early one is sent though calls wait, and is not repeated. Returns what cancels it."""
        writes = self._writes.get(method)
        params = {"retry_key": secrets.token_hex(16), **given} if writes else dict(given)
        is_safe = params.get("retry_key") is not None or writes is False
        if not self.is_open and not is_early and self._waiting >= MAX_WAITING:
            what = f"{MAX_WAITING} calls wait for the connection already."
            done(failure(429, "queue_full", what), None)
            return lambda: None

        id_ = next(self._ids)
        seconds = self._timeout if timeout is None else timeout
        loop = asyncio.get_running_loop()
        timer = loop.call_later(seconds, lambda: self._late(id_, seconds))
        message = {"jsonrpc": "2.0", "method": method, "params": params, "id": id_}
        call = self._calls[id_] = Call(message, done, timer, is_safe and not is_early)
        if self.is_open or is_early:
            self._put(call)
        return lambda: self._stop(id_, failure(499, "cancelled", f"{method} was cancelled."))

    def answer(self, message: Message) -> None:
        said = message.get("error")
        if said is None:
            self._end(message.get("id"), None, message.get("result"))
        else:
            data = {"kind": "unknown", **(said.get("data") or {})}
            self._end(message.get("id"), CallError(said["code"], said["message"], data))

    def open(self) -> None:
        """The line is there: what waits is sent."""
        self.is_open = True
        for call in self._calls.values():
            if not call.is_sent:
                self._put(call)

    def interrupt(self, code: int) -> None:
        """The line is gone: what may be repeated waits for the next one."""
        self.is_open = False
        for id_, call in list(self._calls.items()):
            if call.is_sent:
                call.is_sent = False
                if not call.is_repeatable or code == TOO_BIG:
                    what = (
                        f"The connection was lost during {call.message['method']};"
                        " nobody knows whether it was done."
                    )
                    self._end(id_, failure(code, "connection_lost", what))

    def fail(self, reason: CallError) -> None:
        for id_ in list(self._calls):
            self._end(id_, again(reason))

    @property
    def _waiting(self) -> int:
        return sum(not call.is_sent for call in self._calls.values())

    def _late(self, id_: int, seconds: float) -> None:
        call = self._calls[id_]
        what = f"{call.message['method']} had no answer within {seconds:g} s."
        if not call.is_sent:
            what = f"{what} {self._why_closed()}"
        self._stop(id_, failure(504, "timeout", what))

    def _put(self, call: Call) -> None:
        call.is_sent = True
        self._send(call.message)

    def _stop(self, id_: int, error: CallError) -> None:
        """The server is asked to stop it too."""
        call = self._calls.get(id_)
        if call is not None and call.is_sent:
            self._send({"jsonrpc": "2.0", "method": "rpc.cancel", "params": {"id": id_}})
        self._end(id_, error)

    def _end(self, id_: Any, error: CallError | None, result: Any = None) -> None:
        call = self._calls.pop(id_, None)
        if call is None:
            return
        call.timer.cancel()
        if error is not None and call.message["params"].get("retry_key"):
            error.data.setdefault("retry_key", call.message["params"]["retry_key"])
        call.done(error, result)
