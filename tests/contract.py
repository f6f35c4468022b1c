"""The committed OpenRPC document, which every frame that a test receives is held against.

A reply to a known call is one of its method's results, or an error whose kind the method names; a
notification is one that the document has, with its params.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft7Validator, ValidationError

DOCUMENT = Path(__file__).parent.parent / "docs" / "openrpc.json"
BEFORE = {"parse_error", "invalid_request", "method_not_found", "batch_too_large"}
"""Kinds of what is refused before any method is looked at."""


class Contract:
    def __init__(self, document: Any) -> None:
        self.components = document["components"]
        self.methods = {each["name"]: each for each in document["methods"]}
        self.validators: dict[str, Any] = {}

    @cached_property
    def codes(self) -> dict[str, int]:
        return {kind: each["code"] for kind, each in self.components["errors"].items()}

    def learn(self, document: Any) -> None:
        """What a server has beside: a test's own methods."""
        self.components["schemas"] = document["components"]["schemas"] | self.components["schemas"]
        self.methods = {each["name"]: each for each in document["methods"]} | self.methods

    def check(self, frame: Any, called: dict[Any, str]) -> None:
        """`called` are methods by the ids of their calls, and loses those that are answered.

        Raises AssertionError.
        """
        for message in frame if isinstance(frame, list) else [frame]:
            if "method" in message:
                self.check_notification(message)
                continue
            id_ = message["id"]
            method = called.pop(id_, None) if isinstance(id_, str | int) else None
            if "error" in message:
                self.check_error(message, method)
            elif method is not None:
                self.validate(method, message["result"])

    def check_notification(self, message: Any) -> None:
        assert message.keys() == {"jsonrpc", "method", "params"}, message
        assert self.methods[message["method"]].get("x-notification"), message
        self.validate(message["method"], message["params"])

    def check_error(self, message: Any, method: str | None) -> None:
        error = message["error"]
        assert error.keys() == {"code", "message", "data"}, message
        kind = error["data"]["kind"]
        assert error["code"] == self.codes[kind], message
        if method in self.methods and kind not in BEFORE:
            assert kind in self.methods[method]["x-errors"], f"{method} does not name {kind}"

    def validate(self, method: str, value: Any) -> None:
        if method not in self.validators:
            schema = self.flat(self.schema(self.methods[method]))
            self.validators[method] = Draft7Validator(schema, validate_formats=True)
        try:
            self.validators[method].validate(value)
        except ValidationError as fault:
            raise AssertionError(f"{method} at {fault.instance_path}: {fault.message}") from None

    def schema(self, method: Any) -> Any:
        """Of a method's result; of a notification's params."""
        if "result" in method:
            return method["result"]["schema"]
        return {
            "type": "object",
            "properties": {each["name"]: each["schema"] for each in method["params"]},
            "required": [each["name"] for each in method["params"] if each["required"]],
            "additionalProperties": False,
        }

    def flat(self, schema: Any) -> Any:
        """Without references, which cost time, and without room for members that it lacks."""
        if isinstance(schema, list):
            return [self.flat(each) for each in schema]
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            return self.flat(self.components["schemas"][schema["$ref"].rpartition("/")[2]])
        closed = {"additionalProperties": False} if "properties" in schema else {}
        return {**closed, **{key: self.flat(each) for key, each in schema.items()}}


CONTRACT = Contract(json.loads(DOCUMENT.read_text()))
