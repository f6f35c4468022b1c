"""Makes the change log's partitions ahead, and drops those that are old enough.

A change is kept for so many days, and beyond while there are fewer than so many younger ones. What
was dropped is remembered by its largest transaction id: who comes back from before gets a reset.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from server.database.engine import Database

LOCK = 0x71C7082
"""Of the advisory lock that says who is at it."""
DAYS_AHEAD = 7
PARTITIONS = """
    SELECT inhrelid::regclass::text AS name FROM pg_inherits
    WHERE inhparent = 'changes'::regclass AND inhrelid::regclass::text ~ '^changes_[0-9]{8}$'
    ORDER BY name
"""
FORGET = "UPDATE change_log SET pruned = greatest(pruned, $1::text::xid8)"
FORGET_DEFAULT = """
    WITH gone AS (
        DELETE FROM changes_default
        WHERE at < now() - make_interval(days => $1)
            AND sequence <= (SELECT max(sequence) FROM changes) - $2
        RETURNING xid
    )
    SELECT max(xid)::text AS xid FROM gone
"""


async def tend(database: Database, days: int, least: int) -> list[str]:
    """One round, unless another process is at it; gives the partitions that were dropped.

    Raises asyncpg.LockNotAvailableError when a long transaction is in the way: later, then.
    """
    async with database.transaction():
        row = await database.fetchrow("SELECT pg_try_advisory_xact_lock($1)", LOCK)
        if row is None or not row[0]:
            return []
        await database.fetch("SET LOCAL lock_timeout = '1s'")  # nobody waits long behind us
        await database.fetch("SELECT make_change_partitions($1)", DAYS_AHEAD)
        gone = await database.fetchrow(FORGET_DEFAULT, days, least)
        if gone is not None and gone["xid"] is not None:
            await database.fetch(FORGET, gone["xid"])
        return await drop_old(database, days, least)


async def drop_old(database: Database, days: int, least: int) -> list[str]:
    last_day = (datetime.now(UTC) - timedelta(days=days + 1)).strftime("changes_%Y%m%d")
    dropped: list[str] = []
    for partition in await database.fetch(PARTITIONS):
        name = partition["name"]
        if name > last_day:
            break
        held = await database.fetchrow(
            f"SELECT max(xid)::text AS xid,"  # noqa: S608 - a name that PARTITIONS has checked
            f" (SELECT max(sequence) FROM changes) - max(sequence) AS younger FROM {name}"
        )
        if held is not None and held["xid"] is not None:
            if held["younger"] < least:
                break
            await database.fetch(FORGET, held["xid"])
        await database.fetch(f"DROP TABLE {name}")
        dropped.append(name)
    return dropped
