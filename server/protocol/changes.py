"""Changes as clients see them: enter, change, leave. Pure: rows in, entries out.

A row here is a dict of all its captured values as on the wire; what a client sees of it is up to a
`Selection`. Any number of changes to one row merge into one: from its first state to its last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from server.protocol.filters import EVERYTHING, All, Filter, matches, predicate, same

Row = Mapping[str, Any]


class Change(NamedTuple):
    """One committed fact about one row of a table."""

    table: str
    id: str
    before: Row | None
    """None: it was inserted."""
    after: Row | None
    """None: it was deleted."""
    xid: int
    sequence: int
    """Within one row, later changes have higher ones."""


@dataclass(frozen=True)
class Selection:
    """What a subscription is about: which rows, and which of their fields."""

    where: Filter
    rule: Filter
    """The rows that the caller may see at all."""
    fields: tuple[str, ...]
    """Visible ones, without `id` and `version`."""
    has_version: bool = True
    """Whether a new version alone is worth telling."""

    @cached_property
    def is_in(self) -> Callable[[Row], bool]:
        return predicate(All((self.rule, self.where)))

    def holds(self, row: Row | None) -> bool:
        return row is not None and self.is_in(row)

    def shown(self, row: Row) -> dict[str, Any]:
        return {name: row[name] for name in self.fields}


def merged(changes: Iterable[Change]) -> list[Change]:
    """One change for each row, in the order of each row's last; `changes` are in sequence."""
    by_row: dict[tuple[str, str], Change] = {}
    for change in changes:
        key = (change.table, change.id)
        earlier = by_row.pop(key, None)
        by_row[key] = change if earlier is None else change._replace(before=earlier.before)
    return list(by_row.values())


def entries(selection: Selection, changes: Iterable[Change]) -> list[dict[str, Any]]:
    """What a client that holds the selection's rows of before must do to hold those of after."""
    found = (entry(selection, change) for change in changes)
    return [each for each in found if each is not None]


def entry(selection: Selection, change: Change) -> dict[str, Any] | None:
    """None: the client sees no difference."""
    before, after = change.before, change.after
    was, is_in = selection.holds(before), selection.holds(after)
    if is_in and after is not None:
        version = after["version"]
        if not was or before is None:
            return {
                "op": "enter",
                "id": change.id,
                "version": version,
                "set": selection.shown(after),
            }
        different = {
            name: after[name] for name in selection.fields if not same(before[name], after[name])
        }
        if different or (selection.has_version and before["version"] != version):
            return {"op": "change", "id": change.id, "version": version, "set": different}
        return None
    if not was or before is None:
        return None
    return {
        "op": "leave",
        "id": change.id,
        "version": (before if after is None else after)["version"],
        "reason": reason(selection, after),
    }


def reason(selection: Selection, after: Row | None) -> str:
    if after is None:
        return "deleted"
    if selection.rule is not EVERYTHING and not matches(selection.rule, after):
        return "forbidden"
    return "filter"


def applied(rows: dict[str, dict[str, Any]], received: Iterable[Mapping[str, Any]]) -> None:
    """What every client does with entries; `rows` are by id, and changed in place."""
    for each in received:
        if each["op"] == "leave":
            del rows[each["id"]]
        else:
            rows.setdefault(each["id"], {"id": each["id"]}).update(
                each["set"], version=each["version"]
            )
