# ruff: noqa: SLF001 - the two faces of one line
"""The same for scripts and game loops: a thread keeps the line, one's own thread never waits for it
but where it says so.

Rows of a BlockingSubscription stand still between two `poll`s, so that a frame is drawn from one
moment.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from victoryvault_client.changes import Change, Waiting
from victoryvault_client.errors import CLOSED, CallError, failure
from victoryvault_client.line import Line, State
from victoryvault_client.signing import TokenFunction
from victoryvault_client.subscription import Row, Stored, Subscription

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")


class BlockingLine:
    """What the generated `BlockingConnection` does. `with` opens and closes it."""

    connection: ClassVar[Callable[..., Line]] = Line

    def __init__(
        self,
        url: str,
        *,
        token: TokenFunction | None = None,
        timeout: float = 30,
        silence: float = 45,
        answer: float = 10,
    ) -> None:
        """All times are seconds, and mean what they mean for `Connection`."""
        self._line = self.connection(
            url, token=token, timeout=timeout, silence=silence, answer=answer
        )
        self._events: deque[tuple[Callable[[Any], object], Any]] = deque()
        """What listeners are to be told at the next `poll`."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="victoryvault-client", daemon=True
        )

    @property
    def state(self) -> State:
        return self._line.state

    @property
    def reason(self) -> CallError | None:
        """Why the line was lost, or closed."""
        return self._line.reason

    def open(self) -> None:
        """Connects, and does not wait for it."""
        self._do(self._line.open)

    def close(self) -> None:
        """Ends everything. It cannot be opened again."""
        if self._loop.is_closed():
            return
        if self._thread.is_alive():
            self._wait(self._line.close())
            self._wait(self._loop.shutdown_asyncgens())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()

    def begin(
        self, method: str, params: Any = None, *, timeout: float | None = None
    ) -> Future[Any]:
        """Calls and goes on: the future has the result, or raises, once it is `done()`."""
        return self._start(self._line._request(method, params, timeout))

    def poll(self) -> None:
        """Tells those who listen with `on` what has happened, in the thread that polls."""
        while self._events:
            listener, value = self._events.popleft()
            listener(value)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _request(self, method: str, params: Any, timeout: float | None) -> Any:
        return self._wait(self._line._request(method, params, timeout))

    def _follow(
        self,
        resource: str,
        where: Mapping[str, Any] | None,
        fields: Sequence[str] | None,
        limit: int | None,
        interval_ms: int | None,
        stored: Stored[Any] | None,
    ) -> BlockingSubscription[Any]:
        def follow() -> BlockingSubscription[Any]:
            found = self._line._follow(resource, where, fields, limit, interval_ms, stored)
            return BlockingSubscription(found, self._do, self._wait)

        return self._do(follow)

    def _listen(self, event: str, listener: Callable[[Any], object]) -> Callable[[], None]:
        def listen() -> Callable[[], None]:
            return self._line._listen(event, lambda value: self._events.append((listener, value)))

        leave = self._do(listen)
        return lambda: self._do(leave)

    def _start(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        if self._loop.is_closed():
            coroutine.close()
            what = "The connection was closed; make another one."
            raise failure(CLOSED, "connection_closed", what)
        if self._thread.ident is None:
            self._thread.start()
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        future = self._start(coroutine)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def _do(self, action: Callable[[], T]) -> T:
        async def act() -> T:
            return action()

        return self._wait(act())


class BlockingSubscription(Generic[Row]):
    """Rows that match. `with` waits until all are here, and closes it."""

    def __init__(
        self,
        subscription: Subscription[Row],
        do: Callable[[Callable[[], object]], object],
        wait: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._subscription = subscription
        self._do = do
        self._wait = wait
        self._lock = threading.Lock()
        self._rows = dict(subscription.rows)
        self._position = self._newest = subscription.position
        self._waiting = Waiting()
        self._newer: dict[str, Row | None] = {}
        """Rows as they were told; None for those that have left."""
        self._whole: dict[str, Row] | None = dict(subscription.rows)
        """All rows of the last reset that was not taken yet."""
        self._leave = subscription.on_change(self._told)

    @property
    def rows(self) -> Mapping[str, Row]:
        """By id, as they were at the last `poll`."""
        return MappingProxyType(self._rows)

    @property
    def position(self) -> str | None:
        """Of these rows, to be stored with them; None while they are not whole."""
        return self._position

    @property
    def is_live(self) -> bool:
        """Whether the server tells of each change just now."""
        return self._subscription.is_live

    @property
    def error(self) -> CallError | None:
        """Why it has ended, if it has."""
        return self._subscription.error

    def ready(self) -> None:
        """Waits until all rows are here. Raises CallError when that will never be."""
        self._wait(self._subscription.ready())
        self.poll()

    def poll(self) -> list[Change]:
        """Brings the rows up to now, without waiting: what has changed, one change for each row."""
        with self._lock:
            waiting, self._waiting = self._waiting, Waiting()
            newer, self._newer = self._newer, {}
            whole, self._whole = self._whole, None
            self._position = self._newest
        if whole is not None:
            self._rows = whole
        for id_, row in newer.items():
            if row is None:
                self._rows.pop(id_, None)
            else:
                self._rows[id_] = row
        changes = []
        while waiting:
            changes.append(waiting.take())
        return changes

    def close(self) -> None:
        def end() -> None:
            self._leave()
            self._subscription.close()

        self._do(end)

    def __enter__(self) -> BlockingSubscription[Row]:
        try:
            self.ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _told(self, changes: list[Change]) -> None:
        """In the line's thread."""
        rows = self._subscription.rows
        with self._lock:
            for change in changes:
                self._waiting.add(change)
                if change["op"] == "reset":
                    self._whole = dict(rows)
                    self._newer.clear()
                else:
                    self._newer[change["id"]] = rows.get(change["id"])
            self._newest = self._subscription.position
