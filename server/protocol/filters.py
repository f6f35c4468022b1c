"""`where`: parsed once, then matched in memory here or compiled to SQL by `database.conditions`.

Two values only: a comparison holds or it does not, and `ne` and `not` are plain negation. Values of
different JSON types are unequal and neither less nor greater. Pure: knows fields, not tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

from server.protocol.errors import invalid
from server.protocol.times import written

MAX_INTEGER = 2**53


class FieldType(Enum):
    """What a field holds, by the word that an error uses."""

    TEXT = "text"
    NUMBER = "a number"
    TIME = "a time"
    ID = "a UUID"
    BOOLEAN = "true or false"
    JSON = "JSON"


Fields = Mapping[str, FieldType]


class Compare(NamedTuple):
    """One comparison. `member` names a member of a JSON field, None the field itself."""

    field: str
    member: str | None
    type: FieldType
    operator: str
    """eq, in, lt, lte, gt, gte or prefix; `ne` is parsed as not-eq."""
    value: Any
    """As `comparable` gives it; a tuple of such for `in`."""


class All(NamedTuple):
    parts: tuple[Filter, ...]


class Some(NamedTuple):
    parts: tuple[Filter, ...]


class Not(NamedTuple):
    part: Filter


Filter = Compare | All | Some | Not
EVERYTHING = All(())

ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
}
OPERATORS = ("eq", "ne", "in", *ORDERS, "prefix")


def parse(where: Any, fields: Fields, *, max_values: int, path: str = "where") -> Filter:
    """A filter over `fields`. Raises CallError -32602 with the path of what is wrong."""
    return _Parser(fields, max_values).parse(where, path)


class _Parser:
    def __init__(self, fields: Fields, max_values: int) -> None:
        self.fields = fields
        self.max_values = max_values
        self.values_left = max_values
        self.objects_left = max_values

    def parse(self, where: Any, path: str) -> Filter:
        if not isinstance(where, dict):
            raise invalid(path, f'{path} is an object, as {{"id": "…"}}.')
        self.objects_left -= 1
        if self.objects_left < 0:
            raise invalid(path, f"where may have {self.max_values} conditions, not more.")
        parts = tuple(self.member(name, value, f"{path}.{name}") for name, value in where.items())
        return parts[0] if len(parts) == 1 else All(parts)

    def member(self, name: str, value: Any, path: str) -> Filter:
        match name:
            case "all" | "any":
                if not isinstance(value, list):
                    raise invalid(path, f"{path} is a list of conditions.")
                parts = tuple(self.parse(part, f"{path}[{i}]") for i, part in enumerate(value))
                return All(parts) if name == "all" else Some(parts)
            case "not":
                return Not(self.parse(value, path))
        field, dot, member = name.partition(".")
        kind = self.fields.get(field)
        if kind is None or (dot and (kind is not FieldType.JSON or not member)):
            raise invalid(path, f"{name} is no field here; the fields are {self.names()}.")
        if not isinstance(value, dict):
            return self.compare(field, member or None, kind, "eq", value, path)
        if not value:
            raise invalid(path, f"{path} names at least one of {', '.join(OPERATORS)}.")
        parts = tuple(
            self.compare(field, member or None, kind, operator, operand, f"{path}.{operator}")
            for operator, operand in value.items()
        )
        return parts[0] if len(parts) == 1 else All(parts)

    def names(self) -> str:
        dotted = [
            f"{name}, {name}.<name>" if kind is FieldType.JSON else name
            for name, kind in self.fields.items()
        ]
        return ", ".join(dotted)

    def compare(
        self, field: str, member: str | None, kind: FieldType, operator: str, value: Any, path: str
    ) -> Filter:
        if operator not in OPERATORS:
            raise invalid(path, f"{operator} is no operator; they are {', '.join(OPERATORS)}.")
        if operator == "in":
            if not isinstance(value, list):
                raise invalid(path, f"{path} is a list of values.")
            values = tuple(self.value(kind, each, f"{path}[{i}]") for i, each in enumerate(value))
            return Compare(field, member, kind, "in", values)
        comparable = self.value(kind, value, path)
        if operator == "prefix":
            if kind not in {FieldType.TEXT, FieldType.JSON}:
                raise invalid(path, f"prefix is for text; {field} is {kind.value}.")
            if not isinstance(comparable, str):
                raise invalid(path, f"{path} is a string.")
        equals = Compare(field, member, kind, "eq" if operator == "ne" else operator, comparable)
        return Not(equals) if operator == "ne" else equals

    def value(self, kind: FieldType, value: Any, path: str) -> Any:
        self.values_left -= 1
        if self.values_left < 0:
            raise invalid(path, f"where may name {self.max_values} values, not more.")
        try:
            if kind is FieldType.ID and isinstance(value, str):
                return str(UUID(value))
            if kind is FieldType.TIME and isinstance(value, str):
                return written(moment(value))
            return comparable(value)
        except TooLargeError:
            raise invalid(
                path, f"{path} has a number beyond 2^53, which JSON readers corrupt."
            ) from None
        except ValueError:
            raise invalid(path, f"{path} is not {kind.value}.") from None


RFC_3339 = re.compile(
    r"(?P<until>[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:)(?P<second>[0-9]{2})"
    r"(?P<rest>(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2}))"
)


class TooLargeError(ValueError):
    """A number that not every JSON reader keeps."""


def moment(text: str) -> datetime:
    """An RFC 3339 time with its offset. Raises ValueError."""
    found = RFC_3339.fullmatch(text)
    if found is None:
        raise ValueError("no time of RFC 3339")
    is_leap = found["second"] == "60"
    try:
        when = datetime.fromisoformat(
            f"{found['until']}{'59' if is_leap else found['second']}{found['rest']}".upper()
        )
        return (when + timedelta(seconds=is_leap)).astimezone(UTC)
    except OverflowError:  # its offset carries it out of the years 1 to 9999
        edge = datetime.min if when.year == 1 else datetime.max  # noqa: DTZ901 - UTC comes next
        return edge.replace(tzinfo=UTC)


def comparable(value: Any) -> Any:
    """A JSON value whose numbers compare exactly, as PostgreSQL's numeric does.

    Raises TooLargeError for a number beyond ±2^53.
    """
    match value:
        case bool() | str() | None:
            return value
        case int() | float() if abs(value) > MAX_INTEGER:
            raise TooLargeError
        case float():
            return Decimal(repr(value))
        case list():
            return [comparable(each) for each in value]
        case dict():
            return {name: comparable(each) for name, each in value.items()}
    return value


NUMBERS = (int, float, Decimal)


def is_number(value: Any) -> bool:
    return isinstance(value, NUMBERS) and value is not True and value is not False


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal: 1 is 1.0, and neither is true."""
    if type(left) is str or type(right) is str:
        return bool(left == right)
    if is_number(left) or is_number(right):
        return is_number(left) and is_number(right) and bool(left == right)
    if type(left) is not type(right):
        return False
    match left:
        case list():
            return len(left) == len(right) and all(map(same, left, right))
        case dict():
            return left.keys() == right.keys() and all(
                same(value, right[name]) for name, value in left.items()
            )
    return bool(left == right)


Row = Mapping[str, Any]


def matches(condition: Filter, row: Row) -> bool:
    """Whether the row is in. Its values are as on the wire, with numbers as `comparable` has them.

    So UUIDs and times are text of one form, which is in order as they are.
    """
    return predicate(condition)(row)


def predicate(condition: Filter) -> Callable[[Row], bool]:
    """The same for any number of rows: what can be looked at beforehand is."""
    match condition:
        case Compare():
            return comparison(condition)
        case Not(part):
            inner = predicate(part)
            return lambda row: not inner(row)
        case All((only,)) | Some((only,)):
            return predicate(only)
        case All(parts):
            all_of = tuple(map(predicate, parts))
            return lambda row: all(each(row) for each in all_of)
        case Some(parts):
            some_of = tuple(map(predicate, parts))
            return lambda row: any(each(row) for each in some_of)


def comparison(compare: Compare) -> Callable[[Row], bool]:
    field, member, value = compare.field, compare.member, compare.value
    holds = test_of(compare.operator, value)
    if member is None:
        return lambda row: holds(row[field])

    def of_member(row: Row) -> bool:
        found = row[field]
        return holds(found.get(member) if isinstance(found, dict) else None)

    return of_member


def test_of(operator: str, value: Any) -> Callable[[Any], bool]:
    """Whether a value stands so to `value`."""
    match operator:
        case "eq":
            return lambda found: same(found, value)
        case "in":
            texts = frozenset(each for each in value if isinstance(each, str))
            others = tuple(each for each in value if not isinstance(each, str))
            return lambda found: (
                found in texts
                if isinstance(found, str)
                else any(same(found, each) for each in others)
            )
        case "prefix":
            return lambda found: isinstance(found, str) and found.startswith(value)
    order, kind = ORDERS[operator], str if isinstance(value, str) else None
    if kind is None and not is_number(value):
        return lambda _found: False
    is_kin: Callable[[Any], bool] = is_number if kind is None else lambda found: type(found) is str
    return lambda found: is_kin(found) and order(found, value)


def wanted(condition: Filter) -> tuple[str, frozenset[str]] | None:
    """A field and texts, one of which it must have in a row that is in; None when none is sure."""
    match condition:
        case Compare(field, None, kind, "eq", str() as value) if kind is not FieldType.JSON:
            return field, frozenset([value])
        case Compare(field, None, kind, "in", values) if kind is not FieldType.JSON:
            is_sure = all(isinstance(each, str) for each in values)
            return (field, frozenset(values)) if is_sure else None
        case All(parts):
            found = [each for each in map(wanted, parts) if each is not None]
            return min(found, key=lambda each: (each[0] != "id", len(each[1])), default=None)
    return None
