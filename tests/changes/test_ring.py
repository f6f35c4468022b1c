"""The ring holds so much text, and what was decoded no longer than until the log is read again."""

from __future__ import annotations

import pytest

from server.changes import ring as rings
from server.changes.log import LoggedRow, logged_rows
from server.changes.ring import Batch, Ring
from server.protocol.changes import Change
from server.protocol.positions import Position

START = Position("0a1b2c3d", 100, ())
TEXT = '{"fill":"%s"}' % ("x" * 1000)


def batches() -> list[Batch]:
    """Ten of a change each."""
    found = []
    for xid in range(START.xmax, START.xmax + 10):
        change = Change("users", "a", LoggedRow(TEXT, "{}"), LoggedRow(TEXT), xid, xid)
        found.append(Batch(START._replace(xmax=xid + 1), [change]))
    return found


def test_a_ring_holds_so_many_bytes_of_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rings, "MAX_BYTES", 4000)
    ring = Ring(START)
    for batch in batches():
        ring.append(batch)
        assert ring.size <= 4000
        assert ring.size == sum(each.size for each in ring.batches)
        assert ring.since(batch.position) == []
    assert ring.since(START) is None
    held = ring.since(ring.floor)
    assert held is not None
    assert 2 <= len(held) <= 3


def test_what_was_decoded_is_forgotten_when_the_next_is_read() -> None:
    ring = Ring(START)
    older, newer = batches()[:2]
    (change,) = older.changes
    assert change.after is not None
    ring.append(older)
    for next_one in (Batch(older.position, []), newer):
        assert dict(change.after) == {"fill": "x" * 1000}
        ring.since(START)
        assert is_decoded(change)
        ring.append(next_one)
        assert not is_decoded(change)


def test_so_is_what_who_was_behind_has_looked_at() -> None:
    ring = Ring(START)
    for batch in batches():
        ring.append(batch)
    found = ring.since(batches()[4].position)
    assert found is not None
    assert [dict(each.after or {}) for each in found] == [{"fill": "x" * 1000}] * 5
    assert all(map(is_decoded, found))
    ring.forget()
    assert not any(map(is_decoded, found))


def is_decoded(change: Change) -> bool:
    return any(row._values is not None for row in logged_rows(change))
