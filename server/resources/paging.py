"""Pages of a list by keyset: `next` names the last row's place in the order, not a count.

Rows that come or go meanwhile neither shift a page nor are shown twice.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from piccolo.querystring import QueryString

from server.protocol.errors import invalid
from server.protocol.filters import Fields, FieldType, moment
from server.protocol.times import written

Order = list[tuple[str, bool]]
"""Fields, each with whether it is descending. One of them is the id."""

MAX_BIGINT = 2**63
NOT_OURS = "after is the `next` of a list with the same order_by."
CASTS = {
    FieldType.ID: "text::uuid",
    FieldType.TEXT: "text",
    FieldType.NUMBER: "bigint",
    FieldType.TIME: "text::timestamptz",
    FieldType.BOOLEAN: "boolean",
}


def parse_order(order_by: Sequence[str], fields: Fields) -> Order:
    """Raises CallError -32602 for a field that the view does not have."""
    order: Order = []
    for index, word in enumerate(order_by):
        name, path = word.removeprefix("-"), f"order_by[{index}]"
        kind = fields.get(name)
        if kind is None or kind is FieldType.JSON:
            sortable = [each for each in fields if fields[each] is not FieldType.JSON]
            raise invalid(path, f"{path} is one of {', '.join(sortable)}, or -field.")
        if any(name == seen for seen, _descending in order):
            raise invalid(path, f"{path} names {name} again.")
        order.append((name, word.startswith("-")))
    if all(name != "id" for name, _descending in order):
        order.append(("id", False))
    return order


def sorted_by(name: str, fields: Fields) -> str:
    """The SQL that a field is ordered and compared by: text by code point."""
    return f'"{name}" COLLATE "C"' if fields[name] is FieldType.TEXT else f'"{name}"'


def order_sql(order: Order, fields: Fields) -> str:
    return ", ".join(
        sorted_by(name, fields) + (" DESC" if descending else "") for name, descending in order
    )


def cursor(row: Mapping[str, Any], order: Order) -> str:
    values = [row[name] for name, _descending in order]
    text = json.dumps([spelled(order), values], separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def spelled(order: Order) -> list[str]:
    return [f"-{name}" if descending else name for name, descending in order]


def parse_cursor(text: str, order: Order, fields: Fields) -> QueryString:
    """The condition for rows past the cursor. Raises CallError -32602 when it is not ours."""
    try:
        said, values = msgspec.json.decode(
            urlsafe_b64decode(text + "=" * (-len(text) % 4)),
            type=tuple[list[str], list[str | int | bool]],
        )
        typed = [read(fields[name], value) for (name, _), value in zip(order, values, strict=True)]
    except (ValueError, TypeError, msgspec.MsgspecError):
        raise invalid("after", NOT_OURS) from None
    if said != spelled(order):
        raise invalid("after", NOT_OURS)
    return past(order, typed, fields)


def read(kind: FieldType, value: Any) -> Any:
    """Raises ValueError or TypeError."""
    match kind:
        case FieldType.ID if isinstance(value, str):
            return str(UUID(value))
        case FieldType.TIME if isinstance(value, str):
            return written(moment(value))
        case FieldType.NUMBER if type(value) is int and abs(value) < MAX_BIGINT:
            return value
        case FieldType.BOOLEAN if isinstance(value, bool):
            return value
        case FieldType.TEXT if isinstance(value, str) and "\0" not in value:
            return value
    raise ValueError


def past(order: Order, values: list[Any], fields: Fields) -> QueryString:
    """(a, b) > (x, y), written so that an index serves it when all go the same way."""
    names = [sorted_by(name, fields) for name, _descending in order]
    marks = [f"{{}}::{CASTS[fields[name]]}" for name, _descending in order]
    ways = ["<" if descending else ">" for _name, descending in order]
    if len(set(ways)) == 1:
        return QueryString(f"({', '.join(names)}) {ways[0]} ({', '.join(marks)})", *values)
    parts: list[str] = []
    arguments: list[Any] = []
    for index in range(len(order)):
        equal = [f"{names[i]} = {marks[i]}" for i in range(index)]
        parts.append(" AND ".join([*equal, f"{names[index]} {ways[index]} {marks[index]}"]))
        arguments += values[: index + 1]
    return QueryString(f"({' OR '.join(f'({part})' for part in parts)})", *arguments)
