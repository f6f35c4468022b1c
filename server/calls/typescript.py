"""TypeScript's types of the methods and notifications, made from the OpenRPC document.

`victoryvault client typescript` prints what the TypeScript client keeps as `src/generated.ts`.
"""

from __future__ import annotations

import json
import re
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
NOTHING = "Record<string, never>"
PREFIX = re.compile(r"\^([a-z_]+)\\\.\.")
"""The pattern of members that begin with a word and a dot."""


def typescript(document: Schema) -> str:
    """The schemas by name, and of what is called, followed and told: the types by name."""
    methods = [each for each in document["methods"] if "result" in each]
    told = [each for each in document["methods"] if "result" not in each]
    schemas = document.get("components", {}).get("schemas", {})
    live = [
        name
        for each in methods
        for name, _, verb in [each["name"].rpartition(".")]
        if verb == "subscribe"
    ]
    by_name = {each["name"]: each for each in methods}
    writes = (
        f"  {json.dumps(each['name'])}: {json.dumps(each['x-writes'])},\n" for each in methods
    )
    return "\n".join(
        [
            HEAD,
            *(declaration(name, schema) for name, schema in schemas.items()),
            interface("Methods", "What may be called.", map(called, methods)),
            interface(
                "Rows",
                "What a subscription holds, by resource.",
                (f"{json.dumps(name)}: {row(by_name, name, schemas)};" for name in live),
            ),
            interface(
                "Wheres",
                "Which rows one may ask for, by resource.",
                (f"{json.dumps(name)}: {where(by_name, name)};" for name in live),
            ),
            interface("Notifications", "What the server says by itself.", map(notified, told)),
            comment("Whether a method writes.")
            + "export const WRITES: { readonly [method: string]: boolean | undefined } = {\n"
            + "".join(writes)
            + "};\n",
        ]
    )


def declaration(name: str, schema: Schema) -> str:
    body = members(schema) if "properties" in schema else of(schema)
    return f"{comment(schema.get('description', ''))}export type {name} = {body};\n"


def interface(name: str, text: str, entries: Iterable[str]) -> str:
    return f"{comment(text)}export interface {name} {{\n{indented(entries)}}}\n"


def called(method: Schema) -> str:
    text = comment("\n\n".join(filter(None, [method["summary"], method.get("description")])))
    result = of(method["result"]["schema"])
    return f"{text}{json.dumps(method['name'])}: {{ params: {params(method)}; result: {result} }};"


def notified(told: Schema) -> str:
    return f"{comment(told['summary'])}{json.dumps(told['name'])}: {params(told)};"


def params(method: Schema) -> str:
    return members(
        {
            "properties": {
                each["name"]: {"description": each.get("description", ""), **each["schema"]}
                for each in method["params"]
            },
            "required": [each["name"] for each in method["params"] if each["required"]],
        }
    )


def row(methods: dict[str, Schema], name: str, schemas: dict[str, Schema]) -> str:
    """Of a list, where no fields are chosen."""
    page = schemas[referred(methods[f"{name}.list"]["result"]["schema"])]
    return next(of(each["items"]) for each in page["properties"].values() if "items" in each)


def where(methods: dict[str, Schema], name: str) -> str:
    (found,) = (
        each["schema"] for each in methods[f"{name}.subscribe"]["params"] if each["name"] == "where"
    )
    return of(found["anyOf"][0])


def comment(text: str) -> str:
    lines = text.replace("*/", "* /").splitlines()
    if len(lines) > 1:
        return "/**\n" + "".join(f" * {line}".rstrip() + "\n" for line in lines) + " */\n"
    return f"/** {lines[0]} */\n" if lines else ""


def indented(entries: Iterable[str]) -> str:
    return "".join(f"  {line}\n" for entry in entries for line in entry.splitlines())


def of(schema: Schema) -> str:  # noqa: PLR0911 - a rule each
    """A schema inside another one."""
    match schema:
        case {"$ref": _}:
            return referred(schema)
        case {"then": dict() as same}:
            return of(same)
        case {"anyOf": list() as kinds} | {"oneOf": list() as kinds}:
            return " | ".join(dict.fromkeys(map(of, kinds)))
        case {"enum": list() as values}:
            return " | ".join(map(json.dumps, values))
        case {"const": value}:
            return json.dumps(value)
        case {"type": list() as types}:
            return " | ".join(of({**schema, "type": each}) for each in types)
        case {"type": "array"}:
            return f"Array<{of(schema.get('items', {}))}>"
        case {"type": "object"}:
            return inline(schema)
    return SIMPLE.get(str(schema.get("type")), "unknown")


def inline(schema: Schema) -> str:
    if "properties" not in schema:
        values = schema.get("additionalProperties")
        return f"Record<string, {of(values) if isinstance(values, dict) else 'unknown'}>"
    return f"{{ {'; '.join(entry for _text, entry in entries_of(schema))} }}"


def members(schema: Schema) -> str:
    """Of an object, each on a line of its own, with what is said of it."""
    entries = [f"{comment(text)}{entry};" for text, entry in entries_of(schema)]
    return f"{{\n{indented(entries)}}}" if entries else NOTHING


def entries_of(schema: Schema) -> Iterator[tuple[str, str]]:
    required = schema.get("required", ())
    for name, each in schema["properties"].items():
        yield each.get("description", ""), f"{name}{'' if name in required else '?'}: {of(each)}"
    for pattern, each in schema.get("patternProperties", {}).items():
        prefix = PREFIX.fullmatch(pattern)
        name = f"`{prefix[1]}.${{string}}`" if prefix else "string"
        yield "", f"[name: {name}]: {of(each)}"


def referred(schema: Schema) -> str:
    """The name of the schema that this one is, elsewhere."""
    return str(schema["$ref"]).rpartition("/")[2]
