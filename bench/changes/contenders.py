"""The servers that are measured, each started fresh: ours, the loop, and PocketBase."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.changes import loop, pocketbase
from bench.changes.lanes import Target
from bench.ground import Ground, execute
from bench.processes import environment, free_port, listening

UPDATE = "UPDATE users SET status = $1 WHERE id = $2::text::uuid"
LIMITS = {
    "VICTORYVAULT_MAX_CALLS_PER_SECOND": "0",
    "VICTORYVAULT_MAX_CONNECTIONS_PER_ADDRESS": "0",
    "VICTORYVAULT_PING_INTERVAL_SECONDS": "60",
    "VICTORYVAULT_SEND_TIMEOUT_SECONDS": "60",
}
"""All clients have one address, and those that are frozen are not to be closed for it."""


class Contender(NamedTuple):
    pid: int
    port: int
    wire: str
    way: str
    """How it is written to."""
    target: Target
    postmaster: int | None
    """None: its database is in its own process."""


@contextmanager
def ours(folder: Path, ground: Ground, rows: list[str], sql: str = UPDATE) -> Iterator[Contender]:
    port = free_port()
    settings = environment(DATABASE_URL=ground.dsn, **LIMITS)
    target = Target(rows, ground.dsn, sql, port, ground.tokens[0])
    with listening(folder, port, "server", "serve", "--port", str(port), env=settings) as pid:
        yield Contender(pid, port, "websocket", "sql", target, ground.postmaster)


@contextmanager
def starlette_loop(folder: Path, ground: Ground, rows: list[str]) -> Iterator[Contender]:
    port = free_port()
    asyncio.run(execute(ground.dsn, loop.SCHEMA))
    target = Target(rows, ground.dsn, loop.UPDATE)
    with listening(folder, port, "bench.changes.loop", str(port), ground.dsn) as pid:
        yield Contender(pid, port, "websocket", "sql", target, ground.postmaster)


@contextmanager
def pocket_base(folder: Path) -> Iterator[Contender]:
    """Raises StartError when it cannot be had."""
    program, port = pocketbase.installed(folder), free_port()
    data = folder / f"pocketbase-{secrets.token_hex(3)}" / "data"  # migrations lie beside it
    pocketbase.prepared(program, data)
    serve = ("serve", "--http", f"127.0.0.1:{port}", "--dir", str(data))
    with listening(folder, port, *serve, program=(str(program),)) as pid:
        yield Contender(pid, port, "events", "rest", Target(pocketbase.rows(port), port=port), None)
