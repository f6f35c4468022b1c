"""AsyncAPI 3.0: OpenRPC's methods and notifications, with its schemas, as messages on a socket."""

from __future__ import annotations

from typing import Any

from server.calls.schemas import Schema

VERSION = "3.0.0"
CHANNEL = {"$ref": "#/channels/rpc"}
ID: Schema = {"type": ["string", "number", "null"], "description": "The call's, echoed"}
ERROR: Schema = {
    "type": "object",
    "description": "Instead of a result",
    "properties": {
        "code": {"type": "integer"},
        "message": {"type": "string"},
        "data": {"type": "object", "properties": {"kind": {"type": "string"}}},
    },
    "required": ["code", "message"],
}


def asyncapi(openrpc: dict[str, Any]) -> dict[str, Any]:
    """A message for each call, reply and notification, and an operation for each method."""
    messages, operations = {}, {}
    for method in openrpc["methods"]:
        name = key(method["name"])
        messages[name] = {
            "name": method["name"],
            "summary": method["summary"],
            "payload": request(method),
        }
        if method.get("x-notification"):
            operations[name] = operation("send", name)
            continue
        answer = f"{name}_reply"
        payload = reply(method["result"]["schema"])
        messages[answer] = {"title": f"Reply to {method['name']}", "payload": payload}
        replies = {"channel": CHANNEL, "messages": [reference(answer)]}
        operations[name] = operation("receive", name) | {"reply": replies}
    return {
        "asyncapi": VERSION,
        "info": openrpc["info"],
        "defaultContentType": "application/json",
        "servers": {
            "socket": {
                "host": "{host}",
                "protocol": "ws",
                "variables": {"host": {"default": "127.0.0.1:8080"}},
            }
        },
        "channels": {
            "rpc": {
                "address": "/rpc",
                "description": "A WebSocket. A text frame holds a message, or a batch of them.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
            }
        },
        "operations": operations,
        "components": {"messages": messages, "schemas": openrpc["components"]["schemas"]},
    }


def key(name: str) -> str:
    """As AsyncAPI's names may be: without dots."""
    return name.replace(".", "_")


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/channels/rpc/messages/{name}"}


def operation(action: str, name: str) -> dict[str, Any]:
    """`receive` is what the server receives, `send` what it sends."""
    return {"action": action, "channel": CHANNEL, "messages": [reference(name)]}


def request(method: dict[str, Any]) -> Schema:
    needed = [each["name"] for each in method["params"] if each["required"]]
    params: Schema = {
        "type": "object",
        "properties": {each["name"]: each["schema"] for each in method["params"]},
        **({"required": needed} if needed else {}),
    }
    return envelope({"method": {"const": method["name"]}, "params": params}, ["method"])


def reply(result: Schema) -> Schema:
    schema = envelope({"result": result, "error": ERROR}, [])
    return {**schema, "oneOf": [{"required": ["result"]}, {"required": ["error"]}]}


def envelope(members: dict[str, Schema], required: list[str]) -> Schema:
    return {
        "type": "object",
        "properties": {"jsonrpc": {"const": "2.0"}, "id": ID, **members},
        "required": ["jsonrpc", *required],
    }
