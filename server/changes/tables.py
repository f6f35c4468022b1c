"""Live tables: declared once, captured by a trigger, followed by everyone.

A live table has a UUID `id` and a `version`. Its columns are on the wire as PostgreSQL writes them
in `json_of`, for a list and for the change log alike, so that both are equal to the letter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from piccolo.columns import (
    JSONB,
    UUID,
    BigInt,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.table import Table

from server.protocol.filters import FieldType

TYPES: tuple[tuple[type[Column], FieldType], ...] = (
    (UUID, FieldType.ID),
    (ForeignKey, FieldType.ID),
    (JSONB, FieldType.JSON),
    (Boolean, FieldType.BOOLEAN),
    (BigInt, FieldType.NUMBER),
    (Integer, FieldType.NUMBER),
    (Timestamptz, FieldType.TIME),
    (Varchar, FieldType.TEXT),
    (Text, FieldType.TEXT),
)


def type_of(column: Column) -> FieldType:
    for kind, found in TYPES:
        if isinstance(column, kind):
            return found
    raise TypeError(f"{column!r} has a type that a live table cannot have yet")


@dataclass(frozen=True)
class LiveTable:
    table: type[Table]
    secret: tuple[str, ...] = ()
    """Columns that never reach the log."""

    @property
    def name(self) -> str:
        return str(self.table._meta.tablename)  # noqa: SLF001 - Piccolo documents it

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        return {
            column._meta.name: column  # noqa: SLF001
            for column in self.table._meta.columns  # noqa: SLF001
            if column._meta.name not in self.secret  # noqa: SLF001
        }

    @cached_property
    def types(self) -> Mapping[str, FieldType]:
        for name, column in self.columns.items():
            if column._meta.null:  # noqa: SLF001
                raise TypeError(f"{self.name}.{name}: a live column has null=False, to be in order")
        return {name: type_of(column) for name, column in self.columns.items()}

    def value_of(self, name: str, row: str) -> str:
        """SQL of one column of `row`, as JSON takes it."""
        if self.types[name] is FieldType.TIME:
            utc = f"{row}.\"{name}\" AT TIME ZONE 'UTC'"
            return f'to_char({utc}, \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')'
        return f'{row}."{name}"'

    def json_of(self, row: str, fields: Iterable[str]) -> str:
        """SQL of a JSON object with these fields of `row`."""
        pairs = ", ".join(f"'{name}', {self.value_of(name, row)}" for name in fields)
        return f"json_build_object({pairs})"
