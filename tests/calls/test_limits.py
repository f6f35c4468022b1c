"""How often is too often, by a clock that the test holds."""

from __future__ import annotations

import pytest

from server.calls.limits import Attempts, Bucket
from server.protocol.errors import CallError


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def refusals(bucket: Bucket, calls: int) -> int:
    refused = 0
    for _ in range(calls):
        try:
            bucket.take()
        except CallError:
            refused += 1
    return refused


def test_a_burst_of_twice_the_rate_passes_and_the_next_call_does_not() -> None:
    bucket = Bucket(100, Clock())
    assert refusals(bucket, 200) == 0
    with pytest.raises(CallError) as refused:
        bucket.take()
    assert (refused.value.kind, refused.value.data["retry_after_ms"]) == ("too_many_calls", 10)


def test_waiting_as_long_as_was_said_is_enough() -> None:
    clock = Clock()
    bucket = Bucket(100, clock)
    refusals(bucket, 201)
    clock.now += 0.010001
    bucket.take()


def test_a_steady_rate_passes_for_ever() -> None:
    clock = Clock()
    bucket = Bucket(100, clock)
    for _ in range(10_000):
        clock.now += 0.01
        bucket.take()


def test_ten_bursts_refused_within_a_second_are_abuse_and_over_ten_seconds_are_not() -> None:
    clock = Clock()
    bucket = Bucket(5, clock)
    refusals(bucket, 10 + 100)
    assert not bucket.is_abused
    refusals(bucket, 1)
    assert bucket.is_abused
    slow = Bucket(5, clock)
    for _ in range(11):
        refusals(slow, 10)
        clock.now += 1.1
    assert not slow.is_abused


def test_a_rate_of_0_is_no_limit() -> None:
    assert refusals(Bucket(0, Clock()), 10_000) == 0


def test_an_attempt_too_many_says_when_to_come_back_and_then_passes() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    attempts.take("ada", 2)
    clock.now += 20
    attempts.take("ada", 2)
    attempts.take("grace", 2)
    with pytest.raises(CallError) as refused:
        attempts.take("ada", 2)
    assert refused.value.data["retry_after_ms"] == 40_000
    clock.now += 40.001
    attempts.take("ada", 2)


def test_a_success_gives_its_attempt_back() -> None:
    attempts = Attempts(Clock())
    for _ in range(10):
        attempts.give_back("ada", attempts.take("ada", 1))


def test_attempts_that_are_over_are_forgotten() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for index in range(1000):
        attempts.take(f"address {index}", 10)
    clock.now += 121
    attempts.take("another", 10)
    assert len(attempts.made) == 1
