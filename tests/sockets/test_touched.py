"""What we touch of uvicorn, websockets and h11 without their promise is still there."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import re
from typing import Any

import pytest
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.server import ServerProtocol

from server.sockets import framing, http11
from server.sockets.framing import Framed, Limited
from server.sockets.http11 import Http
from server.sockets.touched import TOUCHED
from tests.conftest import Running

NAMES: list[tuple[Any, str]] = [
    (touched, name) for touched, names in TOUCHED.items() for name in names
]
OURS = (
    (Framed, WebSocketsSansIOProtocol),
    (Limited, ServerProtocol),
    (Http, H11Protocol),
)
PROMISED = {
    *("connection_made", "connection_lost", "data_received", "pause_writing", "resume_writing"),
    *("__init__", "extensions", "receive_data", "send_close", "data_to_send", "close_sent"),
    "reject",
}
"""By asyncio's Protocol, and by the documentation of websockets."""


def sources(touched: type) -> str:
    return "".join(inspect.getsource(each) for each in touched.__mro__ if each is not object)


def has(touched: type, name: str) -> bool:
    """Also one that is only ever set on its instances."""
    return hasattr(touched, name) or bool(
        re.search(rf"\bself\.{name}\b(:[^=\n]+)?\s*=[^=]", sources(touched))
    )


@pytest.mark.parametrize(
    ("touched", "name"), NAMES, ids=[f"{each.__name__}.{name}" for each, name in NAMES]
)
def test_what_is_touched_is_there(touched: Any, name: str) -> None:
    package = getattr(touched, "__module__", touched.__name__).partition(".")[0]
    version = importlib.metadata.version(package)
    assert has(touched, name), (
        f"{package} {version} has no {touched.__name__}.{name} any more, which"
        " server/sockets touches: look at what took its place, or require the version"
        " before it in pyproject.toml."
    )


def test_a_name_that_moved_is_noticed() -> None:
    assert not has(WebSocketsSansIOProtocol, "conn_of_old")
    assert not has(ServerProtocol, "parser_exce")


def touches(ours: type, theirs: type) -> set[str]:
    """The names of theirs that our class reads, sets or overrides."""
    (tree,) = ast.parse(inspect.getsource(ours)).body
    assert isinstance(tree, ast.ClassDef)
    of_self = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
    overridden = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return {name for name in of_self | overridden if has(theirs, name)}


@pytest.mark.parametrize(("ours", "theirs"), OURS)
def test_nothing_else_is_touched(ours: type, theirs: type) -> None:
    unnamed = touches(ours, theirs) - set(TOUCHED[theirs]) - PROMISED
    assert not unnamed, f"TOUCHED[{theirs.__name__}] lacks {sorted(unnamed)}."


def test_all_that_is_named_is_touched() -> None:
    told = inspect.getsource(framing) + inspect.getsource(http11)
    for _, name in NAMES:
        assert re.search(rf"\b{name}\b", told), f"TOUCHED has {name}, which is not used."


async def test_uvicorn_makes_our_protocols(server: Running) -> None:
    config = server.uvicorn.config
    made: list[Any] = [config.ws_protocol_class, config.http_protocol_class]
    assert [each.func for each in made] == [Framed, Http]
    async with server.connect():
        assert Framed in {type(each) for each in server.uvicorn.server_state.connections}
