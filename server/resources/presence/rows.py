"""Rows of presence, and of what says so. Whoever is attended by a worker that lives is online.

A user comes online after the attendance is committed, and goes offline under the lock of the row
of presence, looking at the attendances of all workers then: whichever of two workers comes last,
sees what the other did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from uuid import UUID

    from server.database.engine import Database

LIVE = """
    SELECT FROM attendances JOIN workers ON workers.id = attendances.worker
    WHERE workers.until > now()
"""
ATTENDED = f"""
    SELECT DISTINCT here.session FROM unnest($1::uuid[]) AS here (session)
    WHERE EXISTS ({LIVE} AND attendances.session = here.session)
"""  # noqa: S608 - a constant
BEAT = """
    INSERT INTO workers (id, until) VALUES ($1, now() + make_interval(secs => $2))
    ON CONFLICT (id) DO UPDATE SET until = excluded.until
    RETURNING xmax = 0 AS is_new
"""
END = "UPDATE workers SET until = now() + make_interval(secs => $2) WHERE id = $1"
ATTEND = """
    INSERT INTO attendances (worker, session, "user")
    SELECT workers.id, here.session, here.person
    FROM workers, unnest($2::uuid[], $3::uuid[]) AS here (session, person) WHERE workers.id = $1
    ON CONFLICT (session, worker) DO NOTHING
"""
SEE = """
    UPDATE sessions SET last_seen = now() FROM (
        SELECT id FROM sessions WHERE id = ANY($1::uuid[]) FOR UPDATE SKIP LOCKED
    ) AS gone
    WHERE sessions.id = gone.id
"""
"""Whoever has locked one is ending or renewing it."""
COME = """
    INSERT INTO presence (id, online, last_seen)
    SELECT id, true, now() FROM (
        SELECT id FROM users WHERE id = ANY($1::uuid[]) ORDER BY id FOR KEY SHARE
    ) AS here
    ON CONFLICT (id) DO UPDATE SET online = true, last_seen = now() WHERE NOT presence.online
"""
LEAVE = """
    DELETE FROM attendances WHERE worker = $1 AND session = ANY($2::uuid[])
    RETURNING session, "user"
"""
BURY = """
    WITH dead AS (DELETE FROM workers WHERE until < now() RETURNING id, until)
    SELECT attendances.session, attendances."user"
    FROM dead JOIN attendances ON attendances.worker = dead.id
"""
"""Their attendances go with them."""
LOCK = "SELECT FROM presence WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE"
GO = f"""
    UPDATE presence SET online = false, last_seen = now()
    WHERE id = ANY($1::uuid[]) AND online
        AND NOT EXISTS ({LIVE} AND attendances."user" = presence.id)
"""  # noqa: S608 - a constant
"""A statement of its own, after the lock: what it sees is of a moment when nobody else decides."""


async def attended(database: Database, sessions: Collection[UUID]) -> set[UUID]:
    """Those of them that a socket is signed in with, at any worker."""
    return {row[0] for row in await database.fetch(ATTENDED, list(sessions))}


async def beat(database: Database, worker: UUID, seconds: float) -> bool:
    """The worker lives for so long. Whether nothing was known of it."""
    row = await database.fetchrow(BEAT, worker, seconds)
    return row is None or bool(row["is_new"])


async def end(database: Database, worker: UUID, seconds: float) -> None:
    """Its attendances hold for so long yet; then another worker buries it."""
    await database.fetch(END, worker, seconds)


async def come(database: Database, worker: UUID, here: Mapping[UUID, UUID]) -> None:
    """Users, by session, who have a socket at the worker now."""
    await database.fetch(ATTEND, worker, list(here), list(here.values()))
    await database.fetch(COME, list(set(here.values())))


async def leave(database: Database, worker: UUID, sessions: Collection[UUID]) -> None:
    """These have no socket at the worker any more."""
    async with database.transaction():
        gone = await database.fetch(LEAVE, worker, list(sessions))
        await go(database, gone)


async def bury(database: Database) -> None:
    """Workers that were killed or have stopped: who was there only is offline."""
    async with database.transaction():
        gone = await database.fetch(BURY)
        await go(database, gone)


async def go(database: Database, gone: Collection[Any]) -> None:
    """In the transaction that has deleted these attendances."""
    if gone:
        users = list({row["user"] for row in gone})
        await database.fetch(SEE, [row["session"] for row in gone])
        await database.fetch(LOCK, users)
        await database.fetch(GO, users)
