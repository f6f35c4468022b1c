"""The OpenRPC 1.4 document, made from the types that the calls are checked with."""

from __future__ import annotations

from functools import cached_property
from importlib.metadata import metadata
from typing import TYPE_CHECKING, Any

import msgspec

from server.protocol.errors import KINDS

if TYPE_CHECKING:
    from server.calls.registry import Method, Registry

VERSION = "1.4.0"
ANYWHERE = ("invalid_params", "internal_error", "unavailable", "timeout", "too_many_calls")
"""Errors that any method may answer with."""


class Document:
    """Of one server: `body` is what `rpc.discover` gives and `/openrpc.json` serves."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    @cached_property
    def about(self) -> dict[str, str]:
        project = metadata("victoryvault")
        return {
            "title": "VictoryVault",
            "version": project["Version"],
            "description": project["Summary"],
        }

    @cached_property
    def body(self) -> dict[str, Any]:
        methods = [self.registry.methods[name] for name in sorted(self.registry.methods)]
        types = [kind for each in methods for kind in (each.params, each.result)]
        schemas, components = msgspec.json.schema_components(
            types, ref_template="#/components/schemas/{name}"
        )
        params = {each.name: components.pop(each.params.__name__) for each in methods}
        results = dict(zip((each.name for each in methods), schemas[1::2], strict=True))
        return {
            "openrpc": VERSION,
            "info": {**self.about, "license": {"name": "MIT"}},
            "methods": [described(each, params[each.name], results[each.name]) for each in methods],
            "components": {
                "schemas": components,
                "errors": {
                    row.kind: {
                        "code": row.code,
                        "message": row.message,
                        "data": {"kind": row.kind},
                    }
                    for row in KINDS.values()
                },
            },
        }


def described(method: Method, params: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    summary, _, more = method.description.partition("\n\n")
    required = params.get("required", [])
    signed_in = () if method.access.value == "anyone" else ("unauthenticated", "session_expired")
    repeated = ("retry_key_reused",) if method.writes else ()
    errors = dict.fromkeys((*method.errors, *signed_in, *repeated, *ANYWHERE))
    return {
        "name": method.name,
        "summary": summary,
        **({"description": more} if more else {}),
        "tags": [{"name": method.name.split(".")[0]}],
        "paramStructure": "either",
        "params": [
            {
                "name": name,
                "required": name in required,
                **described_by(schema),
                "schema": schema,
            }
            for name, schema in params["properties"].items()
        ],
        "result": {"name": "result", "schema": result},
        "errors": [{"$ref": f"#/components/errors/{kind}"} for kind in errors],
        **({"examples": [example(method)]} if method.example else {}),
        "x-access": method.access.value,
        "x-writes": method.writes,
        "x-needs-socket": method.needs_socket,
    }


def described_by(schema: dict[str, Any]) -> dict[str, str]:
    return {"description": schema["description"]} if "description" in schema else {}


def example(method: Method) -> dict[str, Any]:
    return {
        "name": method.name,
        "params": [{"name": name, "value": value} for name, value in method.example.items()],
    }
