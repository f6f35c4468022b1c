"""What happens to the rows of a subscription, and how changes that wait are merged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    from typing import TypeAlias


class Set(TypedDict):
    """A row came in, with all its fields, or some of its fields have new values."""

    op: Literal["enter", "change"]
    id: str
    version: int
    set: dict[str, Any]


class Leave(TypedDict):
    """A row is no longer there: it was deleted, does not match any more, or may not be seen."""

    op: Literal["leave"]
    id: str
    version: int
    reason: Literal["deleted", "filter", "forbidden"]


class Reset(TypedDict):
    """All rows were replaced: look at `rows`."""

    op: Literal["reset"]


Change: TypeAlias = "Set | Leave | Reset"

RESET: Reset = {"op": "reset"}


class Waiting:
    """Changes that nobody has taken yet, at most one for each row, the newest."""

    def __init__(self) -> None:
        self._changes: dict[str, Set | Leave] = {}
        self._is_reset = False

    def __bool__(self) -> bool:
        return self._is_reset or bool(self._changes)

    def add(self, change: Change) -> None:
        """After a reset one looks at all rows anyway."""
        if change["op"] == "reset":
            self._is_reset = True
            self._changes.clear()
        elif not self._is_reset:
            earlier = self._changes.pop(change["id"], None)
            merged = change if earlier is None else joined(earlier, change)
            if merged is not None:
                self._changes[change["id"]] = merged

    def take(self) -> Change:
        """The oldest."""
        if self._is_reset:
            self._is_reset = False
            return RESET
        return self._changes.pop(next(iter(self._changes)))


def joined(earlier: Set | Leave, later: Set | Leave) -> Set | Leave | None:
    """One change that does what two of a row do; None when that is nothing."""
    if later["op"] == "leave":
        return None if earlier["op"] == "enter" else later
    if earlier["op"] == "leave":
        return {**later, "op": "change"} if later["op"] == "enter" else later
    return {**later, "op": earlier["op"], "set": {**earlier["set"], **later["set"]}}
