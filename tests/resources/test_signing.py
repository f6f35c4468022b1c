"""Signing in: what an attacker learns, and what a storm of sign-ins costs the others."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

import pytest

from server.calls.limits import Attempts
from server.resources.sessions import passwords
from tests.client import Client, ReplyError
from tests.conftest import PASSWORD, Running, Someone, serving, settings_for, sign_up, unique_email
from tests.process import process

WRONG = "not the password"
SAMPLES = 40
STORM = 200


@pytest.fixture(scope="module", autouse=True)
def real_passwords() -> Iterator[None]:
    """At the cost that users pay."""
    cheap = dict(passwords.COST)
    passwords.COST.update(time_cost=2, memory_cost=19 * 1024)
    yield
    passwords.COST.update(cheap)


async def refusal(client: Client, email: str, password: str = WRONG) -> ReplyError:
    with pytest.raises(ReplyError) as refused:
        await client.call("session.create", email=email, password=password)
    return refused.value


@pytest.mark.timing
async def test_an_unknown_email_and_a_wrong_password_look_and_cost_the_same(dsn: str) -> None:
    settings = settings_for(dsn, sign_in_attempts_per_minute=0)
    async with serving(settings) as server, server.connect() as client:
        someone = await sign_up(client)
        known: list[float] = []
        unknown: list[float] = []
        for _ in range(SAMPLES):
            for email, seconds in ((someone.email, known), (unique_email(), unknown)):
                start = time.perf_counter()
                refused = await refusal(client, email)
                seconds.append(time.perf_counter() - start)
                assert (refused.code, refused.kind) == (401, "bad_credentials")
                assert refused.message == "The email or the password is wrong."
    ratio = statistics.median(known) / statistics.median(unknown)
    assert 0.9 < ratio < 1.1


@pytest.mark.timing
async def test_a_storm_of_sign_ins_leaves_the_others_their_speed(dsn: str) -> None:
    """200 at once: each is answered or refused with 429, and a ping's p99 stays under 50 ms."""
    settings = {"VICTORYVAULT_SIGN_IN_ATTEMPTS_PER_MINUTE": "0"}
    async with process(dsn, **settings) as server, AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(server.connect()) for _ in range(STORM)]
        bystander = await stack.enter_async_context(server.connect())
        someone = await sign_up(bystander)
        storm = asyncio.gather(
            *(
                attempt(socket, someone.email, PASSWORD if index % 2 else "not the password")
                for index, socket in enumerate(sockets)
            )
        )
        seconds = []
        while not storm.done():
            start = time.perf_counter()
            await bystander.call("rpc.ping")
            seconds.append(time.perf_counter() - start)
        outcomes = await storm
    assert set(outcomes) == {"signed in", "bad_credentials", "too_many_attempts"}
    assert statistics.quantiles(seconds, n=100)[98] < 0.05, (len(seconds), max(seconds))


async def attempt(client: Client, email: str, password: str) -> str:
    try:
        await client.call("session.create", email=email, password=password)
    except ReplyError as refused:
        return str(refused.kind)
    return "signed in"


async def test_so_many_wrong_passwords_a_minute_and_no_more(server: Running, ada: Someone) -> None:
    async with server.connect() as client:
        for _ in range(10):
            assert (await refusal(client, ada.email)).kind == "bad_credentials"
        refused = await refusal(client, ada.email.upper())
        assert (refused.code, refused.kind) == (429, "too_many_attempts")
        assert 0 < refused.data["retry_after_ms"] <= 60_000
        right: Any = await refusal(client, ada.email, PASSWORD)
        assert right.kind == "too_many_attempts"


@pytest.fixture
async def strict(dsn: str) -> AsyncIterator[Running]:
    """A worker that allows one wrong password a minute for an email, and ten for an address."""
    settings = settings_for(dsn, sign_in_attempts_per_minute=1, trusted_proxies="127.0.0.1")
    async with serving(settings) as running:
        yield running


def coming_from(server: Running, address: str) -> AbstractAsyncContextManager[Client]:
    return server.connect(additional_headers={"X-Forwarded-For": address})


async def test_an_address_over_its_limit_locks_no_account(strict: Running, ada: Someone) -> None:
    attempts = strict.services.use(Attempts)
    async with (
        coming_from(strict, "203.0.113.7") as attacker,
        coming_from(strict, "203.0.113.8") as owner,
    ):
        for _ in range(10):
            assert (await refusal(attacker, unique_email())).kind == "bad_credentials"
        kept = len(attempts.made)
        for email in (ada.email, unique_email(), unique_email()):
            assert (await refusal(attacker, email)).kind == "too_many_attempts"
        assert len(attempts.made) == kept
        await owner.call("session.create", email=ada.email, password=PASSWORD)


async def test_an_email_over_its_limit_locks_nobody_else_at_its_address(
    strict: Running, ada: Someone, grace: Someone
) -> None:
    async with coming_from(strict, "203.0.113.9") as client:
        assert (await refusal(client, ada.email)).kind == "bad_credentials"
        for _ in range(20):
            assert (await refusal(client, ada.email)).kind == "too_many_attempts"
        await client.call("session.create", email=grace.email, password=PASSWORD)


async def test_signing_in_rightly_is_no_attempt_too_many(server: Running, grace: Someone) -> None:
    for _ in range(12):
        await grace.client.call("session.create", email=grace.email, password=PASSWORD)
