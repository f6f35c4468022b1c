"""Somebody else who writes to the database: plain SQL on a connection of its own.

It knows no method, no worker and no subscription, like psql or another service.
"""

from __future__ import annotations

import math
import random

import asyncpg

CONNECT_SECONDS = 3
STATEMENT_SECONDS = 10
PLAYERS = "player-%@example.org"
"""The emails of those whose scores it writes."""
DRAW = """
WITH player AS (
    SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM users WHERE email LIKE $1
), drawn AS (
    SELECT id, (500 + 490 * sin(
        $2::float8 + $3::float8 * (place % 10) + $4::float8 * (place / 10)
    ))::int AS score
    FROM player
)
UPDATE users
SET profile = jsonb_set(profile, '{score}', to_jsonb(
    score + (profile -> 'score' IS NOT DISTINCT FROM to_jsonb(score))::int
))
FROM drawn WHERE drawn.id = users.id
"""
"""A wave over ten columns. No player keeps the score it has."""


async def change_scores(dsn: str) -> int:
    """How many rows it changed: each player's. Raises what asyncpg raises."""
    connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)
    try:
        turn = random.uniform(0, math.tau)  # noqa: S311 - a picture
        wave = (random.uniform(0, math.tau), 0.45 * math.cos(turn), 0.45 * math.sin(turn))  # noqa: S311
        said = await connection.execute(DRAW, PLAYERS, *wave, timeout=STATEMENT_SECONDS)
    finally:
        await connection.close()
    return int(said.split()[-1])
