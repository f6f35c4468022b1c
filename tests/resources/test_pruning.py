"""What is deleted at once is little enough to be told of."""

from __future__ import annotations

import pytest

from server.database.engine import Database
from server.resources.sessions import rows
from tests.conftest import Running, Someone, database


async def test_long_expired_sessions_are_deleted_some_at_a_time(
    server: Running, ada: Someone, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "PRUNED_AT_ONCE", 5)
    async with database(dsn) as psql:
        await psql.execute(
            'INSERT INTO sessions (id, "user", token, created_at, last_seen, expires_at, address,'
            " client) SELECT gen_random_uuid(), $1, sha256(n::text::bytea), moment, moment, moment,"
            " '', '' FROM (SELECT n, now() - interval '2 days' AS moment"
            " FROM generate_series(1, 12) AS n) AS expired",
            ada.id,
        )
        await rows.prune(server.services.use(Database))
        deleted = await psql.fetch(
            "SELECT count(*) FROM changes WHERE source = 'sessions' AND after IS NULL GROUP BY xid"
        )
        assert sorted(row["count"] for row in deleted) == [2, 5, 5]
        assert await psql.fetchval('SELECT count(*) FROM sessions WHERE "user" = $1', ada.id) == 1
