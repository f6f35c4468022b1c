# ruff: noqa: S608 - SQL of names above
"""A worker that reads the log as one should not, to see whether the oracle notices.

`ORACLE_READ` is `serial` (what has a higher serial number than the last) or `xmin` (of finished
transactions only, ordered by transaction and serial number: the textbook rule) or `order` (from the
right place, in the order of the textbook rule). `rights` reads rightly, but sockets keep the role
that they signed in with. `small` is right, but its ring holds so little that who is behind is
brought up from the log.
"""

from __future__ import annotations

import os
from typing import Any

from server.changes import log, ring
from server.cli import run
from server.database.engine import Database
from server.resources.sessions.rights import Rights

SNAPSHOT = "pg_current_snapshot()::text"
PLACES = {
    "serial": "(SELECT concat_ws(':', m, m, '') FROM"
    " (SELECT coalesce(max(sequence), 0) + 1 AS m FROM changes) AS top)",
    "xmin": "concat_ws(':', pg_snapshot_xmin(pg_current_snapshot())::text,"
    " pg_snapshot_xmin(pg_current_snapshot())::text, '')",
}
COLUMNS = "source, id::text AS id, before::text, after::text"
READS = {
    "serial": f"SELECT sequence, sequence::text AS xid, {COLUMNS} FROM changes"
    " WHERE sequence >= $1::text::bigint AND ($2::text, $3::text[], $4::timestamptz) IS NOT NULL",
    "xmin": "SELECT xid::text::bigint * 1000000 + sequence % 1000000 AS sequence,"
    f" xid::text AS xid, {COLUMNS} FROM changes WHERE xid >= $1::text::xid8"
    " AND xid < pg_snapshot_xmin(pg_current_snapshot())"
    " AND ($2::text, $3::text[], $4::timestamptz) IS NOT NULL",
}


def misread(how: str) -> None:
    if how == "small":
        ring.MAX_CHANGES = 40
        return
    if how == "rights":
        Rights._user_changed = lambda self, change: None  # type: ignore[method-assign]
        return
    if how == "order":
        textbook = "SELECT xid::text::bigint * 1000000 + sequence % 1000000 AS sequence,"
        log.READ = log.READ.replace("SELECT sequence,", textbook)
        log.READ_FAR = log.READ_FAR.replace("SELECT sequence,", textbook)
        return
    place = PLACES[how]
    log.HEAD = f"SELECT {place}"
    log.READ = log.READ_FAR = f"""
        WITH head AS MATERIALIZED (SELECT {place} AS snapshot, '0' AS pruned, now() AS moment)
        SELECT head.*, unseen.* FROM head LEFT JOIN ({READS[how]}) AS unseen ON true
        ORDER BY sequence
    """
    fetch = Database.fetch

    async def with_place(self: Database, sql: str, *arguments: Any) -> list[Any]:
        return await fetch(self, sql.replace(SNAPSHOT, place), *arguments)

    Database.fetch = with_place  # type: ignore[method-assign]


if __name__ == "__main__":
    misread(os.environ["ORACLE_READ"])
    run()
