from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-28T19:31:48:454951"
VERSION = "1.38.0"
DESCRIPTION = "capture of sessions"

UP = (
    r'''
CREATE OR REPLACE FUNCTION capture_sessions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $capture$
DECLARE
    differing text;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        IF current_setting('transaction_isolation') <> 'read committed' THEN
            RAISE EXCEPTION 'TRUNCATE of sessions is captured under READ COMMITTED only'
                USING HINT = 'An older snapshot does not show all rows; use DELETE.';
        END IF;
        INSERT INTO changes (source, id, before)
            SELECT 'sessions', gone.id, json_build_object('id', gone."id", 'user', gone."user", 'expires_at', to_char(gone."expires_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
            FROM sessions AS gone;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO changes (source, id, before, after) VALUES ('sessions', NEW.id, NULL, json_build_object('id', NEW."id", 'user', NEW."user", 'expires_at', to_char(NEW."expires_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO changes (source, id, before, after) VALUES ('sessions', OLD.id, json_build_object('id', OLD."id", 'user', OLD."user", 'expires_at', to_char(OLD."expires_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), NULL);
    ELSIF NEW.id <> OLD.id THEN
        INSERT INTO changes (source, id, before, after) VALUES ('sessions', OLD.id, json_build_object('id', OLD."id", 'user', OLD."user", 'expires_at', to_char(OLD."expires_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), NULL), ('sessions', NEW.id, NULL, json_build_object('id', NEW."id", 'user', NEW."user", 'expires_at', to_char(NEW."expires_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
    ELSE
        differing := concat_ws(',',
            CASE WHEN OLD."user" IS DISTINCT FROM NEW."user" THEN '"user":' || coalesce(to_json(OLD."user"), 'null')::text END,
            CASE WHEN OLD."expires_at" IS DISTINCT FROM NEW."expires_at" THEN '"expires_at":' || coalesce(to_json(to_char(OLD."expires_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), 'null')::text END
        );
        IF differing <> '' THEN
            INSERT INTO changes (source, id, before, after) VALUES ('sessions', NEW.id, ('{' || differing || '}')::json, json_build_object('id', NEW."id", 'user', NEW."user", 'expires_at', to_char(NEW."expires_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
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
DO $do$ BEGIN
    EXECUTE format('ALTER FUNCTION capture_sessions() SET search_path = %s, pg_temp',
        current_setting('search_path'));
END $do$''',
    r'''ALTER TABLE sessions DROP CONSTRAINT IF EXISTS live_times''',
    r'''ALTER TABLE sessions ADD CONSTRAINT live_times CHECK ("expires_at" >= '0001-01-01Z' AND "expires_at" < '10000-01-01Z')''',
    r'''DROP TRIGGER IF EXISTS "0_capture" ON sessions''',
    r'''DROP TRIGGER IF EXISTS "0_capture_truncate" ON sessions''',
    r'''CREATE TRIGGER "0_capture" AFTER INSERT OR UPDATE OR DELETE ON sessions
    FOR EACH ROW EXECUTE FUNCTION capture_sessions()''',
    r'''CREATE TRIGGER "0_capture_truncate" BEFORE TRUNCATE ON sessions
    FOR EACH STATEMENT EXECUTE FUNCTION capture_sessions()''',
    r'''ALTER TABLE sessions ENABLE ALWAYS TRIGGER "0_capture"''',
    r'''ALTER TABLE sessions ENABLE ALWAYS TRIGGER "0_capture_truncate"''',
    r'''UPDATE change_log SET pruned = pg_current_xact_id()''',
)
DOWN = (
    r'''
CREATE OR REPLACE FUNCTION capture_sessions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $capture$
DECLARE
    differing text;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        IF current_setting('transaction_isolation') <> 'read committed' THEN
            RAISE EXCEPTION 'TRUNCATE of sessions is captured under READ COMMITTED only'
                USING HINT = 'An older snapshot does not show all rows; use DELETE.';
        END IF;
        INSERT INTO changes (source, id, before)
            SELECT 'sessions', gone.id, json_build_object('id', gone."id", 'user', gone."user", 'expires_at', to_char(gone."expires_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
            FROM sessions AS gone;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO changes (source, id, before, after) VALUES ('sessions', NEW.id, NULL, json_build_object('id', NEW."id", 'user', NEW."user", 'expires_at', to_char(NEW."expires_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO changes (source, id, before, after) VALUES ('sessions', OLD.id, json_build_object('id', OLD."id", 'user', OLD."user", 'expires_at', to_char(OLD."expires_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), NULL);
    ELSIF NEW.id <> OLD.id THEN
        INSERT INTO changes (source, id, before, after) VALUES ('sessions', OLD.id, json_build_object('id', OLD."id", 'user', OLD."user", 'expires_at', to_char(OLD."expires_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), NULL), ('sessions', NEW.id, NULL, json_build_object('id', NEW."id", 'user', NEW."user", 'expires_at', to_char(NEW."expires_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
    ELSE
        differing := concat_ws(',',
            CASE WHEN OLD."user" IS DISTINCT FROM NEW."user" THEN '"user":' || coalesce(to_json(OLD."user"), 'null')::text END,
            CASE WHEN OLD."expires_at" IS DISTINCT FROM NEW."expires_at" THEN '"expires_at":' || coalesce(to_json(to_char(OLD."expires_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), 'null')::text END
        );
        IF differing <> '' THEN
            INSERT INTO changes (source, id, before, after) VALUES ('sessions', NEW.id, ('{' || differing || '}')::json, json_build_object('id', NEW."id", 'user', NEW."user", 'expires_at', to_char(NEW."expires_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
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
    EXECUTE format('ALTER FUNCTION capture_sessions() SET search_path = %s, pg_temp',
        current_setting('search_path'));
END $do$''',
    r'''ALTER TABLE sessions DROP CONSTRAINT IF EXISTS live_times''',
    r'''ALTER TABLE sessions ADD CONSTRAINT live_times CHECK ("expires_at" >= '0001-01-01Z' AND "expires_at" < '10000-01-01Z')''',
    r'''DROP TRIGGER IF EXISTS "0_capture" ON sessions''',
    r'''DROP TRIGGER IF EXISTS "0_capture_truncate" ON sessions''',
    r'''CREATE TRIGGER "0_capture" AFTER INSERT OR UPDATE OR DELETE ON sessions
    FOR EACH ROW EXECUTE FUNCTION capture_sessions()''',
    r'''CREATE TRIGGER "0_capture_truncate" BEFORE TRUNCATE ON sessions
    FOR EACH STATEMENT EXECUTE FUNCTION capture_sessions()''',
    r'''ALTER TABLE sessions ENABLE ALWAYS TRIGGER "0_capture"''',
    r'''ALTER TABLE sessions ENABLE ALWAYS TRIGGER "0_capture_truncate"''',
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
