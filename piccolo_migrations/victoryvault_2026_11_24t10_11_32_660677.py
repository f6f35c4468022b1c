from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-24T10:11:32:660677"
VERSION = "1.38.0"
DESCRIPTION = "the change log"

UP = (
    r'''
CREATE TABLE changes (
    sequence bigint GENERATED ALWAYS AS IDENTITY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    source text NOT NULL,
    id uuid NOT NULL,
    before json,
    after json
) PARTITION BY RANGE (at)''',
    r'''CREATE INDEX changes_xid ON changes (xid)''',
    r'''CREATE TABLE changes_default PARTITION OF changes DEFAULT''',
    r'''CREATE TABLE change_log (pruned xid8 NOT NULL)''',
    r'''INSERT INTO change_log VALUES ('0')''',
    r'''
CREATE FUNCTION make_change_partitions(days integer) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    today date := (now() AT TIME ZONE 'UTC')::date;
    day date;
BEGIN
    FOR ahead IN 0..days LOOP
        day := today + ahead;
        IF to_regclass('changes_' || to_char(day, 'YYYYMMDD')) IS NULL AND NOT EXISTS (
            SELECT FROM changes_default
            WHERE at >= day::timestamp AT TIME ZONE 'UTC'
                AND at < (day + 1)::timestamp AT TIME ZONE 'UTC'
        ) THEN
            EXECUTE format(
                'CREATE TABLE changes_%s PARTITION OF changes FOR VALUES FROM (%L) TO (%L)',
                to_char(day, 'YYYYMMDD'),
                day::timestamp AT TIME ZONE 'UTC',
                (day + 1)::timestamp AT TIME ZONE 'UTC'
            );
        END IF;
    END LOOP;
END $$''',
    r'''SELECT make_change_partitions(7)''',
)
DOWN = (
    r'''DROP FUNCTION make_change_partitions(integer)''',
    r'''DROP TABLE change_log''',
    r'''DROP TABLE changes''',
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
