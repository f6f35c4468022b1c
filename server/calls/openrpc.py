"""The OpenRPC 1.4 document, made from the types that the calls are checked with."""

from __future__ import annotations

from functools import cached_property
from importlib.metadata import metadata
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec

from server.calls.schemas import Schema, Schemas
from server.protocol.errors import KINDS
from server.protocol.messages import encode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from server.calls.registry import Method, Notification, Registry

VERSION = "1.4.1"
ABOUT = """\
{summary}.

Open a WebSocket to `/rpc`, or POST to it. Sign in with `user.create`, `session.create` or \
`session.resume`. `user.subscribe` gives rows, and from then on `user.changed` tells of every \
change to them.

- `x-notification`: the server sends it by itself; nobody calls it.
- `x-access`: who may call. `x-needs-socket`: not over POST.
- `x-writes`: safe to repeat with the same `retry_key`.
- `x-errors`: what `error.data.kind` may be. Programs look at nothing else of an error.

A param that may be left out may be null instead, where its schema says so."""
SERVERS = (
    {
        "name": "socket",
        "summary": "WebSocket: every method, and notifications",
        "url": "ws://${host}/rpc",
    },
    {
        "name": "post",
        "summary": "HTTP: the methods that need no socket",
        "url": "http://${host}/rpc",
    },
)
HOST = {"host": {"default": "127.0.0.1:8080", "description": "Of the server, with its port"}}
ANYWHERE = (
    *("invalid_params", "internal_error", "message_too_large", "too_many_calls"),
    *("cancelled", "unavailable", "timeout"),
)
"""Kinds of errors that any method may answer with."""


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
    def schemas(self) -> Schemas:
        methods = self.registry.methods.values()
        told = self.registry.notifications.values()
        return Schemas(
            given=[each.params for each in methods],
            sent=[*(each.result for each in methods), *(each.params for each in told)],
        )

    @cached_property
    def body(self) -> dict[str, Any]:
        methods, told = self.registry.methods, self.registry.notifications
        described = [
            *(self.method(methods[name]) for name in sorted(methods)),
            *(self.notification(told[name]) for name in sorted(told)),
        ]
        unnamed = [each.params for each in methods.values()]
        unnamed += [each.params for each in told.values()]
        return {
            "openrpc": VERSION,
            "info": {
                **self.about,
                "description": ABOUT.format(summary=self.about["description"]),
                "license": {"name": "MIT"},
            },
            "servers": [{**each, "variables": HOST} for each in SERVERS],
            "methods": described,
            "components": {
                "schemas": self.schemas.without(unnamed),
                "errors": {row.kind: error_of([row.kind]) for row in KINDS.values()},
            },
        }

    def method(self, method: Method) -> dict[str, Any]:
        kinds = kinds_of(method)
        return {
            **self.named(method.name, method.description, method.params),
            "result": {
                "name": method.name.replace(".", "_") + "_result",
                "schema": self.schemas.of(method.result),
            },
            "errors": errors_of(kinds),
            "examples": [pairing(method)],
            "x-access": method.access.value,
            "x-writes": method.writes,
            "x-needs-socket": method.needs_socket,
            "x-errors": kinds,
        }

    def notification(self, told: Notification) -> dict[str, Any]:
        params = {} if told.example is None else plain(told.example)
        return {
            **self.named(told.name, told.description, told.params),
            "paramStructure": "by-name",
            **({"examples": [{"name": told.name, "params": values(params)}]} if params else {}),
            "x-notification": True,
        }

    def named(self, name: str, text: str, params: type[msgspec.Struct]) -> dict[str, Any]:
        summary, _, more = text.partition("\n\n")
        members = self.schemas.members(params)
        required = members.get("required", [])
        return {
            "name": name,
            "summary": summary,
            **({"description": more} if more else {}),
            "tags": [{"name": name.split(".", maxsplit=1)[0]}],
            "paramStructure": "either",
            "params": [
                {"name": key, "required": key in required, **descriptor(schema)}
                for key, schema in members["properties"].items()
            ],
        }


def descriptor(schema: Schema) -> dict[str, Any]:
    """A param's description is its own; what is left is its schema, null included."""
    inner = schema
    if "anyOf" in schema and "description" in schema["anyOf"][0]:
        first = dict(schema["anyOf"][0])
        inner = {"description": first.pop("description"), **schema}
        inner["anyOf"] = [first, *schema["anyOf"][1:]]
    kept = {word: value for word, value in inner.items() if word != "description"}
    return {**({"description": inner["description"]} if kept != inner else {}), "schema": kept}


def kinds_of(method: Method) -> list[str]:
    """Of the errors that it may answer with: its own first."""
    signed_in = () if method.access.value == "anyone" else ("unauthenticated", "session_expired")
    repeated = ("retry_key_reused",) if method.writes else ()
    socket = ("needs_socket",) if method.needs_socket else ()
    return list(dict.fromkeys((*method.errors, *signed_in, *repeated, *socket, *ANYWHERE)))


def errors_of(kinds: Iterable[str]) -> list[dict[str, Any]]:
    """By code, for OpenRPC wants each code once; kinds that share one stand in one error."""
    by_code = groupby(sorted(kinds, key=code_of), key=code_of)
    return [refer_or_join(list(same)) for _code, same in by_code]


def code_of(kind: str) -> int:
    return KINDS[kind].code


def refer_or_join(kinds: list[str]) -> dict[str, Any]:
    if len(kinds) == 1:
        return {"$ref": f"#/components/errors/{kinds[0]}"}
    return error_of(kinds)


def error_of(kinds: list[str]) -> dict[str, Any]:
    return {
        "code": code_of(kinds[0]),
        "message": " Or: ".join(KINDS[kind].message for kind in kinds),
        "data": {"kind": kinds[0] if len(kinds) == 1 else kinds},
    }


def pairing(method: Method) -> dict[str, Any]:
    given = plain(method.example)
    result = (
        {} if method.reply is None else {"result": {"name": "result", "value": plain(method.reply)}}
    )
    return {"name": method.name, "params": values(given), **result}


def values(given: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in given.items()]


def plain(value: Any) -> Any:
    """As JSON has it."""
    return msgspec.json.decode(encode(value))
