"""Whether a database can be reached and used, said in one sentence."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from server.database.engine import CONNECT_SECONDS

OLDEST = 14
"""The first PostgreSQL major that is tested."""


class UnreachableError(Exception):
    """Its text is shown as it is; it holds no password."""


async def check(dsn: str) -> str:
    """The server's version. Raises UnreachableError."""
    connection = await connect(dsn)
    try:
        version: str = await connection.fetchval("SHOW server_version")
        standby = await connection.fetchval("SELECT pg_is_in_recovery()")
    finally:
        await connection.close()
    if int(re.split(r"\D", version)[0]) < OLDEST:
        raise UnreachableError(
            f"The database is PostgreSQL {version}; at least {OLDEST} is needed."
        )
    if standby:
        raise UnreachableError(
            f"The database at {where(dsn)} is a read-only standby; name the primary."
        )
    return version.split(maxsplit=1)[0]


async def connect(dsn: str) -> Any:
    """Raises UnreachableError."""
    try:
        return await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)
    except (TimeoutError, OSError) as error:
        if "SSL" in str(error):
            raise UnreachableError(
                f"The database at {where(dsn)} has no TLS, or none with the certificate that "
                "sslmode asks for; switch it on there, or correct sslmode in DATABASE_URL."
            ) from None
        raise UnreachableError(
            f"The database at {where(dsn)} does not answer; start it, or correct DATABASE_URL or "
            "DB_HOST and DB_PORT (or unset them to use the embedded one)."
        ) from None
    except asyncpg.InvalidAuthorizationSpecificationError:
        raise UnreachableError(
            f"The database at {where(dsn)} refuses the user or the password; "
            "correct DATABASE_URL, or DB_USER and DB_PASSWORD."
        ) from None
    except asyncpg.InvalidCatalogNameError:
        raise UnreachableError(
            f"The server at {where(dsn)} has no such database; create it with `createdb`, "
            "or correct DATABASE_URL or DB_NAME."
        ) from None
    except asyncpg.ClientConfigurationError as error:
        raise UnreachableError(f"Correct DATABASE_URL: {error.args[0].rstrip('.')}.") from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError, OverflowError) as error:
        raise UnreachableError(
            f"The database at {where(dsn)} cannot be used ({type(error).__name__}); "
            "`victoryvault doctor` says what is configured."
        ) from None


def where(dsn: str) -> str:
    """The place that a DSN names, without what is secret in it."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    host = unquote(parts.netloc.rpartition("@")[2]) or query.get("host", ["localhost"])[0]
    port = query.get("port", ["5432"])[0]
    place = host if host.startswith("/") or re.search(r":\d+$", host) else f"{host}:{port}"
    return f"{place}, database {unquote(parts.path.lstrip('/')) or 'of the user name'}"
