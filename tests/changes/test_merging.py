"""Merging, the ring and positions, each against its definition, for any history of transactions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.changes import ring as rings
from server.changes.ring import Batch, Ring
from server.protocol.changes import applied, entries, merged
from server.protocol.positions import Position
from server.protocol.positions import parse as parse_position
from tests.changes.model import IDS, KINDS, VALUES, Kind
from tests.changes.world import INCARNATION, Transaction, World, apply_strictly, seen

HISTORIES = st.lists(
    st.lists(st.tuples(st.sampled_from(IDS), VALUES), max_size=4),
    max_size=8,
)


def world_of(history: list[list[tuple[str, Any]]]) -> World:
    """Each inner list is a transaction; those of an even number of writes begin a step earlier."""
    world = World()
    waiting: list[Transaction] = []
    for writes in history:
        transaction = world.begin()
        for id_, values in writes:
            world.write(transaction, id_, values)
        waiting.append(transaction)
        if len(writes) % 2:
            world.end(waiting.pop(0), commit=True)
    return world


@given(history=HISTORIES, cut=st.integers(0, 30), kind=st.sampled_from(KINDS))
def test_merged_changes_lead_from_before_to_after(history: Any, cut: int, kind: Kind) -> None:
    world = world_of(history)
    before = Position(INCARNATION, 100 + cut, ())
    copy, reference = (world.at(before, kind.selection) for _ in range(2))
    found = entries(kind.selection, merged(world.unseen(before)))
    apply_strictly(copy, found)
    applied(reference, found)
    now = world.at(world.snapshot(), kind.selection)
    assert copy == reference
    assert seen(copy, kind.selection) == seen(now, kind.selection)
    assert len({each["id"] for each in found}) == len(found)


@given(history=HISTORIES, reads=st.lists(st.booleans(), min_size=8, max_size=8))
def test_a_ring_has_all_that_a_position_has_not_seen_or_says_that_it_has_not(
    history: Any, reads: list[bool]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rings, "MAX_CHANGES", 4)
        world = World()
        positions = [world.snapshot()]
        ring = Ring(positions[0])
        known = positions[0]
        running: list[Transaction] = []
        for writes, is_read in zip(history, reads, strict=False):
            running.append(world.begin())
            for id_, values in writes:
                world.write(running[-1], id_, values)
            if len(writes) % 2:
                world.end(running.pop(0), commit=True)
            positions.append(world.snapshot())
            if is_read:
                ring.append(Batch(positions[-1], world.unseen(known)))
                known = positions[-1]
        for position in positions:
            held = ring.since(position)
            expected = [each for each in world.unseen(position) if known.has_seen(each.xid)]
            assert held is None or held == expected
            assert held is not None or not ring.floor.is_within(position)
        assert ring.since(known) == []


@st.composite
def snapshots(draw: st.DrawFn) -> Position:
    """As PostgreSQL makes them: the last id below xmax has ended."""
    xmax = draw(st.integers(1, 8))
    running = draw(st.sets(st.integers(0, max(0, xmax - 2)))) if xmax > 1 else set()
    return Position(INCARNATION, xmax, tuple(sorted(running)))


@given(one=snapshots(), other=snapshots())
def test_being_within_is_having_seen_no_more(one: Position, other: Position) -> None:
    ids = range(10)
    first, second = ({xid for xid in ids if each.has_seen(xid)} for each in (one, other))
    assert one.is_within(other) == (first <= second)
    assert (str(one) == str(other)) == (first == second)
    assert parse_position(str(one)) == one
