"""The hub, the ring and the subscriptions against a model: whatever happens, copies are right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from server.changes import ring as rings
from tests.changes.model import KINDS, Kind, Machine, Reader


@pytest.mark.parametrize(
    "kinds",
    [KINDS[:3], KINDS[3:5], KINDS[5:6], KINDS[6:]],
    ids=["whole", "narrow", "throttled", "both"],
)
def test_whatever_happens_every_copy_is_right_and_comes_to_the_head(
    monkeypatch: pytest.MonkeyPatch, kinds: tuple[Kind, ...]
) -> None:
    monkeypatch.setattr(rings, "MAX_CHANGES", 3)
    machine = type("Machine", (Machine,), {"choices": kinds})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=200, stateful_step_count=30, deadline=None)
    )


@contextmanager
def started(kind: Kind, score: int) -> Iterator[tuple[Machine, Reader, Reader]]:
    """A model with one row and two readers of one kind, who are not in the hub yet."""
    machine = type("Machine", (Machine,), {"choices": (kind,)})()
    try:
        first, second = machine.start([0], {"a": red(score), "b": None}).values
        yield machine, first, second
    finally:
        machine.teardown()


def red(score: int) -> dict[str, Any]:
    return {"team": "red", "score": score}


def test_a_reader_who_leaves_before_entering_takes_nobody_with_them() -> None:
    with started(KINDS[0], 0) as (machine, stays, goes):
        machine.enter(stays)
        machine.leave_before_entering(goes)
        machine.write_alone("a", red(1))
        machine.settle()


def test_a_value_that_comes_back_in_a_throttled_topic_comes_back_for_who_was_ahead() -> None:
    with started(KINDS[6], 1) as (machine, ahead, _other):
        machine.enter(ahead)
        machine.write_and_read("a", red(0))
        machine.write_and_read("a", red(1))
        machine.sync(ahead)
        machine.write_and_read("a", red(0))
        machine.settle()


def test_a_throttled_topic_that_was_left_and_entered_again_moves_on() -> None:
    with started(KINDS[5], 1) as (machine, first, second):
        machine.leave(second)
        machine.enter(first)
        machine.write_and_read("a", red(0))
        machine.write_and_read("a", red(1))
        machine.leave(first)
        machine.enter(machine.resume(first))
        machine.write_and_read("a", red(0))
        machine.settle()


def test_a_subscription_that_is_restored_while_its_topic_waits_moves_on() -> None:
    with started(KINDS[5], 1) as (machine, reader, _other):
        machine.enter(reader)
        machine.write_and_read("a", red(0))
        machine.write_and_read("a", red(1))
        subscription = reader.subscription
        assert subscription is not None
        subscription.position = subscription.where_it_is
        machine.hub.leave(subscription)
        machine.enter(reader)
        machine.write_and_read("a", red(0))
        machine.settle()


def test_who_was_ahead_of_a_throttled_topic_is_brought_up_when_the_ring_has_lost_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rings, "MAX_CHANGES", 3)
    with started(KINDS[5], 1) as (machine, reader, _other):
        machine.enter(reader)
        for values in (None, red(1), None):
            machine.write_alone("a", values)
            machine.sync(reader)
        for values in (red(0), None, red(1)):
            machine.write_alone("a", values)
        machine.settle()
