"""A filter as SQL: the same rows as `protocol.filters.matches`, which a property test shows.

SQL has three values where a filter has two. A comparison with NULL is not true, as in a filter;
under a negation it is made plainly false first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from piccolo.querystring import QueryString

from server.protocol.filters import All, Compare, FieldType, Filter, Not, Some, is_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from piccolo.columns import Column

SIGNS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
ARRAYS = {
    FieldType.TEXT: "text[]",
    FieldType.ID: "text[]::uuid[]",
    FieldType.TIME: "text[]::timestamptz[]",
    FieldType.BOOLEAN: "boolean[]",
    FieldType.NUMBER: "numeric[]",
}
FALSE = QueryString("false")


def compile_filter(condition: Filter, columns: Mapping[str, Column]) -> QueryString:
    """A condition for Piccolo's `where`; `columns` are the fields by name."""
    match condition:
        case Compare():
            column = columns[condition.field]
            return (_json if condition.type is FieldType.JSON else _typed)(condition, column)
        case All(parts):
            return _joined(" AND ", [compile_filter(part, columns) for part in parts], "true")
        case Some(parts):
            return _joined(" OR ", [compile_filter(part, columns) for part in parts], "false")
        case Not(part):
            return QueryString("NOT coalesce({}, false)", compile_filter(part, columns))


def _joined(word: str, parts: list[QueryString], nothing: str) -> QueryString:
    if not parts:
        return QueryString(nothing)
    return QueryString(f"({word.join(['{}'] * len(parts))})", *parts)


def _fits(kind: FieldType, value: Any) -> bool:
    """Whether a column of this type can equal the value at all."""
    if kind is FieldType.NUMBER:
        return is_number(value)
    return isinstance(value, bool if kind is FieldType.BOOLEAN else str)


def _typed(compare: Compare, column: Column) -> QueryString:
    kind, value = compare.type, compare.value
    if compare.operator == "in":
        return _typed_in(kind, value, column)
    if value is None:
        return QueryString("{} IS NULL", column) if compare.operator == "eq" else FALSE
    if not _fits(kind, value):
        return FALSE
    if compare.operator == "prefix":
        return QueryString("starts_with({}, {}::text)", column, value)
    sign = SIGNS.get(compare.operator, "=")
    if kind is FieldType.BOOLEAN and sign != "=":
        return FALSE
    collate = ' COLLATE "C"' if kind is FieldType.TEXT and sign != "=" else ""
    return QueryString(f"{{}}{collate} {sign} {{}}::{_type(kind, value)}", column, value)


def _type(kind: FieldType, value: Any) -> str:
    match kind:
        case FieldType.TEXT:
            return "text"
        case FieldType.ID:
            return "text::uuid"
        case FieldType.TIME:
            return "text::timestamptz"
        case FieldType.BOOLEAN:
            return "boolean"
    return "bigint" if isinstance(value, int) else "numeric"


def _typed_in(kind: FieldType, values: tuple[Any, ...], column: Column) -> QueryString:
    parts = [QueryString("{} IS NULL", column)] if None in values else []
    fitting = [value for value in values if value is not None and _fits(kind, value)]
    if fitting:
        parts.append(QueryString(f"{{}} = ANY({{}}::{ARRAYS[kind]})", column, fitting))
    return _joined(" OR ", parts, "false")


def _json(compare: Compare, column: Column) -> QueryString:
    if compare.member is None:
        found = QueryString("coalesce({}, 'null'::jsonb)", column)
        text = QueryString("({} #>> array[]::text[])", column)
    else:
        found = QueryString("coalesce({} -> {}::text, 'null'::jsonb)", column, compare.member)
        text = QueryString("({} ->> {}::text)", column, compare.member)
    value = compare.value
    match compare.operator:
        case "eq":
            return QueryString("{} = {}::jsonb", found, _json_text(value))
        case "in":
            return QueryString("{} = ANY({}::jsonb[])", found, [_json_text(each) for each in value])
    if isinstance(value, str):
        test = (
            QueryString("starts_with({}, {}::text)", text, value)
            if compare.operator == "prefix"
            else QueryString(f'{{}} COLLATE "C" {SIGNS[compare.operator]} {{}}::text', text, value)
        )
        return _when(found, "string", test)
    if is_number(value):
        sign = SIGNS[compare.operator]
        return _when(
            found, "number", QueryString(f"{{}}::numeric {sign} {{}}::numeric", text, value)
        )
    return FALSE


def _when(found: QueryString, kind: str, test: QueryString) -> QueryString:
    """CASE, for AND may evaluate the cast before the check."""
    return QueryString(
        f"CASE jsonb_typeof({{}}) WHEN '{kind}' THEN {{}} ELSE false END", found, test
    )


encode = msgspec.json.Encoder(decimal_format="number").encode


def _json_text(value: Any) -> str:
    return encode(value).decode()
