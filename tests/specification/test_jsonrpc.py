"""The examples of the JSON-RPC 2.0 specification, over both doors.

The server gets the methods that the examples call. Its errors say more than the specification's
(another sentence, and `data`), so of an error the code is compared; the rest is compared whole.
"""

from __future__ import annotations

from typing import Any

import pytest

from server.calls.context import Context
from server.calls.openrpc import Document
from server.calls.registry import Access, Method, method
from tests.conftest import Running
from tests.specification.doors import NAMES, exact, opened, shape
from tests.specification.jsonrpc import EXAMPLES, Example


@method("subtract", access=Access.ANYONE)
def subtract(context: Context, /, minuend: int, subtrahend: int) -> int:
    return minuend - subtrahend


@method("sum", access=Access.ANYONE)
async def add(context: Context, /, first: int, second: int, third: int) -> int:
    return first + second + third


@method("update", access=Access.ANYONE)
def update(context: Context, /, a: int, b: int, c: int, d: int, e: int) -> int:
    return a + b + c + d + e


@method("notify_hello", access=Access.ANYONE)
def notify_hello(context: Context, /, number: int) -> int:
    return number


@method("notify_sum", access=Access.ANYONE)
async def notify_sum(context: Context, /, first: int, second: int, third: int) -> int:
    return first + second + third


@method("get_data", access=Access.ANYONE)
def get_data(context: Context, /) -> list[Any]:
    return ["hello", 5]


@pytest.fixture(scope="module", autouse=True)
def methods(server: Running) -> None:
    served: dict[str, Method] = server.services.use(Document).registry.methods
    for each in (subtract, add, update, notify_hello, notify_sum, get_data):
        served[each.name] = each


def stripped(reply: Any) -> Any:
    """Without what the specification leaves to a server: the sentence of an error, its data."""
    if isinstance(reply, list):
        return [stripped(each) for each in reply]
    if isinstance(reply, dict) and "error" in reply:
        return {**reply, "error": {"code": reply["error"]["code"]}}
    return reply


@pytest.mark.parametrize("door", NAMES)
@pytest.mark.parametrize("example", EXAMPLES, ids=[example.name for example in EXAMPLES])
async def test_each_example_of_the_specification_is_answered_as_it_says(
    server: Running, example: Example, door: str
) -> None:
    async with opened(door, server) as asked:
        reply = await asked.ask(example.sent, is_answered=bool(example.expected))
    shape(reply)
    assert stripped(reply) == stripped(exact(example.expected) if example.expected else None)
