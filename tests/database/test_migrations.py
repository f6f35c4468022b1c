"""Migrations on real PostgreSQL, by the commands that users run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from piccolo.apps.migrations.commands.new import AutoMigrationManager

from server.database.reaching import where
from server.piccolo_app import APP_CONFIG
from tests.conftest import Databases, database
from tests.process import command

TABLES = {"credentials", "receipts", "sessions", "users"}


@pytest.fixture
async def empty(databases: Databases) -> AsyncIterator[str]:
    """A database with nothing in it."""
    dsn = await databases.create(empty=True)
    yield dsn
    await databases.drop(dsn)


async def things(dsn: str) -> set[str]:
    """Tables, functions and triggers that are not Piccolo's own."""
    async with database(dsn) as connection:
        found = await connection.fetch("""
            SELECT relname::text AS name FROM pg_class
                WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
            UNION SELECT proname || '()' FROM pg_proc WHERE pronamespace = 'public'::regnamespace
            UNION SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal
        """)
    return {row["name"] for row in found} - {"migration"}


async def test_migrations_run_forwards_and_backwards_and_forwards_again(empty: str) -> None:
    code, said = await command(empty, "migrate", "forwards")
    assert code == 0, said
    made = await things(empty)
    assert made >= {*TABLES, "trigger count_version"}
    code, said = await command(empty, "migrate", "backwards", "all")
    assert code == 0, said
    assert await things(empty) == set()
    code, said = await command(empty, "migrate", "forwards")
    assert code == 0, said
    assert await things(empty) == made


@pytest.mark.parametrize("action", [("forwards",), ("status",), ("backwards", "all")])
async def test_migrating_says_first_which_database_it_is_and_shows_no_password(
    empty: str, action: tuple[str, ...]
) -> None:
    _code, said = await command(f"{empty}&password=hidden-password", "migrate", *action)
    assert said.splitlines()[0] == f"Database: {where(empty)}."
    assert "hidden-password" not in said


async def test_the_plain_piccolo_command_works_too(empty: str) -> None:
    code, said = await command(
        empty, "migrations", "forwards", "victoryvault", module="piccolo.main"
    )
    assert code == 0, said
    assert await things(empty) >= TABLES
    assert (await command(empty, "migrate", "forwards"))[1].endswith("\nNothing is pending.\n")


async def test_of_four_processes_at_once_one_migrates_and_three_find_nothing_to_do(
    empty: str,
) -> None:
    ended = await asyncio.gather(*(command(empty, "migrate", "forwards") for _ in range(4)))
    assert [code for code, _said in ended] == [0] * 4, ended
    idle = [said for _code, said in ended if "Nothing is pending." in said]
    assert len(idle) == 3
    assert await things(empty) >= TABLES


async def test_a_migration_that_fails_half_way_leaves_nothing(empty: str) -> None:
    async with database(empty) as connection:
        await connection.execute("CREATE FUNCTION count_version() RETURNS int RETURN 1")
    code, _said = await command(empty, "migrate", "forwards")
    assert code != 0
    assert await things(empty) == {"count_version()"}


async def test_status_names_what_is_pending_and_the_way_out(empty: str) -> None:
    code, said = await command(empty, "migrate", "status")
    assert code == 0
    assert "pending" in said
    assert "victoryvault migrate forwards" in said


@pytest.mark.parametrize("action", [("serve", "--port", "0"), ("promote", "ada@example.org")])
async def test_what_needs_the_tables_is_refused_on_pending_migrations_with_the_way_out(
    empty: str, action: tuple[str, ...]
) -> None:
    code, said = await command(empty, *action)
    assert code == 1
    assert said.strip().endswith("`victoryvault migrate forwards` applies them.")
    assert "Traceback" not in said


def test_the_tables_have_no_change_that_lacks_a_migration() -> None:
    manager = AutoMigrationManager()
    statements = asyncio.run(manager.get_alter_statements(APP_CONFIG))
    assert [each for group in statements for each in group.statements] == []


def test_migrations_are_a_package_that_is_installed() -> None:
    assert Path(APP_CONFIG.resolved_migrations_folder_path).is_dir()
