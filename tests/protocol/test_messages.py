"""What is read of a message."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from server.protocol.errors import CallError
from server.protocol.messages import Refused, read

texts = st.text(max_size=3) | st.sampled_from(["\0", "a" * 256, "a" * 257])
numbers = st.integers(-1, 10**20) | st.floats(allow_nan=False)
values: st.SearchStrategy[Any] = st.none() | st.booleans() | numbers | texts
params = st.lists(values, max_size=2) | st.dictionaries(texts, values, max_size=2) | st.none()
calls = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "method": texts, "id": texts | numbers | values},
    optional={"params": params},
)


def said(text: str) -> Any:
    try:
        entry = read(text, max_depth=32, max_batch=20)
    except CallError as error:
        return error.kind, error.message
    return (entry.id, entry.error.message) if isinstance(entry, Refused) else entry


@given(calls, st.booleans())
def test_a_call_is_read_alike_whether_or_not_there_is_something_unusual_in_it(
    call: dict[str, Any], escaped: bool
) -> None:
    ordinary = json.dumps(call, ensure_ascii=escaped)
    unusual = json.dumps({**call, "trace": 1}, ensure_ascii=escaped)
    assert said(ordinary) == said(unusual)
