"""Those who want to be told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Listeners(Generic[T]):
    """One that raises harms no other: the loop's exception handler is told."""

    def __init__(self) -> None:
        self._all: dict[object, Callable[[T], object]] = {}

    def add(self, listener: Callable[[T], object]) -> Callable[[], None]:
        """Returns what takes it away again."""
        key = object()
        self._all[key] = listener

        def leave() -> None:
            self._all.pop(key, None)

        return leave

    def tell(self, value: T) -> None:
        for listener in list(self._all.values()):
            try:
                listener(value)
            except Exception as error:  # noqa: BLE001, PERF203 - it is the listener's own
                context = {"message": f"{listener!r} has failed", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)
