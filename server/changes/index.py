"""Which topics a change is about, without asking each: those that want a certain value of a field.

A topic whose filter asks `field = value`, or one of some values, is found by the value that a row
has or had. All others of its table are asked every time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from server.changes.log import GoneError
from server.protocol.filters import All, wanted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from server.changes.hub import Topic
    from server.protocol.changes import Change

Place = tuple[str, str | None, str | None]
"""A table, a field and a value of it; of who wants no certain value, the table alone."""


class Index:
    def __init__(self) -> None:
        self.topics: defaultdict[Place, set[Topic]] = defaultdict(set)
        self.fields: defaultdict[str, Counter[str | None]] = defaultdict(Counter)
        """Of each table, the fields that topics are found by, and how many places there are."""

    def add(self, topic: Topic) -> None:
        for place in places(topic):
            self.topics[place].add(topic)
            self.fields[place[0]][place[1]] += 1

    def remove(self, topic: Topic) -> None:
        for place in places(topic):
            found = self.topics[place]
            found.discard(topic)
            if not found:
                del self.topics[place]
            self.fields[place[0]] -= Counter([place[1]])

    def touched(self, changes: Iterable[Change]) -> dict[Topic, list[Change]]:
        """Topics, and of the changes, one for each row, those that they may be about."""
        found: defaultdict[Topic, list[Change]] = defaultdict(list)
        for change in changes:
            if change.table in self.fields:
                for topic in self.about(change):
                    found[topic].append(change)
        return found

    def about(self, change: Change) -> set[Topic]:
        table = change.table
        found: set[Topic] = set()
        try:
            for field in self.fields[table]:
                if field is None:
                    found.update(self.topics.get((table, None, None), ()))
                    continue
                for row in (change.before, change.after):
                    if row is not None:
                        found.update(self.topics.get((table, field, row[field]), ()))
        except GoneError:  # nobody can tell
            return {
                each
                for place, topics in self.topics.items()
                if place[0] == table
                for each in topics
            }
        return found


def places(topic: Topic) -> list[Place]:
    selection = topic.selection
    found = wanted(All((selection.rule, selection.where)))
    if found is None:
        return [(topic.table, None, None)]
    field, values = found
    return [(topic.table, field, value) for value in values]
