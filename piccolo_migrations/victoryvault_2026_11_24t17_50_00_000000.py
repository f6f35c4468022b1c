from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-24T17:50:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "users are counted by what is generated"

UP = (
    r'''
CREATE OR REPLACE FUNCTION count_users() RETURNS trigger LANGUAGE plpgsql AS $count$
BEGIN
    NEW.version := OLD.version + 1;
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $count$''',
    r'''DROP TRIGGER IF EXISTS count_version ON users''',
    r'''CREATE TRIGGER count_version BEFORE UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION count_users()''',
    r'''DROP FUNCTION count_version()''',
)
DOWN = (
    r'''DROP TRIGGER count_version ON users''',
    r'''DROP FUNCTION count_users()''',
    r'''
CREATE FUNCTION count_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + 1;
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $$''',
    r'''CREATE TRIGGER count_version BEFORE UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION count_version()''',
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
