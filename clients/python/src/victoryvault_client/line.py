"""A line to the server that mends itself.

One task holds it: it connects, is open until the line is lost, waits, and comes back, until the
connection is closed. All the rest is told in that task's turns, so nothing here needs a lock.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from websockets.exceptions import InvalidURI, WebSocketException

from victoryvault_client.calls import Calls, Done
from victoryvault_client.errors import CLOSED, CallError, again, failure
from victoryvault_client.listeners import Listeners
from victoryvault_client.signing import Hopeless, SignIn, TokenFunction
from victoryvault_client.subscription import Bearer, Stored, Subscription
from victoryvault_client.waiting import jitter
from victoryvault_client.wire import LOST, Wire, describe, dial

if TYPE_CHECKING:
    from types import TracebackType
    from typing import TypeAlias

    from typing_extensions import Self

State: TypeAlias = Literal["idle", "connecting", "open", "waiting", "closed"]

CONNECT_SECONDS = 10.0
STABLE_SECONDS = 5.0
UNAUTHENTICATED = 401
SESSION_ENDED = 4401
FATAL = 4500
"""From here on a close code says: do not come back."""


class Lost(NamedTuple):
    """How an attempt ended: a close code, and what was said."""

    code: int
    why: str = ""
    refusal: CallError | None = None
    """Why the server does not take the token, when that is so."""


class Line:
    """What every generated `Connection` does. `async with` opens and closes it."""

    writes: ClassVar[Mapping[str, bool]] = {}

    def __init__(
        self,
        url: str,
        *,
        token: TokenFunction | None = None,
        timeout: float = 30,
        silence: float = 45,
        answer: float = 10,
    ) -> None:
        """All times are seconds.

        `token` gives the token to sign in with, or None: it is asked when there is none, and again
        when the session has ended. `timeout` is for calls that name none. After `silence` without
        a message the server is asked whether it is there, and has `answer` to answer.
        """
        self.url = url
        self.reason: CallError | None = None
        """Why the line was lost, or closed."""
        self._state: State = "idle"
        self._sign_in = SignIn(token)
        self._silence = silence
        self._answer = answer
        self._calls = Calls(self._send, self._why_closed, self.writes, timeout)
        self._bearer = Bearer(
            is_open=lambda: self._calls.is_open,
            has_token=lambda: self._sign_in.token is not None,
            begin=lambda *call: self._calls.begin(*call, is_early=True),
            leave=self._leave,
        )
        self._subscriptions: dict[str, Subscription[Any]] = {}
        """By what they ask for: who asks for the same shares one."""
        self._listeners: dict[str, Listeners[Any]] = {}
        self._task: asyncio.Task[None] | None = None
        self._wire: Wire | None = None
        self._opened = asyncio.Event()
        self._opened_at = 0.0
        self._tries = 0
        self._reconnect_in: float | None = None
        self._refusal: CallError | None = None
        """What the server has said to the token, when it was asked by a call."""

    @property
    def state(self) -> State:
        return self._state

    def open(self) -> None:
        """Connects, if it is idle or closed."""
        if self._state in {"idle", "closed"}:
            self.reason = None
            self._tries = 0
            self._sign_in.forgive()
            self._task = asyncio.get_running_loop().create_task(self._run())
            self._become("connecting")

    async def close(self) -> None:
        """Ends everything: calls fail, subscriptions end. `open` begins anew."""
        task, self._task = self._task, None
        self._end(failure(CLOSED, "connection_closed", "The connection was closed."))
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.wait({task})

    async def __aenter__(self) -> Self:
        self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _request(self, method: str, params: Any, timeout: float | None) -> Any:
        """What the generated `call` does, which knows the types."""
        if self._state == "idle":
            self.open()
        if self._state == "closed" and self.reason is not None:
            raise again(self.reason)
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def done(error: CallError | None, result: Any) -> None:
            if reply.done():
                return
            if error is None:
                reply.set_result(result)
            else:
                reply.set_exception(error)

        cancel = self._begin(method, params or {}, done, timeout)
        try:
            return await reply
        except asyncio.CancelledError:
            cancel()
            raise

    def _follow(
        self,
        resource: str,
        where: Mapping[str, Any] | None,
        fields: Sequence[str] | None,
        limit: int | None,
        interval_ms: int | None,
        stored: Stored[Any] | None,
    ) -> Subscription[Any]:
        """What the generated `subscribe` does, which knows the types."""
        if self._state == "idle":
            self.open()
        asked = {"where": where, "fields": fields, "limit": limit, "interval_ms": interval_ms}
        query = {name: value for name, value in asked.items() if value is not None}
        same = [resource, where or {}, fields and sorted(set(fields)), interval_ms or 0]
        key = json.dumps(same, sort_keys=True)
        found = self._subscriptions.get(key)
        if found is None:
            found = Subscription(self._bearer, key, resource, query, stored)
            self._subscriptions[key] = found
        found.enter()
        if self._state == "closed" and self.reason is not None:
            found.end(self.reason)
        else:
            found.ask()
        return found

    def _listen(self, event: str, listener: Callable[[Any], object]) -> Callable[[], None]:
        """What the generated `on` does, which knows the types."""
        return self._listeners.setdefault(event, Listeners()).add(listener)

    # out and in

    def _send(self, message: dict[str, Any]) -> None:
        if self._wire is not None:
            self._wire.send(message)

    def _begin(
        self, method: str, params: dict[str, Any], done: Done, timeout: float | None = None
    ) -> Callable[[], None]:
        def learnt(error: CallError | None, result: Any) -> None:
            if error is None:
                self._learn(method, params, result)
            done(error, result)

        return self._calls.begin(method, params, learnt, timeout)

    def _learn(self, method: str, params: dict[str, Any], result: Any) -> None:
        """From a reply: who one is now, and how far one has come."""
        if method == "subscription.sync":
            for each in self._all():
                each.moved(result["position"])
        if self._sign_in.learn(method, params, result):
            self._tell("token", self._sign_in.token)
            for each in self._all():
                each.ask()

    def _received(self, message: dict[str, Any]) -> None:
        if "method" in message:
            self._notified(message["method"], message.get("params") or {})
        else:
            self._calls.answer(message)

    def _notified(self, method: str, params: dict[str, Any]) -> None:
        if method == "session.expiring":
            self._begin("session.renew", {}, lambda *_: None)
        if method == "server.draining":
            self._reconnect_in = params["reconnect_in_ms"] / 1000
        for each in self._all():
            if each.id and each.id == params.get("subscription"):
                each.take(params)
        self._tell(method, params)

    def _tell(self, event: str, value: object) -> None:
        if event in self._listeners:
            self._listeners[event].tell(value)

    def _leave(self, subscription: Subscription[Any]) -> None:
        if self._subscriptions.get(subscription.key) is subscription:
            del self._subscriptions[subscription.key]

    def _all(self) -> list[Subscription[Any]]:
        return list(self._subscriptions.values())

    # from state to state

    def _why_closed(self) -> str:
        return self.reason.message if self.reason else "The connection is not open."

    def _become(self, state: State) -> None:
        self._state = state
        self._tell("state", state)

    async def _run(self) -> None:
        """Until it is closed, or there is no coming back."""
        try:
            while True:
                lost = await self._attempt()
                seconds = self._after(lost)
                self._become("waiting")
                await asyncio.sleep(seconds)
                self._become("connecting")
        except Hopeless as verdict:
            self._end(verdict.reason)
        finally:
            if self._task is asyncio.current_task():
                self._end(
                    failure(CLOSED, "connection_closed", "The task of the connection was ended.")
                )

    async def _attempt(self) -> Lost:
        """Returns once the line is lost, or could not be had in time."""
        self._opened.clear()
        holding = asyncio.ensure_future(self._hold())
        opening = asyncio.ensure_future(self._opened.wait())
        try:
            await asyncio.wait(
                {holding, opening}, timeout=CONNECT_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if self._opened.is_set() or holding.done():
                return await holding
            return Lost(LOST, f"it took longer than {CONNECT_SECONDS:g} s")
        finally:
            opening.cancel()
            holding.cancel()
            await asyncio.gather(holding, opening, return_exceptions=True)

    async def _hold(self) -> Lost:
        """Raises Hopeless."""
        try:
            await self._sign_in.find()
        except Hopeless:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the function raises
            return Lost(LOST, f"the token function failed: {error}")
        token = None if self._sign_in.is_by_call else self._sign_in.token
        try:
            socket = await dial(self.url, token)
        except InvalidURI as error:
            raise Hopeless(failure(LOST, "connection_closed", str(error))) from None
        except (OSError, EOFError, WebSocketException) as error:
            return Lost(LOST, describe(error))
        return await self._talk(Wire(socket, self._received))

    async def _talk(self, wire: Wire) -> Lost:
        """Until the line is lost."""
        self._wire = wire
        self._refusal = None
        watching = asyncio.ensure_future(self._watch(wire))
        try:
            self._enter(wire)
            code, why = await wire.talk()
        finally:
            watching.cancel()
            await asyncio.wait({watching})
        return Lost(code, why, self._refusal)

    async def _watch(self, wire: Wire) -> None:
        """A line may be dead for long before anyone says so."""
        await self._opened.wait()

        def probe() -> None:
            self._calls.begin("rpc.ping", {}, lambda *_: None, is_early=True)

        await wire.watch(probe, self._silence, self._answer)

    def _enter(self, wire: Wire) -> None:
        if self._sign_in.token is None or not self._sign_in.is_by_call:
            self._enter_signed_in()
            return

        def done(error: CallError | None, result: Any) -> None:
            if error is None:
                self._enter_signed_in()
                return
            if error.code == UNAUTHENTICATED:
                self._refusal = error
            wire.say_goodbye()

        params = {"token": self._sign_in.token}
        self._calls.begin("session.resume", params, done, is_early=True)

    def _enter_signed_in(self) -> None:
        self._sign_in.is_by_call = False
        self._opened_at = asyncio.get_running_loop().time()
        self._opened.set()
        self._calls.open()
        for each in self._all():
            each.ask()
        self._become("open")

    def _after(self, lost: Lost) -> float:
        """Seconds to wait. Raises Hopeless."""
        code, why, refusal = lost
        told = self._reconnect_in
        if not self._opened.is_set():
            self._sign_in.is_by_call = True
        elif asyncio.get_running_loop().time() - self._opened_at >= STABLE_SECONDS:
            self._tries = 0
            self._sign_in.forgive()
        self._drop(code)
        if code >= FATAL:
            what = why or "The server refuses the connection."
            raise Hopeless(failure(code, "connection_closed", what))
        if code == SESSION_ENDED and refusal is None:
            refusal = failure(code, "session_expired", why or "The session has ended.")
        if refusal is not None:
            self._sign_in.refuse(refusal)
            for each in self._all():
                each.forget()
        what = why or "The connection was lost."
        if not self._opened.is_set():
            what = "The connection could not be opened" + (f": {why}" if why else ".")
        self.reason = refusal or failure(code, "connection_lost", what)
        if told is not None:
            return told
        self._tries += 1
        return jitter(self._tries - 1)

    def _drop(self, code: int) -> None:
        self._wire = self._reconnect_in = None
        self._calls.interrupt(code)
        for each in self._all():
            each.interrupted()

    def _end(self, reason: CallError) -> None:
        if self._state == "closed":
            return
        self._drop(reason.code)
        self.reason = reason
        self._calls.fail(reason)
        for each in self._all():
            each.end(reason)
        self._become("closed")
