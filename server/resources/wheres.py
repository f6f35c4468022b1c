"""`where` as a JSON Schema: the filters of protocol §4 over the fields of one resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from server.calls.schemas import HOME, Schema
from server.protocol.filters import ORDERS, FieldType

ANYTHING: Schema = {}
VALUES: Mapping[FieldType, Schema] = {
    FieldType.TEXT: {"type": "string"},
    FieldType.NUMBER: {"type": "number"},
    FieldType.TIME: {"type": "string", "format": "date-time"},
    FieldType.ID: {"type": "string", "format": "uuid"},
    FieldType.BOOLEAN: {"type": "boolean"},
    FieldType.JSON: ANYTHING,
}
"""What a field of the type is compared to. Other values are no error, but never equal."""
TITLES = {
    FieldType.TEXT: "TextCondition",
    FieldType.NUMBER: "NumberCondition",
    FieldType.TIME: "TimeCondition",
    FieldType.ID: "IdCondition",
    FieldType.BOOLEAN: "BooleanCondition",
    FieldType.JSON: "JsonCondition",
}
PREFIXED = {FieldType.TEXT, FieldType.JSON}


def condition(kind: FieldType) -> Schema:
    """One field's: a value that it equals, or operators that all hold."""
    value = VALUES[kind]
    operators = {
        "eq": value,
        "ne": value,
        "in": {"type": "array", "items": value},
        **dict.fromkeys(ORDERS, value),
        **({"prefix": {"type": "string"}} if kind in PREFIXED else {}),
    }
    plain = {"type": ["string", "number", "boolean", "null", "array"]}
    return {
        "title": TITLES[kind],
        "description": f"For {kind.value}: a value that it equals, or operators that all hold",
        "anyOf": [
            plain if kind is FieldType.JSON else value,
            {
                "type": "object",
                "properties": operators,
                "additionalProperties": False,
                "minProperties": 1,
            },
        ],
    }


def where_of(name: str, fields: Mapping[str, FieldType]) -> Any:
    """The type of a `where` over these fields, of the resource `name`."""
    title = f"{name.capitalize()}Where"
    again = within(title)
    members = {f"^{each}\\..": kind for each, kind in fields.items() if kind is FieldType.JSON}
    schema = {
        "title": title,
        "description": f"Which {name} rows: all members hold. "
        "Its fields are what one may see, and `profile.<name>`",
        "properties": {
            **{each: condition(kind) for each, kind in fields.items()},
            "all": {"type": "array", "items": again, "description": "All of them hold"},
            "any": {"type": "array", "items": again, "description": "One of them holds"},
            "not": {**again, "description": "It does not hold"},
        },
        **(
            {"patternProperties": {each: condition(kind) for each, kind in members.items()}}
            if members
            else {}
        ),
        "additionalProperties": False,
    }
    return Annotated[dict[str, Any], Meta(extra_json_schema=schema)]


def within(title: str) -> Schema:
    """The schema inside itself: behind `then`, where OpenRPC's own tools do not look; a plain
    reference back they follow without end."""
    return {"type": "object", "if": {"type": "object"}, "then": {"$ref": f"{HOME}{title}"}}
