from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-28T19:31:48:453735"
VERSION = "1.38.0"
DESCRIPTION = "capture of presence"

UP = (
    r'''
CREATE OR REPLACE FUNCTION capture_presence() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $capture$
DECLARE
    differing text;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        IF current_setting('transaction_isolation') <> 'read committed' THEN
            RAISE EXCEPTION 'TRUNCATE of presence is captured under READ COMMITTED only'
                USING HINT = 'An older snapshot does not show all rows; use DELETE.';
        END IF;
        INSERT INTO changes (source, id, before)
            SELECT 'presence', gone.id, json_build_object('id', gone."id", 'online', gone."online", 'last_seen', to_char(gone."last_seen" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'version', gone."version")
            FROM presence AS gone;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO changes (source, id, before, after) VALUES ('presence', NEW.id, NULL, json_build_object('id', NEW."id", 'online', NEW."online", 'last_seen', to_char(NEW."last_seen" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'version', NEW."version"));
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO changes (source, id, before, after) VALUES ('presence', OLD.id, json_build_object('id', OLD."id", 'online', OLD."online", 'last_seen', to_char(OLD."last_seen" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'version', OLD."version"), NULL);
    ELSIF NEW.id <> OLD.id THEN
        INSERT INTO changes (source, id, before, after) VALUES ('presence', OLD.id, json_build_object('id', OLD."id", 'online', OLD."online", 'last_seen', to_char(OLD."last_seen" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'version', OLD."version"), NULL), ('presence', NEW.id, NULL, json_build_object('id', NEW."id", 'online', NEW."online", 'last_seen', to_char(NEW."last_seen" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'version', NEW."version"));
    ELSE
        differing := concat_ws(',',
            CASE WHEN OLD."online" IS DISTINCT FROM NEW."online" THEN '"online":' || coalesce(to_json(OLD."online"), 'null')::text END,
            CASE WHEN OLD."last_seen" IS DISTINCT FROM NEW."last_seen" THEN '"last_seen":' || coalesce(to_json(to_char(OLD."last_seen" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), 'null')::text END,
            CASE WHEN OLD."version" IS DISTINCT FROM NEW."version" THEN '"version":' || coalesce(to_json(OLD."version"), 'null')::text END
        );
        IF differing <> '' THEN
            INSERT INTO changes (source, id, before, after) VALUES ('presence', NEW.id, ('{' || differing || '}')::json, json_build_object('id', NEW."id", 'online', NEW."online", 'last_seen', to_char(NEW."last_seen" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'version', NEW."version"));
        END IF;
    END IF;
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    IF NOT (pg_try_advisory_lock(508441226356) AND pg_advisory_unlock(508441226356)) AND current_setting('max_prepared_transactions') = '0' THEN
        PERFORM pg_notify('victoryvault', '');
    END IF;
    RETURN NULL;
END$capture$
''',
    r'''
CREATE OR REPLACE FUNCTION count_presence() RETURNS trigger LANGUAGE plpgsql AS $count$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END $count$''',
    r'''
DO $do$ BEGIN
    EXECUTE format('ALTER FUNCTION capture_presence() SET search_path = %s, pg_temp',
        current_setting('search_path'));
END $do$''',
    r'''ALTER TABLE presence DROP CONSTRAINT IF EXISTS live_times''',
    r'''ALTER TABLE presence ADD CONSTRAINT live_times CHECK ("last_seen" >= '0001-01-01Z' AND "last_seen" < '10000-01-01Z')''',
    r'''DROP TRIGGER IF EXISTS "0_capture" ON presence''',
    r'''DROP TRIGGER IF EXISTS "0_capture_truncate" ON presence''',
    r'''CREATE TRIGGER "0_capture" AFTER INSERT OR UPDATE OR DELETE ON presence
    FOR EACH ROW EXECUTE FUNCTION capture_presence()''',
    r'''CREATE TRIGGER "0_capture_truncate" BEFORE TRUNCATE ON presence
    FOR EACH STATEMENT EXECUTE FUNCTION capture_presence()''',
    r'''ALTER TABLE presence ENABLE ALWAYS TRIGGER "0_capture"''',
    r'''ALTER TABLE presence ENABLE ALWAYS TRIGGER "0_capture_truncate"''',
    r'''DROP TRIGGER IF EXISTS count_version ON presence''',
    r'''CREATE TRIGGER count_version BEFORE UPDATE ON presence
    FOR EACH ROW EXECUTE FUNCTION count_presence()''',
    r'''UPDATE change_log SET pruned = pg_current_xact_id()''',
)
DOWN = (
    r'''
CREATE OR REPLACE FUNCTION capture_presence() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $capture$
DECLARE
    differing text;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        IF current_setting('transaction_isolation') <> 'read committed' THEN
            RAISE EXCEPTION 'TRUNCATE of presence is captured under READ COMMITTED only'
                USING HINT = 'An older snapshot does not show all rows; use DELETE.';
        END IF;
        INSERT INTO changes (source, id, before)
            SELECT 'presence', gone.id, json_build_object('id', gone."id", 'online', gone."online", 'last_seen', to_char(gone."last_seen" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'version', gone."version")
            FROM presence AS gone;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO changes (source, id, before, after) VALUES ('presence', NEW.id, NULL, json_build_object('id', NEW."id", 'online', NEW."online", 'last_seen', to_char(NEW."last_seen" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'version', NEW."version"));
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO changes (source, id, before, after) VALUES ('presence', OLD.id, json_build_object('id', OLD."id", 'online', OLD."online", 'last_seen', to_char(OLD."last_seen" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'version', OLD."version"), NULL);
    ELSIF NEW.id <> OLD.id THEN
        INSERT INTO changes (source, id, before, after) VALUES ('presence', OLD.id, json_build_object('id', OLD."id", 'online', OLD."online", 'last_seen', to_char(OLD."last_seen" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'version', OLD."version"), NULL), ('presence', NEW.id, NULL, json_build_object('id', NEW."id", 'online', NEW."online", 'last_seen', to_char(NEW."last_seen" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'version', NEW."version"));
    ELSE
        differing := concat_ws(',',
            CASE WHEN OLD."online" IS DISTINCT FROM NEW."online" THEN '"online":' || coalesce(to_json(OLD."online"), 'null')::text END,
            CASE WHEN OLD."last_seen" IS DISTINCT FROM NEW."last_seen" THEN '"last_seen":' || coalesce(to_json(to_char(OLD."last_seen" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), 'null')::text END,
            CASE WHEN OLD."version" IS DISTINCT FROM NEW."version" THEN '"version":' || coalesce(to_json(OLD."version"), 'null')::text END
        );
        IF differing <> '' THEN
            INSERT INTO changes (source, id, before, after) VALUES ('presence', NEW.id, ('{' || differing || '}')::json, json_build_object('id', NEW."id", 'online', NEW."online", 'last_seen', to_char(NEW."last_seen" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'version', NEW."version"));
        END IF;
    END IF;
    IF NOT (pg_try_advisory_lock(508441226356) AND pg_advisory_unlock(508441226356)) AND current_setting('max_prepared_transactions') = '0' THEN
        PERFORM pg_notify('victoryvault', '');
    END IF;
    RETURN NULL;
END$capture$
''',
    r'''
DO $do$ BEGIN
    EXECUTE format('ALTER FUNCTION capture_presence() SET search_path = %s, pg_temp',
        current_setting('search_path'));
END $do$''',
    r'''ALTER TABLE presence DROP CONSTRAINT IF EXISTS live_times''',
    r'''ALTER TABLE presence ADD CONSTRAINT live_times CHECK ("last_seen" >= '0001-01-01Z' AND "last_seen" < '10000-01-01Z')''',
    r'''DROP TRIGGER IF EXISTS "0_capture" ON presence''',
    r'''DROP TRIGGER IF EXISTS "0_capture_truncate" ON presence''',
    r'''CREATE TRIGGER "0_capture" AFTER INSERT OR UPDATE OR DELETE ON presence
    FOR EACH ROW EXECUTE FUNCTION capture_presence()''',
    r'''CREATE TRIGGER "0_capture_truncate" BEFORE TRUNCATE ON presence
    FOR EACH STATEMENT EXECUTE FUNCTION capture_presence()''',
    r'''ALTER TABLE presence ENABLE ALWAYS TRIGGER "0_capture"''',
    r'''ALTER TABLE presence ENABLE ALWAYS TRIGGER "0_capture_truncate"''',
    r'''
CREATE OR REPLACE FUNCTION count_presence() RETURNS trigger LANGUAGE plpgsql AS $count$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END $count$''',
    r'''DROP TRIGGER IF EXISTS count_version ON presence''',
    r'''CREATE TRIGGER count_version BEFORE UPDATE ON presence
    FOR EACH ROW EXECUTE FUNCTION count_presence()''',
    r'''UPDATE change_log SET pruned = pg_current_xact_id()''',
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
