from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.sockets.attacked import MEGABYTE, MOST, TIMEOUT, Attacked, attacked


@pytest.fixture(scope="module")
async def guarded(dsn: str) -> AsyncIterator[Attacked]:
    """With the limits that it comes with, but for how long it is patient."""
    async with attacked(
        dsn,
        VICTORYVAULT_HANDSHAKE_TIMEOUT_SECONDS=TIMEOUT,
        VICTORYVAULT_SEND_TIMEOUT_SECONDS=TIMEOUT,
        VICTORYVAULT_MAX_CONNECTIONS_PER_ADDRESS=str(MOST),
    ) as found:
        yield found


@pytest.fixture(scope="module")
async def lenient(dsn: str) -> AsyncIterator[Attacked]:
    """With none of the limits that can be taken away."""
    async with attacked(
        dsn,
        VICTORYVAULT_SEND_TIMEOUT_SECONDS=TIMEOUT,
        VICTORYVAULT_MAX_CONNECTIONS_PER_ADDRESS="0",
        VICTORYVAULT_MAX_CONTROL_FRAMES_PER_SECOND="0",
        VICTORYVAULT_MAX_FRAGMENTS="0",
        VICTORYVAULT_MAX_MESSAGE_BYTES=str(4 * MEGABYTE),
    ) as found:
        yield found
