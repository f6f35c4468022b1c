"""The index of topics misses none that a change is about, and asks few that it is not about."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from server.changes.hub import Topic
from server.changes.index import Index
from server.protocol.changes import Change, Selection, entry
from server.protocol.filters import FieldType, parse
from server.protocol.positions import Position

FIELDS = {"id": FieldType.ID, "status": FieldType.TEXT, "profile": FieldType.JSON}
IDS = [f"00000000-0000-4000-8000-00000000000{n}" for n in range(4)]
TEXTS = ["", "lobby", "away"]
PROFILES: list[Any] = [{}, {"x": "lobby"}, {"x": 1}]
COMPARED = st.one_of(
    st.sampled_from(IDS).map(lambda value: {"id": value}),
    st.lists(st.sampled_from(IDS), max_size=3).map(lambda values: {"id": {"in": values}}),
    st.sampled_from([*TEXTS, None]).map(lambda value: {"status": value}),
    st.lists(st.sampled_from([*TEXTS, None, 1]), max_size=2).map(
        lambda values: {"status": {"in": values}}
    ),
    st.sampled_from(["l", "", "a"]).map(lambda value: {"status": {"prefix": value}}),
    st.sampled_from(TEXTS).map(lambda value: {"status": {"ne": value}}),
    st.sampled_from(["lobby", 1]).map(lambda value: {"profile.x": value}),
)
WHERE = st.recursive(
    COMPARED,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=4,
)
ROW = st.fixed_dictionaries(
    {
        "status": st.sampled_from(TEXTS),
        "profile": st.sampled_from(PROFILES),
        "version": st.integers(1, 3),
    }
)


def topic(where: dict[str, Any], rule: dict[str, Any]) -> Topic:
    selection = Selection(
        parse(where, FIELDS, max_values=100), parse(rule, FIELDS, max_values=100), ("status",)
    )
    return Topic(
        repr((where, rule)),
        "users",
        "user.changed",
        selection,
        Position("x", 1, ()),
        interval=0,
        max_bytes=1000,
        where=where,
        resource=None,
    )


@settings(max_examples=300)
@given(
    st.lists(st.tuples(WHERE, st.just({}) | WHERE), min_size=1, max_size=6),
    st.sampled_from(IDS),
    st.none() | ROW,
    st.none() | ROW,
)
def test_every_topic_that_a_change_is_about_is_found(
    asked: list[tuple[dict[str, Any], dict[str, Any]]],
    id_: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> None:
    index = Index()
    topics = [topic(where, rule) for where, rule in asked]
    for each in topics:
        index.add(each)
    rows = [None if row is None else {"id": id_, **row} for row in (before, after)]
    change = Change("users", id_, rows[0], rows[1], 1, 1)
    told = {each for each in topics if entry(each.selection, change) is not None}
    assert told <= index.touched([change]).keys()
    for each in topics:
        index.remove(each)
    assert not index.topics
    assert not index.touched([change])


def test_those_that_want_another_value_are_not_asked() -> None:
    index = Index()
    topics = [topic({"id": {"in": [id_]}}, {"status": "lobby"}) for id_ in IDS]
    for each in topics:
        index.add(each)
    row = {"id": IDS[2], "status": "lobby", "profile": {}, "version": 1}
    changes = [
        Change("users", IDS[2], None, row, 1, 1),
        Change("trophies", IDS[1], None, row | {"id": IDS[1]}, 1, 2),
    ]
    assert index.touched(changes) == {topics[2]: changes[:1]}
