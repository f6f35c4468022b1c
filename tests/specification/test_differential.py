"""Our dispatch beside jsonrpcserver's own, with the same methods: whatever is sent, both say the
same. Where jsonrpcserver departs from the specification (decision 1), it is asked what it can
answer: of a batch each entry by itself, of an invalid request its code without its id."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonrpcserver import async_dispatch
from jsonrpcserver.codes import ERROR_INVALID_REQUEST
from jsonrpcserver.exceptions import JsonRpcError
from jsonrpcserver.result import Result, Success

from server.calls.connection import Connection, Connections
from server.calls.context import Context, Services
from server.calls.dispatch import Answer, Dispatch
from server.calls.limits import Bucket
from server.calls.registry import Access, Registry, method
from tests.conftest import settings_for

REFUSED = JsonRpcError(7, "no", {"kind": "refused"})


async def add(context: Any, /, first: Any, second: Any = 0) -> Any:
    return Success([first, second])


def echo(context: Any, /, value: Any = None) -> Any:
    return value


async def refuse(context: Any, /) -> Any:
    raise REFUSED


async def echo_there(context: Any, value: Any = None) -> Result:
    """A method of jsonrpcserver's is asynchronous and gives a Result."""
    return Success(echo(context, value))


THERE = {"add": add, "echo": echo_there, "refuse": refuse}
names = st.sampled_from([*THERE, *THERE, "nothing", "", "rpc.add", "Add"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=2) | st.dictionaries(st.text(max_size=3), inside),
    max_leaves=4,
)
named = st.dictionaries(st.sampled_from(["first", "second", "value", "third"]), values, max_size=3)
params = st.lists(values, max_size=3) | named
ids = st.none() | st.integers(-(2**60), 2**60) | st.text(max_size=5)
calls = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "method": names}, optional={"params": params, "id": ids}
)
odd = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.sampled_from(["2.0", "2.0", "1.0", 2.0, None]),
        "method": names | values,
        "params": params | values,
        "id": ids | values,
    },
).filter(lambda each: "method" in each)
entries = calls | calls | odd | values.filter(lambda each: not isinstance(each, dict | list))
messages = entries | st.lists(entries, max_size=4)


@pytest.fixture(scope="module")
def dispatch() -> Dispatch:
    declare = partial(method, access=Access.ANYONE)
    declared = [declare("add")(add), declare("echo")(echo), declare("refuse")(refuse)]
    return Dispatch(Registry(declared), Services(settings_for("postgresql:///nowhere"), {}))


async def ours(dispatch: Dispatch, text: str) -> Any:
    connection = Connection("127.0.0.1", "", Bucket(0), Connections())
    answer = dispatch.begin(text, connection)
    if not isinstance(answer, Answer):
        answer = await answer()
    return None if answer.reply is None else json.loads(answer.reply)


async def theirs(message: Any) -> Any:
    if isinstance(message, list) and message:
        found = [await theirs(each) for each in message]
        return [each for each in found if each is not None] or None
    said = await async_dispatch(json.dumps(message), methods=THERE, context=Context)
    return json.loads(said) if said else None


def told(reply: Any) -> Any:
    """A reply without what each has its own words for: an error's message and data, but where the
    method has chosen them; and the id of an invalid request, which jsonrpcserver does not give."""
    if isinstance(reply, list):
        return [told(each) for each in reply]
    if reply is None or "result" in reply:
        return reply
    error = reply["error"]
    if error["code"] == ERROR_INVALID_REQUEST:
        return "invalid request"
    return {**reply, "error": error if error["code"] == REFUSED.code else error["code"]}


@given(message=messages)
@settings(max_examples=1000, deadline=None)
def test_both_answer_alike(dispatch: Dispatch, message: Any) -> None:
    async def both() -> tuple[Any, Any]:
        return await ours(dispatch, json.dumps(message)), await theirs(message)

    mine, other = asyncio.run(both())
    assert told(mine) == told(other)


@given(text=st.text(max_size=20).filter(lambda each: not is_json(each)))
def test_both_call_the_same_no_json(dispatch: Dispatch, text: str) -> None:
    async def both() -> tuple[Any, Any]:
        said = await async_dispatch(text, methods=THERE, context=Context)
        return await ours(dispatch, text), json.loads(said)

    mine, other = asyncio.run(both())
    assert told(mine) == told(other)
    assert mine["id"] is None


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
