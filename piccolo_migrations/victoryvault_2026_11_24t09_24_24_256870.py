from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-24T09:24:24:256870"
VERSION = "1.38.0"
DESCRIPTION = "uuidv7 before PostgreSQL 18"


# RFC 9562 5.7: 48 bits of milliseconds over the random bits of a version 4, then the version.
UUIDV7 = """
    DO $do$ BEGIN
        IF to_regprocedure('pg_catalog.uuidv7()') IS NULL THEN
            CREATE FUNCTION uuidv7() RETURNS uuid LANGUAGE sql VOLATILE AS $$
                SELECT encode(set_bit(set_bit(overlay(
                    uuid_send(gen_random_uuid()) PLACING
                    substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                    FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
            $$;
        END IF;
    END $do$
"""

DROP = """
    DO $do$ BEGIN
        IF to_regprocedure('pg_catalog.uuidv7()') IS NULL THEN
            DROP FUNCTION uuidv7();
        END IF;
    END $do$
"""


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="victoryvault", description=DESCRIPTION)

    async def add():
        await engine_finder().run_ddl(UUIDV7)

    async def remove():
        await engine_finder().run_ddl(DROP)

    manager.add_raw(add)
    manager.add_raw_backwards(remove)
    return manager
