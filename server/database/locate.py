"""Which database: the one that the environment names, or the embedded one."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from server.database import embedded
from server.database.reaching import where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.settings import Settings


def data_directory(settings: Settings) -> Path:
    """Where the embedded PostgreSQL keeps its data."""
    if settings.data:
        return Path(settings.data).expanduser().absolute()
    return embedded.default_data(Path.cwd())


def describe(settings: Settings) -> str:
    """Which database it is, in a sentence without a password."""
    if settings.dsn is not None:
        return f"Database: {where(settings.dsn)}."
    return f"No database is named, so the embedded one is used, in {data_directory(settings)}."


@contextmanager
def located(settings: Settings, *, share: bool = False, make: bool = True) -> Iterator[str]:
    """The DSN; an embedded PostgreSQL runs meanwhile.

    With `share`, one that another process of ours runs on the same data is used as it is.
    Without `make`, its data must be there. Raises embedded.EmbeddedError.
    """
    if settings.dsn is not None:
        yield settings.dsn
        return
    data = data_directory(settings)
    running = embedded.running(data) if share else None
    if running is not None:
        yield running
        return
    found = embedded.describe(data)
    if not make and found.data_major is None and found.problem is None:
        raise embedded.EmbeddedError(
            f"There is no database in {data}; `victoryvault migrate forwards` makes one there, "
            "or name another with --data or DATABASE_URL."
        )
    with embedded.start(data) as postgres:
        yield postgres.dsn


def locate(settings: Settings) -> str:
    """The DSN for the `piccolo` command; an embedded PostgreSQL runs until the process ends."""
    if settings.dsn is not None:
        return settings.dsn
    data = data_directory(settings)
    return embedded.running(data) or embedded.start(data).dsn
