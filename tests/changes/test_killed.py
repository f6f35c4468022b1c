"""The oracle while workers are killed: who followed there resumes elsewhere and misses nothing."""

from __future__ import annotations

from tests.changes import oracle
from tests.conftest import Databases

SEED = 20_261_125


async def test_every_copy_is_right_and_every_write_is_done_once_though_workers_are_killed(
    databases: Databases,
) -> None:
    dsn = await databases.create()
    outcome = await oracle.run(dsn, SEED, seconds=4, subscribers=5, writers=3, kills=True)
    assert outcome.kills > 0, outcome
    assert outcome.resumed > 5, outcome
    await databases.drop(dsn)
