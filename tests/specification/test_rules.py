"""The rules of protocol §2, row by row, over both doors."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.conftest import Running, Someone, sign_up
from tests.specification import rules
from tests.specification.doors import NAMES, opened, shape
from tests.specification.rules import USER, Rule

ROWS = [
    pytest.param(rule, door, id=f"{group}: {rule.sentence} [{door}]")
    for group in (
        *("IDS", "ENVELOPE", "PARAMS", "JSON", "LAST_COUNTS"),
        *("RESPONSES", "NOTIFICATIONS", "BATCHES", "ORDER"),
    )
    for rule in getattr(rules, group)
    for door in NAMES
]


@pytest.fixture(scope="module")
async def user(server: Running) -> AsyncIterator[Someone]:
    async with server.connect() as socket:
        yield await sign_up(socket)


@pytest.mark.parametrize(("rule", "door"), ROWS)
async def test_each_rule_of_the_protocol_holds(
    server: Running, user: Someone, rule: Rule, door: str
) -> None:
    token = user.token if rule.caller == USER else None
    async with opened(door, server, token) as asked:
        sent = rule.sent.replace("$ID", user.id)
        reply = await asked.ask(sent, is_answered=rule.expected is not None)
    assert shape(reply) == rule.expected
