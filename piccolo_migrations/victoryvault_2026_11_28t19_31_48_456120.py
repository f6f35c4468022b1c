from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-28T19:31:48:456120"
VERSION = "1.38.0"
DESCRIPTION = "capture of users"

UP = (
    r'''
CREATE OR REPLACE FUNCTION capture_users() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $capture$
DECLARE
    differing text;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        IF current_setting('transaction_isolation') <> 'read committed' THEN
            RAISE EXCEPTION 'TRUNCATE of users is captured under READ COMMITTED only'
                USING HINT = 'An older snapshot does not show all rows; use DELETE.';
        END IF;
        INSERT INTO changes (source, id, before)
            SELECT 'users', gone.id, json_build_object('id', gone."id", 'email', gone."email", 'full_name', gone."full_name", 'status', gone."status", 'profile', gone."profile", 'role', gone."role", 'version', gone."version", 'created_at', to_char(gone."created_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'updated_at', to_char(gone."updated_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
            FROM users AS gone;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO changes (source, id, before, after) VALUES ('users', NEW.id, NULL, json_build_object('id', NEW."id", 'email', NEW."email", 'full_name', NEW."full_name", 'status', NEW."status", 'profile', NEW."profile", 'role', NEW."role", 'version', NEW."version", 'created_at', to_char(NEW."created_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'updated_at', to_char(NEW."updated_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO changes (source, id, before, after) VALUES ('users', OLD.id, json_build_object('id', OLD."id", 'email', OLD."email", 'full_name', OLD."full_name", 'status', OLD."status", 'profile', OLD."profile", 'role', OLD."role", 'version', OLD."version", 'created_at', to_char(OLD."created_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'updated_at', to_char(OLD."updated_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), NULL);
    ELSIF NEW.id <> OLD.id THEN
        INSERT INTO changes (source, id, before, after) VALUES ('users', OLD.id, json_build_object('id', OLD."id", 'email', OLD."email", 'full_name', OLD."full_name", 'status', OLD."status", 'profile', OLD."profile", 'role', OLD."role", 'version', OLD."version", 'created_at', to_char(OLD."created_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'updated_at', to_char(OLD."updated_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), NULL), ('users', NEW.id, NULL, json_build_object('id', NEW."id", 'email', NEW."email", 'full_name', NEW."full_name", 'status', NEW."status", 'profile', NEW."profile", 'role', NEW."role", 'version', NEW."version", 'created_at', to_char(NEW."created_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'updated_at', to_char(NEW."updated_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
    ELSE
        differing := concat_ws(',',
            CASE WHEN OLD."email" IS DISTINCT FROM NEW."email" THEN '"email":' || coalesce(to_json(OLD."email"), 'null')::text END,
            CASE WHEN OLD."full_name" IS DISTINCT FROM NEW."full_name" THEN '"full_name":' || coalesce(to_json(OLD."full_name"), 'null')::text END,
            CASE WHEN OLD."status" IS DISTINCT FROM NEW."status" THEN '"status":' || coalesce(to_json(OLD."status"), 'null')::text END,
            CASE WHEN OLD."profile" IS DISTINCT FROM NEW."profile" THEN '"profile":' || coalesce(to_json(OLD."profile"), 'null')::text END,
            CASE WHEN OLD."role" IS DISTINCT FROM NEW."role" THEN '"role":' || coalesce(to_json(OLD."role"), 'null')::text END,
            CASE WHEN OLD."version" IS DISTINCT FROM NEW."version" THEN '"version":' || coalesce(to_json(OLD."version"), 'null')::text END,
            CASE WHEN OLD."created_at" IS DISTINCT FROM NEW."created_at" THEN '"created_at":' || coalesce(to_json(to_char(OLD."created_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), 'null')::text END,
            CASE WHEN OLD."updated_at" IS DISTINCT FROM NEW."updated_at" THEN '"updated_at":' || coalesce(to_json(to_char(OLD."updated_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), 'null')::text END
        );
        IF differing <> '' THEN
            INSERT INTO changes (source, id, before, after) VALUES ('users', NEW.id, ('{' || differing || '}')::json, json_build_object('id', NEW."id", 'email', NEW."email", 'full_name', NEW."full_name", 'status', NEW."status", 'profile', NEW."profile", 'role', NEW."role", 'version', NEW."version", 'created_at', to_char(NEW."created_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'updated_at', to_char(NEW."updated_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
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
CREATE OR REPLACE FUNCTION count_users() RETURNS trigger LANGUAGE plpgsql AS $count$
BEGIN
    NEW.version := OLD.version + 1;
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $count$''',
    r'''
DO $do$ BEGIN
    EXECUTE format('ALTER FUNCTION capture_users() SET search_path = %s, pg_temp',
        current_setting('search_path'));
END $do$''',
    r'''ALTER TABLE users DROP CONSTRAINT IF EXISTS live_times''',
    r'''ALTER TABLE users ADD CONSTRAINT live_times CHECK ("created_at" >= '0001-01-01Z' AND "created_at" < '10000-01-01Z' AND "updated_at" >= '0001-01-01Z' AND "updated_at" < '10000-01-01Z')''',
    r'''DROP TRIGGER IF EXISTS "0_capture" ON users''',
    r'''DROP TRIGGER IF EXISTS "0_capture_truncate" ON users''',
    r'''CREATE TRIGGER "0_capture" AFTER INSERT OR UPDATE OR DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION capture_users()''',
    r'''CREATE TRIGGER "0_capture_truncate" BEFORE TRUNCATE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION capture_users()''',
    r'''ALTER TABLE users ENABLE ALWAYS TRIGGER "0_capture"''',
    r'''ALTER TABLE users ENABLE ALWAYS TRIGGER "0_capture_truncate"''',
    r'''DROP TRIGGER IF EXISTS count_version ON users''',
    r'''CREATE TRIGGER count_version BEFORE UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION count_users()''',
    r'''UPDATE change_log SET pruned = pg_current_xact_id()''',
)
DOWN = (
    r'''
CREATE OR REPLACE FUNCTION capture_users() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $capture$
DECLARE
    differing text;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        IF current_setting('transaction_isolation') <> 'read committed' THEN
            RAISE EXCEPTION 'TRUNCATE of users is captured under READ COMMITTED only'
                USING HINT = 'An older snapshot does not show all rows; use DELETE.';
        END IF;
        INSERT INTO changes (source, id, before)
            SELECT 'users', gone.id, json_build_object('id', gone."id", 'email', gone."email", 'full_name', gone."full_name", 'status', gone."status", 'profile', gone."profile", 'role', gone."role", 'version', gone."version", 'created_at', to_char(gone."created_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'updated_at', to_char(gone."updated_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
            FROM users AS gone;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO changes (source, id, before, after) VALUES ('users', NEW.id, NULL, json_build_object('id', NEW."id", 'email', NEW."email", 'full_name', NEW."full_name", 'status', NEW."status", 'profile', NEW."profile", 'role', NEW."role", 'version', NEW."version", 'created_at', to_char(NEW."created_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'updated_at', to_char(NEW."updated_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO changes (source, id, before, after) VALUES ('users', OLD.id, json_build_object('id', OLD."id", 'email', OLD."email", 'full_name', OLD."full_name", 'status', OLD."status", 'profile', OLD."profile", 'role', OLD."role", 'version', OLD."version", 'created_at', to_char(OLD."created_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'updated_at', to_char(OLD."updated_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), NULL);
    ELSIF NEW.id <> OLD.id THEN
        INSERT INTO changes (source, id, before, after) VALUES ('users', OLD.id, json_build_object('id', OLD."id", 'email', OLD."email", 'full_name', OLD."full_name", 'status', OLD."status", 'profile', OLD."profile", 'role', OLD."role", 'version', OLD."version", 'created_at', to_char(OLD."created_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'updated_at', to_char(OLD."updated_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), NULL), ('users', NEW.id, NULL, json_build_object('id', NEW."id", 'email', NEW."email", 'full_name', NEW."full_name", 'status', NEW."status", 'profile', NEW."profile", 'role', NEW."role", 'version', NEW."version", 'created_at', to_char(NEW."created_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'updated_at', to_char(NEW."updated_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
    ELSE
        differing := concat_ws(',',
            CASE WHEN OLD."email" IS DISTINCT FROM NEW."email" THEN '"email":' || coalesce(to_json(OLD."email"), 'null')::text END,
            CASE WHEN OLD."full_name" IS DISTINCT FROM NEW."full_name" THEN '"full_name":' || coalesce(to_json(OLD."full_name"), 'null')::text END,
            CASE WHEN OLD."status" IS DISTINCT FROM NEW."status" THEN '"status":' || coalesce(to_json(OLD."status"), 'null')::text END,
            CASE WHEN OLD."profile" IS DISTINCT FROM NEW."profile" THEN '"profile":' || coalesce(to_json(OLD."profile"), 'null')::text END,
            CASE WHEN OLD."role" IS DISTINCT FROM NEW."role" THEN '"role":' || coalesce(to_json(OLD."role"), 'null')::text END,
            CASE WHEN OLD."version" IS DISTINCT FROM NEW."version" THEN '"version":' || coalesce(to_json(OLD."version"), 'null')::text END,
            CASE WHEN OLD."created_at" IS DISTINCT FROM NEW."created_at" THEN '"created_at":' || coalesce(to_json(to_char(OLD."created_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), 'null')::text END,
            CASE WHEN OLD."updated_at" IS DISTINCT FROM NEW."updated_at" THEN '"updated_at":' || coalesce(to_json(to_char(OLD."updated_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), 'null')::text END
        );
        IF differing <> '' THEN
            INSERT INTO changes (source, id, before, after) VALUES ('users', NEW.id, ('{' || differing || '}')::json, json_build_object('id', NEW."id", 'email', NEW."email", 'full_name', NEW."full_name", 'status', NEW."status", 'profile', NEW."profile", 'role', NEW."role", 'version', NEW."version", 'created_at', to_char(NEW."created_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'updated_at', to_char(NEW."updated_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
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
    EXECUTE format('ALTER FUNCTION capture_users() SET search_path = %s, pg_temp',
        current_setting('search_path'));
END $do$''',
    r'''ALTER TABLE users DROP CONSTRAINT IF EXISTS live_times''',
    r'''ALTER TABLE users ADD CONSTRAINT live_times CHECK ("created_at" >= '0001-01-01Z' AND "created_at" < '10000-01-01Z' AND "updated_at" >= '0001-01-01Z' AND "updated_at" < '10000-01-01Z')''',
    r'''DROP TRIGGER IF EXISTS "0_capture" ON users''',
    r'''DROP TRIGGER IF EXISTS "0_capture_truncate" ON users''',
    r'''CREATE TRIGGER "0_capture" AFTER INSERT OR UPDATE OR DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION capture_users()''',
    r'''CREATE TRIGGER "0_capture_truncate" BEFORE TRUNCATE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION capture_users()''',
    r'''ALTER TABLE users ENABLE ALWAYS TRIGGER "0_capture"''',
    r'''ALTER TABLE users ENABLE ALWAYS TRIGGER "0_capture_truncate"''',
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
