"""A resource by declaration: a live table, its views and its rule give `list` and `subscribe`.

A view is which fields one sees, one view for all rows of a list or a subscription. The rule is
which rows one sees at all, as a `where`. Both are looked at again when a role changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw
from piccolo.querystring import QueryString

from server.calls.connection import Caller
from server.changes.tables import LiveTable
from server.database.conditions import compile_filter
from server.database.engine import Database
from server.protocol.changes import Selection
from server.protocol.errors import invalid
from server.protocol.filters import All, Fields, Filter, parse

Where = Mapping[str, Any]
ALWAYS = ("id", "version")
"""On the wire whatever `fields` says."""


class Asked(NamedTuple):
    """What of a resource a caller asked for."""

    view: str
    fields: Fields
    """All that the view has."""
    chosen: tuple[str, ...]
    """Those to show, `id` and `version` among them."""
    where: Filter
    rule: Filter
    id: str
    """The same for all who ask the same and see the same."""
    selection: Selection

    @property
    def condition(self) -> Filter:
        return All((self.rule, self.where))


@dataclass(frozen=True)
class Resource:
    name: str
    """Singular: of the methods `<name>.list` and `<name>.subscribe`."""
    live: LiveTable
    shape: type[msgspec.Struct]
    """Of a row on the wire, for OpenRPC."""
    views: Mapping[str, tuple[str, ...]]
    view_of: Callable[[Caller, Where], str]
    rule: Callable[[Caller], Where] = lambda _caller: {}
    order_by: tuple[str, ...] = ("created_at",)
    """Of a list, where none is asked for."""
    example: Mapping[str, Any] = field(default_factory=dict)
    """A `where` to show, as a param of both methods."""
    row: Any = None
    """What the example finds."""

    @property
    def plural(self) -> str:
        return self.live.name

    def asked(
        self,
        caller: Caller,
        where: Where,
        fields: list[str] | None,
        *,
        max_values: int,
        interval_ms: int = 0,
    ) -> Asked:
        """Raises CallError -32602 for what the view does not have."""
        view = self.view_of(caller, where)
        known = {name: self.live.types[name] for name in self.views[view]}
        for index, name in enumerate(fields or ()):
            if name not in known:
                path = f"fields[{index}]"
                raise invalid(path, f"{path} is one of {', '.join(known)}.")
        shown = tuple(name for name in known if fields is None or name in fields)
        rule = self.rule(caller)
        said = [self.plural, view, where, shown, fields is None, rule, interval_ms]
        digest = sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()
        selection = Selection(
            where=parse(where, known, max_values=max_values),
            rule=parse(rule, self.live.types, max_values=max_values),
            fields=tuple(name for name in shown if name not in ALWAYS),
            has_version=fields is None or "version" in fields,
        )
        return Asked(
            view,
            known,
            tuple(dict.fromkeys((*ALWAYS, *shown))),
            selection.where,
            selection.rule,
            f"{self.name}.{digest[:32]}",
            selection,
        )

    def select(
        self, asked: Asked, cut: QueryString | None, order: str, limit: int
    ) -> tuple[str, list[Any]]:
        """SQL and arguments: rows as JSON, in the view's own order of fields."""
        condition = compile_filter(asked.condition, self.live.columns)
        fields = [name for name in self.views[asked.view] if name in asked.chosen]
        return QueryString(
            f"SELECT {self.live.json_of(self.plural, fields)}::text AS row"  # noqa: S608
            f" FROM {self.plural} WHERE {{}} AND {{}} ORDER BY {order} LIMIT {limit}",
            condition,
            cut or QueryString("true"),
        ).compile_string()

    async def snapshot(
        self, database: Database, asked: Asked, limit: int, after: str | None = None
    ) -> tuple[str, list[str]]:
        """The snapshot that one statement saw, and rows by id, past the id `after`."""
        cut = None if after is None else QueryString("id > {}::text::uuid", after)
        sql, arguments = self.select(asked, cut, '"id"', limit)
        found = await database.fetch(
            "SELECT pg_current_snapshot()::text AS snapshot, page.row"  # noqa: S608
            f" FROM (SELECT) AS one LEFT JOIN ({sql}) AS page ON true",
            *arguments,
        )
        return found[0]["snapshot"], [each["row"] for each in found if each["row"] is not None]

    async def count(self, database: Database, asked: Asked, most: int) -> int:
        """How many rows there are, counted to `most` and no further."""
        condition = compile_filter(asked.condition, self.live.columns)
        sql, arguments = QueryString(
            f"SELECT count(*) FROM (SELECT FROM {self.plural} WHERE {{}} LIMIT {most}) AS counted",  # noqa: S608
            condition,
        ).compile_string()
        row = await database.fetchrow(sql, *arguments)
        return 0 if row is None else int(row[0])


def fitting(rows: list[str], max_bytes: int) -> list[str]:
    """As many of them, from the first, as fit; at least one."""
    room = max_bytes
    for index, row in enumerate(rows):
        room -= len(row.encode()) + 1
        if room < 0 and index:
            return rows[:index]
    return rows


def raw(rows: list[str]) -> list[Any]:
    return [Raw(row) for row in rows]
