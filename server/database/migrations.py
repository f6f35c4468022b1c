"""Migrations: Piccolo's, run by one process at a time and as a whole or not at all."""

from __future__ import annotations

import contextlib
import io
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
from piccolo.apps.migrations.commands.backwards import run_backwards
from piccolo.apps.migrations.commands.base import BaseMigrationManager
from piccolo.apps.migrations.commands.forwards import run_forwards
from piccolo.apps.migrations.tables import Migration
from piccolo.conf.apps import Finder

from server.database.engine import Engine
from server.database.reaching import UnreachableError
from server.database.transactions import Transaction

if TYPE_CHECKING:
    from piccolo.conf.apps import AppConfig

LOCK = 0x71C7081
"""Of the advisory lock that migrating processes queue for."""
COMMIT_SECONDS = 60.0
APP = "victoryvault"
TABLE = """
    SELECT quote_ident(current_user) AS user, quote_ident(pg_get_userbyid(relowner)) AS owner,
        has_table_privilege(oid, 'SELECT') AS is_readable
    FROM pg_class WHERE oid = to_regclass('migration')
"""
"""Piccolo's `table_exists` says that what one may not read is not there."""

TEMPLATE = """from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "{id}"
VERSION = "1.38.0"
DESCRIPTION = "{description}"

UP = ({up})
DOWN = ({down})


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="victoryvault", description=DESCRIPTION)

    async def up():
        for statement in UP:
            await engine_finder().run_ddl(statement)

    async def down():
        for statement in DOWN:
            await engine_finder().run_ddl(statement)

    manager.add_raw(up)
    manager.add_raw_backwards(down)
    return manager
"""


def sql(statements: list[str]) -> str:
    return "".join(f"\n    r'''{each}'''," for each in statements) + "\n"


class MigrationError(Exception):
    """A migration that could not be run. Its text is shown as it is."""


class Migrations:
    """On the engine of `piccolo_conf`, which is what Piccolo's commands use too."""

    def __init__(self) -> None:
        finder = Finder()
        self.app: AppConfig = finder.get_app_config(APP)
        engine = finder.get_engine()
        assert isinstance(engine, Engine)  # noqa: S101 - piccolo_conf makes it
        self.engine = engine

    async def forwards(self) -> list[str]:
        """Runs what is pending, and gives its ids."""
        return await self._run(lambda: run_forwards(APP, "all"))

    async def backwards(self, to: str) -> list[str]:
        """Undoes migrations down to and including `to`, an id, `1` or `all`; gives their ids."""
        return await self._run(lambda: run_backwards(APP, to, auto_agree=True))

    async def new(self, description: str) -> None:
        """Writes the migration for what changed in the tables since the last one."""
        from piccolo.apps.migrations.commands.new import new  # noqa: PLC0415 - slow, and rare

        await new(APP, auto=True, desc=description)

    def write(self, description: str, up: list[str], down: list[str]) -> Path:
        """Writes a migration that runs SQL, which comes after all that are there."""
        moment = datetime.now().isoformat(timespec="microseconds")  # noqa: DTZ005 - as Piccolo does
        id_ = moment.replace(".", ":")
        name = f"{APP}_{id_.replace('-', '_').replace(':', '_').lower()}.py"
        path = Path(self.app.resolved_migrations_folder_path) / name
        path.write_text(
            TEMPLATE.format(id=id_, description=description, up=sql(up), down=sql(down))
        )
        return path

    def has(self, text: str) -> bool:
        """Whether the newest migration that defines the same function defines it so."""
        newest = self.newest(text)
        return newest is not None and text in newest.read_text()

    def newest(self, text: str) -> Path | None:
        """The newest migration that defines the same function."""
        head = text[: text.index("()") + 2]
        folder = Path(self.app.resolved_migrations_folder_path)
        found = [path for path in folder.glob(f"{APP}_*.py") if head in path.read_text()]
        return max(found, default=None)

    def undoing(self, text: str, otherwise: list[str]) -> list[str]:
        """What brings back the function as the newest migration has it; else `otherwise`."""
        newest = self.newest(text)
        if newest is None:
            return otherwise
        return list(import_module(f"{newest.parent.name}.{newest.stem}").UP)

    async def status(self) -> dict[str, bool]:
        """Each migration by its id, and whether it was run. Raises UnreachableError."""
        modules = BaseMigrationManager().get_migration_modules(
            self.app.resolved_migrations_folder_path
        )
        done = await self._done()
        return {each: each in done for each in sorted(modules)}

    async def _done(self) -> set[str]:
        found = await Migration.raw(TABLE)
        if not found:
            return set()
        if not found[0]["is_readable"]:
            user, owner = found[0]["user"], found[0]["owner"]
            raise UnreachableError(
                f"The user {user} may not read the tables of {owner}; grant it (GRANT {owner} TO "
                f"{user}), or name {owner} in DATABASE_URL or DB_USER."
            )
        return set(await Migration.get_migrations_which_ran(APP))

    async def _run(self, run: Any) -> list[str]:
        await self.engine.start_connection_pool(min_size=1, max_size=1)
        said = io.StringIO()
        try:
            async with Transaction(self.engine, COMMIT_SECONDS, None) as transaction:
                await transaction.connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
                before = await self._done()
                with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                    try:
                        result = await run()
                    except asyncpg.PostgresError as error:
                        raise MigrationError(f"A migration failed: {error}") from error
                if not result.success:
                    raise MigrationError(said.getvalue().strip().splitlines()[-1])
                return sorted(before ^ await self._done())
        finally:
            await self.engine.close_connection_pool()
