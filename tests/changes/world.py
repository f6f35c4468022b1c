"""A change log in memory, with transactions that run, commit in any order and roll back.

What PostgreSQL promises and no more: a snapshot names what was running, a row that a transaction
has written is locked until it ends, and sequences are drawn under that lock.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from server.protocol.changes import Change, Selection
from server.protocol.positions import Position

INCARNATION = "0a1b2c3d"
TABLE = "things"
Rows = dict[str, dict[str, Any]]


class Transaction:
    def __init__(self, xid: int) -> None:
        self.xid = xid
        self.changes: list[Change] = []
        self.writes: dict[str, Mapping[str, Any] | None] = {}


class World:
    def __init__(self) -> None:
        self.xids = itertools.count(100)
        self.sequences = itertools.count(1)
        self.completed = 99
        self.running: dict[int, Transaction] = {}
        self.log: list[Change] = []
        """Of committed transactions."""
        self.rows: dict[str, Mapping[str, Any]] = {}

    def begin(self) -> Transaction:
        transaction = Transaction(next(self.xids))
        self.running[transaction.xid] = transaction
        return transaction

    def write(self, transaction: Transaction, id_: str, values: Mapping[str, Any] | None) -> bool:
        """Inserts, updates or (None) deletes; whether no other transaction holds the row."""
        if any(id_ in other.writes for other in self.running.values() if other is not transaction):
            return False
        before = transaction.writes.get(id_, self.rows.get(id_))
        if id_ in transaction.writes:
            before = transaction.writes[id_]
        if before is None and values is None:
            return True
        version = 1 if before is None else before["version"] + 1
        after = None if values is None else {**values, "id": id_, "version": version}
        sequence = next(self.sequences)
        change = Change(TABLE, id_, before, after, transaction.xid, sequence)
        transaction.changes.append(change)
        transaction.writes[id_] = after
        return True

    def end(self, transaction: Transaction, *, commit: bool) -> None:
        del self.running[transaction.xid]
        self.completed = max(self.completed, transaction.xid)
        if commit:
            self.log = sorted(self.log + transaction.changes, key=lambda each: each.sequence)
            for id_, row in transaction.writes.items():
                if row is None:
                    self.rows.pop(id_, None)
                else:
                    self.rows[id_] = row

    def snapshot(self) -> Position:
        xmax = self.completed + 1
        return Position(INCARNATION, xmax, tuple(sorted(x for x in self.running if x < xmax)))

    def unseen(self, position: Position) -> list[Change]:
        return [change for change in self.log if not position.has_seen(change.xid)]

    def at(self, position: Position, selection: Selection) -> Rows:
        """The selection's rows as they were at a position, as a client holds them."""
        rows: dict[str, Any] = {}
        for change in self.log:
            if position.has_seen(change.xid):
                rows[change.id] = change.after
        return {
            id_: {"id": id_, "version": row["version"], **selection.shown(row)}
            for id_, row in rows.items()
            if selection.holds(row)
        }


def apply_strictly(rows: Rows, changes: list[dict[str, Any]]) -> None:
    """As every client does, and nothing may come twice or for a row that is not there."""
    for each in changes:
        id_ = each["id"]
        if each["op"] == "enter":
            assert id_ not in rows, f"{id_} enters again"
            rows[id_] = {"id": id_, "version": each["version"], **each["set"]}
            continue
        assert id_ in rows, f"{each['op']} of {id_}, which is not there"
        if each["op"] == "leave":
            del rows[id_]
        else:
            rows[id_] |= {**each["set"], "version": each["version"]}


def seen(rows: Rows, selection: Selection) -> Rows:
    """Without the versions that a client did not ask to follow."""
    if selection.has_version:
        return rows
    return {id_: {**row, "version": 0} for id_, row in rows.items()}
