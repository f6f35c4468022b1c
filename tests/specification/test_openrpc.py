"""The OpenRPC document: complete, right in itself, and true of what the server answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator, FormatChecker  # type: ignore[import-untyped]

from tests.client import ReplyError
from tests.conftest import PASSWORD, Running, Someone, sign_up, unique_email
from tests.specification.doors import CODES

METHODS = {
    *("user.create", "user.get", "user.list", "user.update", "user.delete", "user.set_password"),
    *("session.create", "session.resume", "session.renew", "session.list", "session.delete"),
    *("system.info", "rpc.discover", "rpc.ping", "rpc.cancel"),
    *("user.subscribe", "subscription.list", "subscription.close"),
    *("subscription.sync", "subscription.explain"),
}
"""Protocol §4 and §2; presence comes later."""
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


@pytest.fixture(scope="module")
async def user(server: Running) -> AsyncIterator[Someone]:
    async with server.connect() as socket:
        yield await sign_up(socket)


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
    return {method["name"]: method for method in document["methods"]}


def validator(document: Any, schema: Any) -> Any:
    whole = {"allOf": [schema], "components": document["components"]}
    return Draft7Validator(whole, format_checker=FormatChecker())


def test_the_document_has_what_openrpc_demands(document: Any) -> None:
    assert document["openrpc"].startswith("1.4.")
    assert document["info"].keys() >= {"title", "version"}
    for method in document["methods"]:
        assert method.keys() >= {"name", "params", "result", "errors", "summary"}
        assert method["summary"]
        assert {"name", "schema"} <= method["result"].keys()
        for param in method["params"]:
            assert {"name", "schema"} <= param.keys()


def test_every_method_of_the_protocol_is_there_once_and_no_other(document: Any) -> None:
    names = [method["name"] for method in document["methods"]]
    assert sorted(names) == sorted(METHODS)


def test_every_reference_resolves(document: Any) -> None:
    references = [each["$ref"] for each in inside(document) if "$ref" in each]
    assert references
    for reference in references:
        assert resolved(document, reference) is not None


def test_every_schema_is_a_json_schema(document: Any) -> None:
    schemas = [param["schema"] for method in document["methods"] for param in method["params"]]
    schemas += [method["result"]["schema"] for method in document["methods"]]
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
    assert {method["paramStructure"] for method in document["methods"]} == {"either"}


def test_errors_are_those_of_the_protocol(document: Any) -> None:
    errors = document["components"]["errors"]
    assert {kind: error["code"] for kind, error in errors.items()} == CODES
    for kind, error in errors.items():
        assert error["message"]
        assert error["data"]["kind"] == kind
    for method in document["methods"]:
        kinds = [resolved(document, error["$ref"])["data"]["kind"] for error in method["errors"]]
        assert len(kinds) == len(set(kinds))
        assert "invalid_params" in kinds


def test_every_method_with_required_params_has_an_example(document: Any) -> None:
    for name, method in by_name(document).items():
        if REQUIRED[name]:
            assert method["examples"], name


def test_examples_fit_their_params(document: Any) -> None:
    for method in document["methods"]:
        schemas = {param["name"]: param for param in method["params"]}
        for example in method.get("examples", []):
            given = {param["name"]: param["value"] for param in example["params"]}
            assert given.keys() <= schemas.keys()
            missing = {name for name, param in schemas.items() if param.get("required")} - set(
                given
            )
            assert not missing
            for name, value in given.items():
                validator(document, schemas[name]["schema"]).validate(value)


def test_no_secret_is_in_the_document(document: Any) -> None:
    text = json.dumps(document)
    for word in ("postgresql://", "argon2", "SELECT ", "Traceback"):
        assert word not in text


async def test_what_the_server_answers_is_what_the_document_says(
    server: Running, document: Any, user: Someone, admin: Someone
) -> None:
    async with server.connect() as client:
        email, new = unique_email(), "another long password"
        created = await client.call(
            "user.create",
            email=email,
            full_name="Ñandú",
            password=PASSWORD,
            profile={"level": 1.5, "tags": ["a", None], "nested": {"x": True}},
        )
        id_ = created["user"]["id"]
        replies = {
            "user.create": [created],
            "user.get": [
                await client.call("user.get", id=id_),
                await client.call("user.get", id=user.id),
                await admin.client.call("user.get", id=id_),
            ],
            "user.list": [
                await client.call("user.list"),
                await client.call("user.list", limit=1),
                await client.call("user.list", where={"id": id_}),
                await admin.client.call("user.list"),
            ],
            "user.update": [
                await client.call("user.update", set={"status": "x"}),
                await admin.client.call("user.update", id=id_, set={"role": "admin"}),
            ],
            "user.set_password": [
                await client.call("user.set_password", current=PASSWORD, new=new)
            ],
            "session.create": [await client.call("session.create", email=email, password=new)],
            "session.list": [await client.call("session.list")],
            "session.renew": [renewed := await client.call("session.renew")],
            "session.resume": [await client.call("session.resume", token=renewed["token"])],
            "system.info": [await client.call("system.info")],
            "rpc.discover": [document],
            "rpc.ping": [await client.call("rpc.ping")],
            "rpc.cancel": [await client.call("rpc.cancel", id=99)],
            "user.subscribe": [
                followed := await client.call("user.subscribe"),
                await client.call("user.subscribe", after=followed["position"]),
            ],
            "subscription.list": [await client.call("subscription.list")],
            "subscription.sync": [await client.call("subscription.sync")],
            "subscription.explain": [
                await client.call(
                    "subscription.explain", subscription=followed["subscription"], id=id_
                )
            ],
            "subscription.close": [
                await client.call("subscription.close", subscription=followed["subscription"])
            ],
            "user.delete": [await admin.client.call("user.delete", id=id_)],
            "session.delete": [await user.client.call("session.delete", id=user.session)],
        }
    assert replies.keys() == METHODS
    methods = by_name(document)
    for name, answers in replies.items():
        for answer in answers:
            validator(document, methods[name]["result"]["schema"]).validate(answer)


async def test_no_reply_has_a_member_that_the_document_does_not_name(
    server: Running, document: Any
) -> None:
    async with server.connect() as client:
        created = await client.call(
            "user.create", email=unique_email(), full_name="Ada", password=PASSWORD
        )
        sessions = await client.call("session.list")
    result = by_name(document)["user.create"]["result"]["schema"]
    named = resolved(document, result["$ref"]) if "$ref" in result else result
    assert created.keys() == named["properties"].keys()
    own = resolved(document, named["properties"]["user"]["$ref"])
    assert created["user"].keys() == own["properties"].keys()
    session = resolved(document, named["properties"]["session"]["$ref"])
    assert created["session"].keys() == session["properties"].keys()
    assert sessions["sessions"][0].keys() == session["properties"].keys()


@pytest.mark.parametrize(
    ("name", "param", "value"),
    [
        ("user.get", "id", "x"),
        ("user.get", "id", 1),
        ("user.list", "limit", 501),
        ("user.list", "limit", 0),
        ("user.list", "where", []),
        ("user.list", "order_by", "created_at"),
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
    assert refused.value.data["path"].split(".")[0] == param
