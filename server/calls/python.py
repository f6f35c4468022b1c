"""Python's types of the methods, made from the OpenRPC document.

`victoryvault client python` prints what the Python client keeps as `generated.py`: the types of
params, results and rows, and its `Connection` and `BlockingConnection`, which know them.
"""

from __future__ import annotations

import json
import keyword
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Schema = dict[str, Any]

HEAD = '''\
"""Made from the server's OpenRPC document by `victoryvault client python`. Not edited by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict, overload

from victoryvault_client.blocking import BlockingLine, BlockingSubscription
from victoryvault_client.line import Line, State
from victoryvault_client.subscription import Stored, Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    from typing_extensions import NotRequired
'''
SIMPLE = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
ROW_HAS_ALWAYS = {"id", "version"}
FILLER = "        ...\n"
TIMEOUT = "timeout: float | None = None"


def python(document: Schema) -> str:
    """A module: `WRITES`, a TypedDict for each object, and the typed connections."""
    schemas = document.get("components", {}).get("schemas", {})
    methods = [each for each in document["methods"] if "result" in each]
    told = [each for each in document["methods"] if "result" not in each]
    types = Types(schemas, methods)
    writes = "".join(f"    {json.dumps(each['name'])}: {each['x-writes']},\n" for each in methods)
    parts = [
        HEAD,
        f'WRITES: dict[str, bool] = {{\n{writes}}}\n"""Whether a method writes."""\n',
        *(types.declaration(name, schema) for name, schema in schemas.items()),
        *(types.params(each) for each in [*methods, *told] if each["params"]),
        *(types.fields(resource) for resource in types.rows),
        connection(types, methods, told),
        blocking_connection(types, methods, told),
    ]
    return "\n\n".join(parts)


def connection(types: Types, methods: list[Schema], told: list[Schema]) -> str:
    return (
        "class Connection(Line):\n"
        '    """A line to the server that mends itself. It connects with the first call or'
        ' subscription."""\n\n'
        "    writes = WRITES\n\n"
        + "".join(types.call(each, "async def call") for each in methods)
        + "    async def call(self, method: str, params: Any = None, *,"
        " timeout: float | None = None) -> Any:\n"
        '        """The result. Waits for the line when it is down. Raises CallError."""\n'
        "        return await self._request(method, params, timeout)\n\n"
        + subscribe(types, "Subscription")
        + on(told)
    )


def blocking_connection(types: Types, methods: list[Schema], told: list[Schema]) -> str:
    return (
        "class BlockingConnection(BlockingLine):\n"
        '    """A Connection for scripts and game loops, whose methods wait for their results."""'
        "\n\n    connection = Connection\n\n"
        + "".join(types.call(each, "def call") for each in methods)
        + "    def call(self, method: str, params: Any = None, *,"
        " timeout: float | None = None) -> Any:\n"
        '        """The result, once it is here. Raises CallError."""\n'
        "        return self._request(method, params, timeout)\n\n"
        + subscribe(types, "BlockingSubscription")
        + on(told)
    )


def subscribe(types: Types, name: str) -> str:
    """The typed `subscribe`, which every resource has a variant of."""
    query = (
        "        where: Mapping[str, Any] | None = None,\n"
        "        fields: Sequence[{fields}] | None = None,\n"
        "        limit: int | None = None,\n"
        "        interval_ms: int | None = None,\n"
        "        stored: Stored[{row}] | None = None,\n"
    )
    definition = "    def subscribe(\n        self,\n        resource: {resource},\n        *,\n"
    signatures = [
        definition.format(resource=f"Literal[{json.dumps(resource)}]")
        + query.format(fields=f"{pascal(resource)}Field", row=row)
        + f"    ) -> {name}[{row}]:\n"
        for resource, row in types.rows.items()
    ]
    if len(signatures) != 1:
        own = definition.format(resource="str") + query.format(fields="str", row="Any")
        own += f"    ) -> {name}[Any]:\n"
        signatures = [variants(signatures) + own]
    return (
        signatures[0]
        + '        """Rows that match, live. To a copy that was `stored` only what has changed'
        ' since is sent."""\n'
        "        return self._follow(resource, where, fields, limit, interval_ms, stored)\n\n"
    )


def on(told: list[Schema]) -> str:
    """The typed `on`."""
    events = {"state": "State", "token": "str"}
    events |= {each["name"]: params_of(each) for each in told}
    return (
        variants(
            f"    def on(\n        self, event: Literal[{json.dumps(event)}],"
            f" listener: Callable[[{value}], object]\n    ) -> Callable[[], None]:\n"
            for event, value in events.items()
        )
        + "    def on(self, event: str, listener: Callable[[Any], object])"
        " -> Callable[[], None]:\n"
        '        """Listens to a notification, to `state` or `token`. Returns what ends that."""\n'
        "        return self._listen(event, listener)\n"
    )


def variants(signatures: Iterable[str]) -> str:
    return "".join(f"    @overload\n{each}{FILLER}\n" for each in signatures)


def pascal(name: str) -> str:
    """`user.set_password` as `UserSetPassword`."""
    words = name.replace(".", "_").split("_")
    return "".join(word[:1].upper() + word[1:] for word in words)


def params_of(method: Schema) -> str:
    """The name of the type of its params."""
    return f"{pascal(method['name'])}Params" if method["params"] else "Mapping[str, None]"


def docstring(text: str, indent: str = "    ") -> str:
    escaped = text.replace("\\", "\\\\").replace('"""', "'''")
    return f'{indent}"""{escaped}"""\n' if text else ""


class Types:
    """Schemas as Python's types."""

    def __init__(self, schemas: dict[str, Schema], methods: list[Schema]) -> None:
        self.schemas = schemas
        self.rows = dict(self.live(methods))
        """The type of a row, by the resources that have a `subscribe`."""

    def declaration(self, name: str, schema: Schema) -> str:
        """A TypedDict knows all its members: what may have others is a `dict`."""
        if "properties" in schema and "patternProperties" not in schema:
            return self.struct(name, schema)
        told = docstring(schema.get("description", ""), "")
        return (
            f"{name}: TypeAlias = {json.dumps(self.of(schema).replace(chr(34), chr(39)))}\n{told}"
        )

    def struct(self, name: str, schema: Schema) -> str:
        """A TypedDict; in the form of a call when a member has a name that no attribute has."""
        told = docstring(schema.get("description", ""))
        required = schema.get("required", ())
        members = {
            key: self.of(each) if key in required else f"NotRequired[{self.of(each)}]"
            for key, each in schema["properties"].items()
        }
        if all(key.isidentifier() and not keyword.iskeyword(key) for key in members):
            body = "".join(f"    {key}: {kind}\n" for key, kind in members.items())
            return f"class {name}(TypedDict):\n{told}{body}" + ("" if told or body else "    ...\n")
        body = "".join(f"    {key!r}: {json.dumps(kind)},\n" for key, kind in members.items())
        return f"{name} = TypedDict({name!r}, {{\n{body}}})\n"

    def params(self, method: Schema) -> str:
        return self.struct(
            params_of(method),
            {
                "properties": {each["name"]: each["schema"] for each in method["params"]},
                "required": [each["name"] for each in method["params"] if each.get("required")],
            },
        )

    def call(self, method: Schema, definition: str) -> str:
        """The variant of `call` for this method."""
        name = params_of(method)
        is_needed = any(each.get("required") for each in method["params"])
        params = f"params: {name}" if is_needed else f"params: {name} | None = None"
        result = self.of(method.get("result", {}).get("schema", {}))
        takes = f"self, method: Literal[{json.dumps(method['name'])}], {params}, *, {TIMEOUT}"
        told = docstring(method.get("summary", ""), " " * 8) or FILLER
        return f"    @overload\n    {definition}(\n        {takes}\n    ) -> {result}:\n{told}\n"

    def live(self, methods: list[Schema]) -> Iterator[tuple[str, str]]:
        for method in methods:
            resource, _, verb = method["name"].rpartition(".")
            if verb == "subscribe":
                yield resource, self.of(self.row(method["result"]["schema"]))

    def row(self, reply: Schema) -> Schema:
        """Of what a subscription replies with: the items of the list that is not the changes."""
        for each in reply.get("oneOf") or reply.get("anyOf") or [self.resolved(reply)]:
            for key, value in self.resolved(each).get("properties", {}).items():
                if key != "changes" and value.get("type") == "array":
                    items: Schema = value["items"]
                    return items
        return {"type": "object"}

    def resolved(self, schema: Schema) -> Schema:
        name = referred(schema)
        return schema if name is None else self.schemas[name]

    def fields(self, resource: str) -> str:
        """The names of the fields that one may ask for."""
        row = self.schemas.get(self.rows[resource], {})
        properties = row.get("properties", ())
        names = ", ".join(f"'{each}'" for each in properties if each not in ROW_HAS_ALWAYS)
        return f'{pascal(resource)}Field: TypeAlias = "{f"Literal[{names}]" if names else "str"}"\n'

    def of(self, schema: Schema) -> str:
        name = referred(schema)
        if name is not None:
            return name
        if kinds := schema.get("anyOf") or schema.get("oneOf"):
            return " | ".join(dict.fromkeys(map(self.of, kinds)))
        if "enum" in schema or "const" in schema:
            values = schema.get("enum", [schema.get("const")])
            texts = (json.dumps(each) if isinstance(each, str) else repr(each) for each in values)
            return f"Literal[{', '.join(texts)}]"
        return self.of_kind(schema.get("type"), schema)

    def of_kind(self, kind: Any, schema: Schema) -> str:
        if isinstance(kind, list):
            return " | ".join(self.of_kind(each, schema) for each in kind)
        if kind == "array":
            return f"list[{self.of(schema.get('items', {}))}]"
        if kind == "object" or "properties" in schema:
            values = schema.get("additionalProperties")
            return f"dict[str, {self.of(values) if isinstance(values, dict) else 'Any'}]"
        return SIMPLE.get(str(kind), "Any")


def referred(schema: Schema) -> str | None:
    """The name of the schema that this one is, elsewhere."""
    return str(schema["$ref"]).rpartition("/")[2] if "$ref" in schema else None
