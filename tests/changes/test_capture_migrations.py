"""A table's capture is what its migrations install, and `migrate new` writes what they lack."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from piccolo.columns import Column, Text
from piccolo.table import create_table_class

from server import resources
from server.changes import capture
from server.changes.tables import LiveTable
from server.database.migrations import Migrations
from server.resources.users.tables import LIVE, User
from tests.changes.logged import Log
from tests.conftest import ROOT
from tests.process import command


@pytest.fixture
def migrations(dsn: str, monkeypatch: pytest.MonkeyPatch) -> Migrations:
    """The repository's; `piccolo_conf` wants a database to be named."""
    monkeypatch.setenv("DATABASE_URL", dsn)
    return Migrations()


async def test_the_capture_that_is_installed_is_the_one_that_is_declared(
    log: Log, migrations: Migrations
) -> None:
    for live in resources.live_tables():
        assert all(map(migrations.has, capture.functions(live)))
        installed = "SELECT prosrc FROM pg_proc WHERE proname = $1"
        assert await log.psql.fetchval(installed, f"capture_{live.name}") == capture.body(live)
        if "version" in live.columns:
            counted = await log.psql.fetchval(installed, f"count_{live.name}")
            assert f"$count${counted}$count$" in capture.counted(live)
        always = (
            "SELECT count(*) FROM pg_trigger WHERE tgenabled = 'A' AND tgrelid = $1::text::regclass"
        )
        assert await log.psql.fetchval(always, live.name) == 2


def test_a_live_table_with_a_column_more_or_less_is_not_captured_yet(
    migrations: Migrations,
) -> None:
    def declared(**more: Column) -> LiveTable:
        members = {**{name: column.copy() for name, column in LIVE.columns.items()}, **more}
        of = {"tablename": "users"}
        return LiveTable(create_table_class("User", class_kwargs=of, class_members=members))

    assert migrations.has(capture.captured(declared()))
    assert not migrations.has(capture.captured(declared(motto=Text())))
    assert not migrations.has(capture.captured(LiveTable(User, secret=("email",))))
    assert not migrations.has(capture.counted(LiveTable(User, secret=("updated_at",))))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What is needed of the repository, with one column more in `users`."""
    for name in ("server", "piccolo_migrations"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "piccolo_conf.py", tmp_path)
    tables = tmp_path / "server/resources/users/tables.py"
    column = "    role = Varchar("
    text = tables.read_text()
    assert text.count(column) == 1
    tables.write_text(text.replace(column, f'    motto = Text(default="")\n{column}'))
    return tmp_path


async def test_migrate_new_writes_the_column_and_its_capture_which_then_are_installed(
    alone: Log, dsn_alone: str, copy: Path
) -> None:
    theirs = {"PYTHONPATH": str(copy), "PYTHONSAFEPATH": "1", "TZ": "UTC"}
    folder = copy / "piccolo_migrations"
    there = set(folder.iterdir())
    code, said = await command(dsn_alone, "migrate", "new", "mottos", **theirs)
    assert code == 0, said
    assert "for the changes of users to be captured" in said
    column, capturing = sorted(set(folder.glob("victory*.py")) - there)
    assert "motto" in column.read_text()
    assert "capture_users()" in capturing.read_text()
    code, said = await command(dsn_alone, "migrate", "forwards", **theirs)
    assert (code, said.count("Applied")) == (0, 2), said
    await alone.psql.execute("INSERT INTO users (email, motto) VALUES ('m@example.org', 'carpe')")
    assert [after["motto"] for _before, after in await alone.told()] == ["carpe"]
    assert await alone.psql.fetchval("SELECT pruned <> '0' FROM change_log")
