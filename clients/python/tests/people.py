"""Users, and what is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.conftest import PASSWORD, unique_email
from victoryvault_client import Connection

PATIENCE = 10.0
"""Seconds that a test waits before it fails."""

Connect = Callable[..., Awaitable[Connection]]
"""Makes a connection that is closed at the end of the test."""


async def sign_up(connection: Connection, name: str = "Ada") -> str:
    """The id of a new user, who is signed in on it."""
    created = await connection.call(
        "user.create", {"email": unique_email(), "full_name": name, "password": PASSWORD}
    )
    return created["user"]["id"]


async def make_users(admin: Connection, tag: str, count: int) -> list[str]:
    """The ids of users whose names begin with the tag."""
    ids = []
    for index in range(count):
        made = await admin.call(
            "user.create",
            {"email": unique_email(), "password": PASSWORD, "full_name": f"{tag} {index}"},
        )
        ids.append(made["user"]["id"])
    return ids


async def reaches(connection: Connection, state: str) -> None:
    """Waits for a state, the present one included."""
    if connection.state != state:
        await becomes(connection, state)


async def becomes(connection: Connection, state: str) -> None:
    """Waits for the next time that it becomes this."""
    reached = asyncio.Event()
    leave = connection.on("state", lambda now: reached.set() if now == state else None)
    try:
        await asyncio.wait_for(reached.wait(), PATIENCE)
    finally:
        leave()


def tasks_left() -> list[asyncio.Task[object]]:
    """Those of the client that have not ended."""
    return [task for task in asyncio.all_tasks() if "victoryvault_client" in repr(task)]
