"""Makes the change log's partitions ahead, and drops those that are old enough.

A change is kept for so many days, and beyond while there are fewer than so many younger ones. What
was dropped is remembered by its largest transaction id: who comes back from before gets a reset.

To make or drop a partition is to lock the log, so each has a transaction that does so at its end.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from server.database.engine import Database

LOCK = 0x71C7082
"""Of the advisory lock that says who is at it."""
DAYS_AHEAD = 7
HEAD = """
    SELECT coalesce(pg_sequence_last_value(
        pg_get_serial_sequence('changes', 'sequence')::regclass
    ), 0) AS sequence
"""
OLDEST = """
    SELECT inhrelid::regclass::text AS name FROM pg_inherits
    WHERE inhparent = 'changes'::regclass AND inhrelid::regclass::text ~ '^changes_[0-9]{8}$'
    ORDER BY name LIMIT 1
"""
FORGET = "UPDATE change_log SET pruned = greatest(pruned, $1::text::xid8)"
FORGET_DEFAULT = """
    WITH gone AS (
        DELETE FROM changes_default
        WHERE at < now() - make_interval(days => $1) AND sequence <= $2
        RETURNING xid
    )
    SELECT max(xid)::text AS xid FROM gone
"""


class BusyError(Exception):
    """Another process is at it."""


async def tend(database: Database, days: int, least: int) -> list[str]:
    """One round, unless another process is at it; gives the partitions that were dropped.

    Raises asyncpg.LockNotAvailableError when a long transaction is in the way: later, then.
    """
    head = await database.fetchrow(HEAD)
    assert head is not None  # noqa: S101 - a SELECT without FROM
    last = head["sequence"] - least
    dropped: list[str] = []
    try:
        async with turn(database):
            await database.fetch("SELECT make_change_partitions($1)", DAYS_AHEAD)
        async with turn(database):
            gone = await database.fetchrow(FORGET_DEFAULT, days, last)
            if gone is not None and gone["xid"] is not None:
                await database.fetch(FORGET, gone["xid"])
        while name := await drop_oldest(database, days, last):
            dropped.append(name)
    except BusyError:
        pass
    return dropped


@asynccontextmanager
async def turn(database: Database) -> AsyncIterator[None]:
    """A short transaction. Raises BusyError."""
    async with database.transaction():
        row = await database.fetchrow("SELECT pg_try_advisory_xact_lock($1)", LOCK)
        if row is None or not row[0]:
            raise BusyError
        await database.fetch("SET LOCAL lock_timeout = '1s'")  # nobody waits long behind us
        yield


async def drop_oldest(database: Database, days: int, last: int) -> str | None:
    """What was dropped, unless it is too young or its newest change comes after `last`."""
    last_day = (datetime.now(UTC) - timedelta(days=days + 1)).strftime("changes_%Y%m%d")
    async with turn(database):
        oldest = await database.fetchrow(OLDEST)
        if oldest is None or oldest["name"] > last_day:
            return None
        name: str = oldest["name"]
        await database.fetch(f"LOCK TABLE ONLY {name} IN SHARE MODE")  # it may be read meanwhile
        held = await database.fetchrow(
            f"SELECT xid::text, max(sequence) AS sequence FROM {name}"  # noqa: S608 - a name that OLDEST has checked
            f" WHERE xid = (SELECT max(xid) FROM {name}) GROUP BY xid"  # found by its index
        )
        if held is not None:
            if held["sequence"] > last:
                return None
            await database.fetch(FORGET, held["xid"])
        await database.fetch(f"DROP TABLE {name}")
    return name
