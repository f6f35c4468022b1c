"""What a declaration must say is asked for when the server starts."""

from __future__ import annotations

import pytest

from server.calls.context import Context
from server.calls.registry import Access, Registry, method


def test_two_methods_of_one_name_are_refused() -> None:
    declare = method("greeting.say", access=Access.ANYONE)

    def say(context: Context, /) -> str:
        return "hello"

    with pytest.raises(TypeError, match=r"Two methods are called greeting\.say\."):
        Registry([declare(say), declare(say)])


def test_a_param_without_a_type_is_refused_by_name() -> None:
    def say(context: Context, /, name) -> str:  # type: ignore[no-untyped-def] # noqa: ANN001
        return f"hello {name}"

    with pytest.raises(TypeError, match=r"greeting\.say does not say what type its name has"):
        method("greeting.say", access=Access.ANYONE)(say)
