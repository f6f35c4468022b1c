from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.changes.logged import Log
from tests.conftest import Databases, database


@pytest.fixture
async def log(dsn: str) -> AsyncIterator[Log]:
    async with database(dsn) as psql:
        yield await Log.at_its_end(psql)


@pytest.fixture
async def dsn_alone(databases: Databases) -> AsyncIterator[str]:
    """A database of one test's own."""
    dsn = await databases.create()
    yield dsn
    await databases.drop(dsn)


@pytest.fixture
async def alone(dsn_alone: str) -> AsyncIterator[Log]:
    """A log of a database of its own."""
    async with database(dsn_alone) as psql:
        yield await Log.at_its_end(psql)
