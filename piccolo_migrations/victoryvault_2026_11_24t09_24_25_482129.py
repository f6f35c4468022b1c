from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-24T09:24:25:482129"
VERSION = "1.38.0"
DESCRIPTION = "unique emails, counted versions"


UP = (
    "CREATE UNIQUE INDEX users_email_key ON users (lower(email))",
    "CREATE INDEX users_created_at_id ON users (created_at, id)",
    """
    CREATE FUNCTION count_version() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.version := OLD.version + 1;
        NEW.updated_at := clock_timestamp();
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER count_version BEFORE UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION count_version()
    """,
)
DOWN = (
    "DROP TRIGGER count_version ON users",
    "DROP FUNCTION count_version()",
    "DROP INDEX users_created_at_id",
    "DROP INDEX users_email_key",
)


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
