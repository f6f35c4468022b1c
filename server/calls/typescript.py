"""TypeScript's types of the methods, made from the OpenRPC document.

`victoryvault openrpc | python -m server.calls.typescript` prints what the TypeScript client keeps
as `src/generated.ts`.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Schema = dict[str, Any]

HEAD = "// Made from the server's OpenRPC document by `npm run generate`. Not edited by hand.\n"
SIMPLE = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}
NOTIFICATIONS = {
    "subscription.closed": (
        "{ subscription: string; position: string;"
        ' reason: "rights_changed" | "signed_out" | "position_gone" | "unavailable" }'
    ),
    "session.expiring": "{ expires_at: string }",
    "session.ended": '{ reason: "ended" | "expired" }',
    "server.draining": "{ reconnect_in_ms: number }",
}
"""Those that belong to no resource; OpenRPC has no place for them."""


def typescript(document: Schema) -> str:
    """The schemas by name, `Methods`, `Rows` of what can be subscribed to, `Notifications`."""
    methods = document["methods"]
    schemas = document.get("components", {}).get("schemas", {})
    types = Types(schemas, [each["schema"] for method in methods for each in method["params"]])
    live = dict(types.live(methods))
    changed = "{ subscription: string; position: string | null; changes: Entry[]; more?: boolean }"
    told = {**{f"{name}.changed": changed for name in live}, **NOTIFICATIONS}
    parts = [
        HEAD,
        *types.declarations(),
        interface("Methods", (types.method(each) for each in methods)),
        "/** What is in a subscription, by resource. */\n"
        + interface("Rows", (f"{json.dumps(name)}: {row};" for name, row in live.items())),
        interface("Notifications", (f"{json.dumps(name)}: {said};" for name, said in told.items())),
        "/** Whether a method writes. */\n"
        "export const WRITES: { readonly [method: string]: boolean | undefined } = {\n"
        + "".join(
            f"  {json.dumps(each['name'])}: {json.dumps(each['x-writes'])},\n" for each in methods
        )
        + "};\n",
    ]
    return "\n".join(parts)


def interface(name: str, members: Iterable[str]) -> str:
    lines = (line for member in members for line in member.splitlines())
    return f"export interface {name} {{\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


def comment(text: str) -> str:
    return f"/** {text.replace('*/', '* /')} */\n" if text else ""


class Types:
    """Schemas as TypeScript. `params` are what clients send; the other schemas are replies."""

    def __init__(self, schemas: dict[str, Schema], params: list[Schema]) -> None:
        self.schemas = schemas
        self.names = {name: self.named(name) for name in schemas}
        self.sent = self.reached(params)
        """The schemas that clients send: what has a default may be left out there."""

    def named(self, name: str) -> str:
        """The last word of a dotted name, unless another schema of that name is a different one."""
        last = name.rpartition(".")[2]
        same = [body for other, body in self.schemas.items() if other.rpartition(".")[2] == last]
        if all(body == same[0] for body in same):
            return last
        words = name.replace(".", "_").split("_")
        return "".join(word[:1].upper() + word[1:] for word in words)

    def reached(self, schemas: list[Schema]) -> set[str]:
        """The names of the schemas that these refer to, and those to further ones."""
        waiting, seen = list(references(schemas)), set[str]()
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += references(self.schemas[name])
        return seen

    def declarations(self) -> Iterator[str]:
        declared = set[str]()
        for name, schema in self.schemas.items():
            if self.names[name] not in declared:
                declared.add(self.names[name])
                told = comment(schema.get("description", ""))
                body = self.of(schema, sent=name in self.sent)
                yield f"{told}export type {self.names[name]} = {body};\n"

    def method(self, method: Schema) -> str:
        params = {
            "type": "object",
            "properties": {each["name"]: each["schema"] for each in method["params"]},
            "required": [each["name"] for each in method["params"] if each.get("required")],
        }
        result = self.of(method.get("result", {}).get("schema", {}))
        return (
            comment(method.get("summary", ""))
            + f"{json.dumps(method['name'])}: "
            + f"{{ params: {self.of(params, sent=True)}; result: {result} }};"
        )

    def live(self, methods: list[Schema]) -> Iterator[tuple[str, str]]:
        """Resources that have a `subscribe`, with the type of their rows."""
        for method in methods:
            resource, _, verb = method["name"].rpartition(".")
            if verb == "subscribe":
                result = method["result"]["schema"]
                name = referred(result)
                properties = (result if name is None else self.schemas[name])["properties"]
                rows = next(
                    each["items"]
                    for key, each in properties.items()
                    if key != "changes" and each.get("type") == "array"
                )
                yield resource, self.of(rows)

    def of(self, schema: Schema, *, sent: bool = False) -> str:
        name = referred(schema)
        if name is not None:
            return self.names[name]
        if kinds := schema.get("anyOf") or schema.get("oneOf"):
            return " | ".join(dict.fromkeys(self.of(each, sent=sent) for each in kinds))
        if "enum" in schema or "const" in schema:
            return " | ".join(map(json.dumps, schema.get("enum", [schema.get("const")])))
        kind = schema.get("type")
        if kind == "array":
            return f"Array<{self.of(schema.get('items', {}), sent=sent)}>"
        if kind == "object":
            return self.object(schema, sent=sent)
        return SIMPLE.get(str(kind), "unknown")

    def object(self, schema: Schema, *, sent: bool) -> str:
        if "properties" not in schema:
            values = schema.get("additionalProperties")
            inner = self.of(values, sent=sent) if isinstance(values, dict) else "unknown"
            return f"Record<string, {inner}>"
        required = schema.get("required", ())
        members = [
            f"{key}{'' if key in required or ('default' in each and not sent) else '?'}: "
            f"{self.of(each, sent=sent)}"
            for key, each in schema["properties"].items()
        ]
        return f"{{ {'; '.join(members)} }}" if members else "Record<string, never>"


def referred(schema: Schema) -> str | None:
    """The name of the schema that this one is, elsewhere."""
    return str(schema["$ref"]).rpartition("/")[2] if "$ref" in schema else None


def references(value: Any) -> Iterator[str]:
    """The names of all schemas that are referred to anywhere in it."""
    if isinstance(value, list):
        for each in value:
            yield from references(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key == "$ref" and isinstance(each, str):
                yield each.rpartition("/")[2]
            else:
                yield from references(each)


if __name__ == "__main__":
    sys.stdout.write(typescript(json.load(sys.stdin)))
