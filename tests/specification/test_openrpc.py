"""The OpenRPC document: complete, and right in itself.

That it is true is held against every frame that a test receives (`tests/contract.py`), and its
examples are told to a server (`test_examples.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft7Validator, FormatChecker  # type: ignore[import-untyped]

from tests.client import ReplyError
from tests.conftest import PASSWORD, Running, Someone, unique_email
from tests.contract import DOCUMENT
from tests.specification.doors import CODES

METHODS = {
    *("user.create", "user.get", "user.list", "user.update", "user.delete", "user.set_password"),
    *("session.create", "session.resume", "session.renew", "session.list", "session.delete"),
    *("system.info", "rpc.discover", "rpc.ping", "rpc.cancel"),
    *("user.subscribe", "subscription.list", "subscription.close"),
    *("subscription.sync", "subscription.explain"),
    *("presence.list", "presence.subscribe"),
}
"""Protocol §4 and §2."""
NOTIFICATIONS = {
    *("user.changed", "presence.changed", "subscription.closed", "server.draining"),
    *("session.expiring", "session.ended"),
}
"""Protocol §5."""
REQUIRED = {
    "user.create": ["email", "full_name", "password"],
    "user.get": ["id"],
    "user.list": [],
    "user.update": ["set"],
    "user.delete": [],
    "user.set_password": ["current", "new"],
    "session.create": ["email", "password"],
    "session.resume": ["token"],
    "session.renew": [],
    "session.list": [],
    "session.delete": [],
    "user.subscribe": [],
    "presence.list": [],
    "presence.subscribe": [],
    "subscription.list": [],
    "subscription.close": ["subscription"],
    "subscription.sync": [],
    "subscription.explain": ["subscription", "id"],
    "system.info": [],
    "rpc.discover": [],
    "rpc.ping": [],
    "rpc.cancel": ["id"],
}
OPTIONAL = {
    "user.create": {"id", "status", "profile", "retry_key"},
    "user.list": {"where", "order_by", "limit", "after"},
    "user.subscribe": {"where", "fields", "after", "limit", "interval_ms"},
    "presence.list": {"where", "order_by", "limit", "after"},
    "presence.subscribe": {"where", "fields", "after", "limit", "interval_ms"},
    "user.update": {"id", "version", "retry_key"},
    "user.delete": {"id", "retry_key"},
    "user.set_password": {"retry_key"},
    "session.create": {"retry_key"},
    "session.renew": {"retry_key"},
    "session.list": {"user"},
    "session.delete": {"id", "retry_key"},
}


@pytest.fixture(scope="module")
async def document(server: Running) -> AsyncIterator[Any]:
    async with server.connect() as client:
        yield await client.call("rpc.discover")


def inside(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in it."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from inside(each)
    elif isinstance(value, list):
        for each in value:
            yield from inside(each)


def resolved(document: Any, reference: str) -> Any:
    assert reference.startswith("#/"), reference
    found = document
    for step in reference[2:].split("/"):
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return found


def by_name(document: Any) -> dict[str, Any]:
    """The methods that one may call."""
    return {each["name"]: each for each in document["methods"] if "x-notification" not in each}


def told(document: Any) -> dict[str, Any]:
    """The notifications."""
    return {each["name"]: each for each in document["methods"] if "x-notification" in each}


def validator(document: Any, schema: Any) -> Any:
    whole = {"allOf": [schema], "components": document["components"]}
    return Draft7Validator(whole, format_checker=FormatChecker())


def test_the_committed_document_is_the_one_that_is_served(document: Any) -> None:
    assert json.loads(DOCUMENT.read_text()) == document, (
        "The contract has changed. If it is meant to, run"
        " `.venv/bin/victoryvault openrpc > docs/openrpc.json` and commit it."
    )


def test_the_document_has_what_openrpc_demands(document: Any) -> None:
    assert document["openrpc"].startswith("1.4.")
    assert document["info"].keys() >= {"title", "version"}
    for method in by_name(document).values():
        assert method.keys() >= {"name", "params", "result", "errors", "summary", "examples"}
        assert method["summary"]
        assert {"name", "schema"} <= method["result"].keys()
    for notification in told(document).values():
        assert notification["x-notification"] is True
        assert not notification.keys() & {"result", "errors"}
    for method in document["methods"]:
        for param in method["params"]:
            assert {"name", "schema", "required"} <= param.keys()


def test_every_method_of_the_protocol_is_there_once_and_no_other(document: Any) -> None:
    names = [method["name"] for method in document["methods"]]
    assert sorted(names) == sorted(METHODS | NOTIFICATIONS)
    assert by_name(document).keys() == METHODS


def test_everything_is_described(document: Any) -> None:
    schemas = document["components"]["schemas"]
    assert [name for name, schema in schemas.items() if not schema.get("description")] == []
    for method in document["methods"]:
        for param in method["params"]:
            named = param["schema"].get("anyOf", [param["schema"]])[0].get("$ref")
            assert param.get("description") or named, (method["name"], param["name"])


def test_names_are_words_that_say_nothing_of_the_code(document: Any) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert re.fullmatch(r"([A-Z][a-z]+)+|OpenRPC", name)
        assert schema["title"] == name


def test_every_reference_resolves(document: Any) -> None:
    references = [each["$ref"] for each in inside(document) if "$ref" in each]
    assert references
    for reference in references:
        assert resolved(document, reference) is not None


def test_every_schema_is_a_json_schema(document: Any) -> None:
    schemas = [param["schema"] for method in document["methods"] for param in method["params"]]
    schemas += [method["result"]["schema"] for method in by_name(document).values()]
    schemas += document["components"]["schemas"].values()
    for schema in schemas:
        Draft7Validator.check_schema(schema)


def test_params_are_those_of_the_protocol_required_ones_first(document: Any) -> None:
    for name, method in by_name(document).items():
        required = [param["name"] for param in method["params"] if param.get("required")]
        assert required == REQUIRED[name]
        names = [param["name"] for param in method["params"]]
        assert names[: len(required)] == required
        assert set(names[len(required) :]) == OPTIONAL.get(name, set())


def test_params_may_be_given_either_way(document: Any) -> None:
    assert {method["paramStructure"] for method in by_name(document).values()} == {"either"}
    assert {method["paramStructure"] for method in told(document).values()} == {"by-name"}


def test_errors_are_those_of_the_protocol(document: Any) -> None:
    errors = document["components"]["errors"]
    assert {kind: error["code"] for kind, error in errors.items()} == CODES
    for kind, error in errors.items():
        assert error["message"]
        assert error["data"]["kind"] == kind


def test_the_errors_of_a_method_have_a_code_each_and_all_its_kinds(document: Any) -> None:
    for method in by_name(document).values():
        errors = [
            resolved(document, each["$ref"]) if "$ref" in each else each
            for each in method["errors"]
        ]
        codes = [error["code"] for error in errors]
        assert codes == sorted(set(codes))
        said = [error["data"]["kind"] for error in errors]
        kinds = [kind for each in said for kind in (each if isinstance(each, list) else [each])]
        assert sorted(kinds) == sorted(method["x-errors"])
        assert set(codes) == {CODES[kind] for kind in kinds}
        assert "invalid_params" in kinds


def test_every_example_is_what_its_schemas_say(document: Any) -> None:
    for method in document["methods"]:
        schemas = {param["name"]: param["schema"] for param in method["params"]}
        required = [param["name"] for param in method["params"] if param["required"]]
        (example,) = method["examples"]
        given = {param["name"]: param["value"] for param in example["params"]}
        assert list(given) == list(schemas)[: len(given)], "it can be given by position too"
        assert given.keys() >= set(required)
        for name, value in given.items():
            validator(document, schemas[name]).validate(value)
        if "result" in method:
            validator(document, method["result"]["schema"]).validate(example["result"]["value"])


def test_no_secret_is_in_the_document(document: Any) -> None:
    text = json.dumps(document)
    for word in ("postgresql://", "argon2", "SELECT ", "Traceback"):
        assert word not in text


WHERES: list[dict[str, Any]] = [
    {},
    {"full_name": "Ada"},
    {"full_name": {"eq": "Ada", "prefix": "A"}},
    {"id": {"in": ["019ab5c2-7a40-7000-8000-000000000001"]}},
    {"version": {"gte": 2, "lt": 3.5}},
    {"created_at": {"gt": "2026-11-24T12:00:00Z"}},
    {"profile.level": {"ne": None}},
    {"profile.tags": ["a", {"b": 1}]},
    {"profile": {"eq": {"level": 1}}},
    {"all": [{"any": []}, {"not": {"all": [{"status": "x"}, {"profile.a.b": 1}]}}]},
]
NO_WHERES: list[Any] = [
    [],
    "full_name",
    {"fullname": "Ada"},
    {"full_name": {}},
    {"full_name": {"like": "A"}},
    {"full_name": {"in": "Ada"}},
    {"version": {"prefix": "1"}},
    {"profile.": 1},
    {"full_name.x": 1},
    {"all": {}},
    {"not": [{}]},
    {"any": [{"not": {"all": [{"fullname": "Ada"}]}}]},
]


@pytest.mark.parametrize("where", WHERES, ids=json.dumps)
async def test_a_where_is_one_by_its_schema_and_for_the_server(
    document: Any, ada: Someone, where: dict[str, Any]
) -> None:
    validator(document, document["components"]["schemas"]["UserWhere"]).validate(where)
    await ada.client.call("user.list", where=where)


@pytest.mark.parametrize("where", NO_WHERES, ids=json.dumps)
async def test_what_is_no_where_is_none_for_both(document: Any, ada: Someone, where: Any) -> None:
    schema = document["components"]["schemas"]["UserWhere"]
    assert not validator(document, schema).is_valid(where)
    with pytest.raises(ReplyError, match="invalid_params"):
        await ada.client.call("user.list", where=where)


async def test_asyncapi_has_a_message_for_each_call_reply_and_notification(
    server: Running, document: Any
) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        said = (await http.get(f"{server.url}/asyncapi.json")).json()
    assert said["asyncapi"] == "3.0.0"
    called = {name.replace(".", "_") for name in METHODS}
    replies = {f"{name}_reply" for name in called}
    notifications = {name.replace(".", "_") for name in NOTIFICATIONS}
    assert said["channels"]["rpc"]["messages"].keys() == called | replies | notifications
    operations = said["operations"]
    assert {name for name in operations if operations[name]["action"] == "receive"} == called
    assert said["components"]["schemas"] == document["components"]["schemas"]


@pytest.mark.parametrize(
    ("name", "param", "value"),
    [
        ("user.get", "id", "x"),
        ("user.get", "id", 1),
        ("user.list", "limit", 501),
        ("user.list", "limit", 0),
        ("user.list", "where", []),
        ("user.list", "order_by", "created_at"),
        ("user.list", "order_by", ["profile"]),
        ("user.subscribe", "fields", ["password"]),
        ("user.update", "set", {"nothing": 1}),
        ("user.update", "set", {"status": "x" * 141}),
        ("user.update", "set", {"full_name": "x" * 256}),
        ("user.update", "set", {"role": "king"}),
        ("user.update", "retry_key", "x" * 65),
        ("user.create", "email", "no at sign"),
        ("user.create", "profile", []),
    ],
)
async def test_what_a_schema_refuses_the_server_refuses(
    document: Any, ada: Someone, name: str, param: str, value: Any
) -> None:
    described = {each["name"]: each for each in by_name(document)[name]["params"]}
    if param != "id":  # jsonschema knows the format uuid only with more packages
        assert not validator(document, described[param]["schema"]).is_valid(value)
    needed: dict[str, dict[str, Any]] = {
        "user.create": {"email": unique_email(), "full_name": "x", "password": PASSWORD},
        "user.update": {"set": {}},
    }
    others = needed.get(name, {})
    with pytest.raises(ReplyError) as refused:
        await ada.client.call(name, **{**others, param: value})
    assert refused.value.kind == "invalid_params"
    assert re.split(r"[.\[]", refused.value.data["path"])[0] == param
