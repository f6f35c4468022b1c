"""A position is the set of transactions that were seen, and its text is one for each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.protocol.positions import Position, from_snapshot, parse

RUNNING = st.sets(st.integers(1, 2**63), max_size=20)
POSITIONS = RUNNING.flatmap(
    lambda xids: st.builds(
        Position,
        st.from_regex(r"[0-9a-f]{8}", fullmatch=True),
        st.integers(max(xids, default=1) + 1, 2**63 + 1),
        st.just(tuple(sorted(xids))),
    )
)


@given(POSITIONS)
def test_the_text_of_a_position_gives_it_back(position: Position) -> None:
    assert parse(str(position)) == position


@given(POSITIONS, POSITIONS)
def test_equal_texts_are_equal_places(one: Position, other: Position) -> None:
    assert (str(one) == str(other)) == (one == other)


def test_a_snapshot_has_seen_all_that_ended_before_it() -> None:
    position = from_snapshot("0a1b2c3d", "10:20:10,15")
    seen = [xid for xid in range(1, 25) if position.has_seen(xid)]
    assert seen == [*range(1, 10), *range(11, 15), *range(16, 20)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0a1b2c3d",
        "0a1b2c3d.",
        "0A1B2C3D.14",
        "0a1b2c3d.014",
        "0a1b2c3d.14-0",
        "0a1b2c3d.14-1-5",
        "0a1b2c3d.14-5-5",
        "0a1b2c3d.14-15",
        "0a1b2c3d.14 ",
        "0a1b2c3d.14\n",
        "0a1b2c3d." + "f" * 17,
        "0a1b2c3d.14" + "-1" * 2000,
    ],
)
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a position"):
        parse(text)
