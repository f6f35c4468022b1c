"""Makes a database on the embedded PostgreSQL that runs on a folder, and prints its DSN."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import asyncpg

from server.database import embedded


async def create(dsn: str, name: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(f'CREATE DATABASE "{name}"')
    await connection.close()


if __name__ == "__main__":
    data, name = sys.argv[1:]
    dsn = embedded.running(Path(data))
    if dsn is None:
        sys.exit(f"No PostgreSQL runs on {data}.")
    asyncio.run(create(dsn, name))
    print(dsn.replace("/victoryvault?", f"/{name}?"))  # noqa: T201 - for who started it
