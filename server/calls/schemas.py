"""JSON Schemas of types, with a name for each that has one: what the contract is written in.

A struct has its own name, any other type the `title` of its Meta; both stand in `components` once.
A type that only replies hold has all members that are always sent as required; in params, what has
a default may be left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from msgspec import Meta

Schema = dict[str, Any]

HOME = "#/components/schemas/"
VALUES = ("default", "examples", "enum", "const")
"""Keywords that hold values, not schemas."""

Place = Annotated[
    str,
    Meta(
        title="Position",
        description="A place in the change log: store it, give it back, read nothing in it",
    ),
]


POSITION = "5f1d3b8a.2f6"
DIGEST = "5f1d3b8a0c2e4f6a9b7d1c3e5a8f0b2d"
MOMENT = "2026-11-24T12:00:00.000000Z"
"""As they look, for examples; a subscription is a resource's name and a digest."""


class Nothing(msgspec.Struct):
    """An empty reply: it was done."""


class Schemas:
    """Of types that clients send, as params, and of those that they are sent."""

    def __init__(self, given: Iterable[Any], sent: Iterable[Any]) -> None:
        given, sent = [*given], [each for kind in sent for each in alternatives(kind)]
        types = [*given, *sent]
        found, structs = msgspec.json.schema_components(types, ref_template=f"{HOME}{{name}}")
        names = short_names(structs)
        self.components: dict[str, Schema] = {}
        for name, body in structs.items():
            self.add(
                names[name], {**self.hoisted(body, names, is_named=True), "title": names[name]}
            )
        self.by_type = {
            id(kind): self.hoisted(schema, names) for kind, schema in zip(types, found, strict=True)
        }
        by_params = self.reached([self.by_type[id(kind)] for kind in given])
        for name in self.reached([self.by_type[id(kind)] for kind in sent]) - by_params:
            self.components[name] = always_sent(self.components[name])
        self.components = dict(sorted(self.components.items()))

    def of(self, kind: Any) -> Schema:
        """Of one of the types that it was made with."""
        found = [self.by_type[id(each)] for each in alternatives(kind)]
        return found[0] if len(found) == 1 else {"oneOf": found}

    def members(self, struct: type[msgspec.Struct]) -> Schema:
        """The struct's own schema, by name."""
        return self.components[self.name(struct)]

    def without(self, structs: Iterable[type[msgspec.Struct]]) -> dict[str, Schema]:
        """The components but those: params are no object of their own."""
        names = {self.name(struct) for struct in structs}
        return {name: schema for name, schema in self.components.items() if name not in names}

    def name(self, struct: type[msgspec.Struct]) -> str:
        return str(self.of(struct)["$ref"]).removeprefix(HOME)

    def hoisted(self, schema: Any, names: dict[str, str], *, is_named: bool = False) -> Any:
        """With references to what has a title, which becomes a component."""
        if isinstance(schema, list):
            return [self.hoisted(each, names) for each in schema]
        if not isinstance(schema, dict):
            return schema
        body = {
            key: value if key in VALUES else self.hoisted(value, names)
            for key, value in schema.items()
            if key != "discriminator"  # OpenAPI's own
        }
        if isinstance(reference := body.get("$ref"), str):
            name = reference.removeprefix(HOME)
            body["$ref"] = HOME + names.get(name, name)
            return body
        title = body.get("title")
        if is_named or not isinstance(title, str):
            return body
        of_the_place = {key: body.pop(key) for key in ("default",) if key in body}
        self.add(title, body)
        return {"$ref": f"{HOME}{title}", **of_the_place}

    def add(self, name: str, schema: Schema) -> None:
        if self.components.setdefault(name, schema) != schema:
            raise ValueError(f"two schemas have the name {name}")

    def reached(self, schemas: list[Schema]) -> set[str]:
        """The names of the components that these refer to, and those to further ones."""
        waiting, seen = list(references(schemas)), set[str]()
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += references(self.components[name])
        return seen


def alternatives(kind: Any) -> list[Any]:
    """The structs of a union without tags, which msgspec does not know; else the type itself."""
    return list(get_args(kind)) if get_origin(kind) in {Union, UnionType} else [kind]


def always_sent(schema: Schema) -> Schema:
    """With a default on the server's side or without: what is not UNSET is sent."""
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    sent = [key for key, each in properties.items() if key in required or "default" in each]
    kept = {
        key: {word: value for word, value in each.items() if word != "default"}
        for key, each in properties.items()
    }
    return {
        **schema,
        **({"properties": kept} if kept else {}),
        **({"required": sent} if sent else {}),
    }


def short_names(schemas: dict[str, Schema]) -> dict[str, str]:
    """msgspec names two structs of one name by their modules; here the resource's name tells."""
    names: dict[str, str] = {}
    for name in schemas:
        *modules, last = name.split(".")
        resource = modules[-2].capitalize() if len(modules) > 1 else ""
        names[name] = resource + last.removesuffix("View")
    return names


def references(value: Any) -> Iterator[str]:
    """The names of all components that are referred to anywhere in it."""
    if isinstance(value, list):
        for each in value:
            yield from references(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key == "$ref" and isinstance(each, str):
                yield each.removeprefix(HOME)
            else:
                yield from references(each)
