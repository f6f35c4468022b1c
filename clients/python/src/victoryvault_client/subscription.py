"""Rows that match, live. They come back by themselves, whatever happens to the connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Any, Generic, NamedTuple, TypeVar, cast

from victoryvault_client.calls import Done
from victoryvault_client.changes import RESET, Change, Waiting
from victoryvault_client.errors import CLOSED, CallError, again, failure
from victoryvault_client.listeners import Listeners
from victoryvault_client.waiting import jitter

PASSING = {"internal_error", "unavailable", "timeout", "too_many_calls", "cancelled"}
NO_ROWS = {"subscription", "position", "reset", "more", "changes"}

Row = TypeVar("Row", bound=Mapping[str, Any])


@dataclass(frozen=True)
class Stored(Generic[Row]):
    """A copy that was stored: rows, and the position they belong to."""

    position: str | None
    rows: Iterable[Row]


class Bearer(NamedTuple):
    """What a subscription needs of its connection."""

    is_open: Callable[[], bool]
    has_token: Callable[[], bool]
    begin: Callable[[str, dict[str, Any], Done], object]
    leave: Callable[[Subscription[Any]], None]


class Subscription(Generic[Row]):
    """`async with` waits until it is ready, and closes it."""

    def __init__(
        self,
        bearer: Bearer,
        key: str,
        resource: str,
        query: dict[str, Any],
        stored: Stored[Row] | None,
    ) -> None:
        self.key = key
        self.position: str | None = None
        """To be stored with the rows; None while they are not whole."""
        self.is_live = False
        """Whether the rows are whole and the server tells of each change."""
        self.error: CallError | None = None
        """Why it has ended, if it has."""
        self.id: str | None = None
        """What the server calls it."""
        self._bearer = bearer
        self._resource = resource
        self._query = query
        self._rows: dict[str, Row] = {}
        self._coming: dict[str, Row] | None = None
        """The rows of a reset of which parts are still to come."""
        self._listeners = Listeners[list[Change]]()
        self._ready = asyncio.Event()
        """Whether it is known that it was ready, or why it never will be."""
        self._refusal: CallError | None = None
        self._users = 0
        self._is_asking = False
        self._tries = 0
        self._timer: asyncio.TimerHandle | None = None
        if stored is not None and stored.position is not None:
            self.position = stored.position
            self._rows.update((row["id"], row) for row in stored.rows)

    @property
    def rows(self) -> Mapping[str, Row]:
        """By id, as they are now. A row is replaced when it changes, never changed itself."""
        return MappingProxyType(self._rows)

    async def ready(self) -> None:
        """Returns when all rows are here and live. Raises CallError when that will never be."""
        await self._ready.wait()
        if self._refusal is not None:
            raise again(self._refusal)

    def on_change(self, listener: Callable[[list[Change]], object]) -> Callable[[], None]:
        """Called after each notification was applied. Returns what ends that."""
        return self._listeners.add(lambda changes: listener(changes) if changes else None)

    async def __aiter__(self) -> AsyncIterator[Change]:
        """Each change from now on. Who is slow gets one for each row, the newest."""
        waiting = Waiting()
        told = asyncio.Event()

        def add(changes: list[Change]) -> None:
            for change in changes:
                waiting.add(change)
            told.set()

        leave = self._listeners.add(add)
        try:
            while True:
                while waiting:
                    yield waiting.take()
                if not self._users or (self.error and self.error.code == CLOSED):
                    return
                if self.error is not None:
                    raise again(self.error)
                told.clear()
                await told.wait()
        finally:
            leave()

    async def __aenter__(self) -> Subscription[Row]:
        try:
            await self.ready()
        except BaseException:
            self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends it, once everyone who subscribed to the same has closed it."""
        if not self._users:
            return
        self._users -= 1
        if not self._users:
            self._over(failure(499, "cancelled", "The subscription was closed."))
            if not self._is_asking:
                self._leave()

    # for the connection

    def enter(self) -> None:
        """One more who wants it."""
        self._users += 1
        if self._users == 1:
            self._ready.clear()
            self._refusal = None

    def ask(self) -> None:
        """Asks for it, from where it is, unless that is done or cannot be done now."""
        if self.id or self._is_asking or self.error or not self._bearer.is_open():
            return
        self._stop_timer()
        self._is_asking = True
        params = {**self._query, "after": self.position}
        self._bearer.begin(f"{self._resource}.subscribe", params, self._answered)

    def take(self, params: dict[str, Any]) -> None:
        """A notification."""
        if "changes" in params:
            self._apply(params["changes"], None if params.get("more") else params["position"])
        else:
            self.forget()
            if params.get("reason") != "signed_out":
                self._ask_later()

    def moved(self, position: str) -> None:
        """All that was committed up to `position` is here."""
        if self.is_live:
            self.position = position

    def interrupted(self) -> None:
        """The line is gone. What came in parts and is not whole is of no use."""
        self.id = self._coming = None
        self.is_live = False
        self._stop_timer()
        if not self._users:
            self._bearer.leave(self)

    def forget(self) -> None:
        """It starts anew when it comes back: rights changed, or somebody else signs in."""
        self.interrupted()
        self.position = None

    def end(self, error: CallError) -> None:
        """It will not come back."""
        self.interrupted()
        self.error = error
        self._bearer.leave(self)
        self._over(error)

    # what comes

    def _answered(self, error: CallError | None, reply: Any) -> None:
        self._is_asking = False
        self.id = None if error else reply["subscription"]
        if not self._users:
            self._leave()
        elif error is not None:
            self._refused(error)
        else:
            self._begun(reply)

    def _refused(self, error: CallError) -> None:
        if error.kind == "connection_lost":  # the connection asks again
            return
        is_unauthenticated = error.code == 401  # noqa: PLR2004 - as in HTTP
        if is_unauthenticated and not self._bearer.has_token():  # until somebody signs in
            return
        if self.position and (error.kind == "position_gone" or error.data.get("path") == "after"):
            self.position = None
            self.ask()
        elif is_unauthenticated or error.kind in PASSING:
            self._ask_later(error.retry_after)
        else:
            self.end(error)

    def _begun(self, reply: dict[str, Any]) -> None:
        if reply["reset"]:
            lists = [value for key, value in reply.items() if key not in NO_ROWS]
            self._coming = {row["id"]: row for row in (lists[0] if lists else ())}
        self._apply(reply.get("changes") or [], None if reply["more"] else reply["position"])

    def _apply(self, changes: list[Any], position: str | None) -> None:
        """`position` is None while there is more to come."""
        coming = self._coming
        rows = self._rows if coming is None else coming
        for change in changes:
            id_ = change["id"]
            if change["op"] == "leave":
                rows.pop(id_, None)
            else:
                known = {"id": id_, **change["set"], "version": change["version"]}
                rows[id_] = cast("Row", {**rows.get(id_, {}), **known})
        self.position = position
        self.is_live = position is not None
        if self.is_live:
            self._tries = 0
            if coming is not None:
                self._coming = None
                self._rows.clear()
                self._rows.update(coming)
            self._ready.set()
        if coming is None:
            self._listeners.tell(changes)
        elif self.is_live:
            self._listeners.tell([RESET])

    def _over(self, error: CallError) -> None:
        if not self._ready.is_set():
            self._refusal = error
            self._ready.set()
        self._listeners.tell([])

    def _leave(self) -> None:
        if self.id and self._bearer.is_open():
            params = {"subscription": self.id}
            self._bearer.begin("subscription.close", params, lambda *_: None)
        self.interrupted()

    def _ask_later(self, seconds: float | None = None) -> None:
        self._stop_timer()
        if seconds is None:
            seconds = jitter(self._tries)
            self._tries += 1
        self._timer = asyncio.get_running_loop().call_later(seconds, self.ask)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
