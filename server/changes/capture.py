"""The trigger that writes the change log, generated from the declaration of a live table.

It runs in the writer's own transaction, whoever writes: our methods, psql, COPY, another service.
A rollback leaves nothing. TRUNCATE is captured as the deletion of every row. It is ALWAYS enabled,
`session_replication_role` or not. Only `ALTER TABLE … DISABLE TRIGGER` escapes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.changes.bell import RING
from server.protocol.filters import FieldType

if TYPE_CHECKING:
    from server.changes.tables import LiveTable

ROWS = '"0_capture"'
TRUNCATES = '"0_capture_truncate"'
"""Names that sort first: another trigger that changes the row again comes after, in the log too."""
DURABLE = """
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;"""
"""Or a change that was told might be lost in a crash."""
INSERT = "INSERT INTO changes (source, id, before, after) VALUES"


def functions(live: LiveTable) -> list[str]:
    """What the migrations are checked against: what captures, and what counts versions."""
    counting = [counted(live)] if "version" in live.columns else []
    return [captured(live), *counting]


def captured(live: LiveTable) -> str:
    return f"""
CREATE OR REPLACE FUNCTION capture_{live.name}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $capture${body(live)}$capture$
"""


def counted(live: LiveTable) -> str:
    """Counts a row's `version` at each update, and moves its `updated_at`, whoever writes."""
    moved = "\n    NEW.updated_at := clock_timestamp();" if "updated_at" in live.columns else ""
    return f"""
CREATE OR REPLACE FUNCTION count_{live.name}() RETURNS trigger LANGUAGE plpgsql AS $count$
BEGIN
    NEW.version := OLD.version + 1;{moved}
    RETURN NEW;
END $count$"""


def statements(live: LiveTable) -> list[str]:
    """What installs the capture of a table, in place of an older one."""
    name = live.name
    return [
        *functions(live),
        f"""
DO $do$ BEGIN
    EXECUTE format('ALTER FUNCTION capture_{name}() SET search_path = %s, pg_temp',
        current_setting('search_path'));
END $do$""",  # else a temporary table of the writer's would come first, and take the changes
        f"ALTER TABLE {name} DROP CONSTRAINT IF EXISTS live_times",
        *(
            [f"ALTER TABLE {name} ADD CONSTRAINT live_times CHECK ({checks(live)})"]
            if checks(live)
            else []
        ),
        f"DROP TRIGGER IF EXISTS {ROWS} ON {name}",
        f"DROP TRIGGER IF EXISTS {TRUNCATES} ON {name}",
        f"""CREATE TRIGGER {ROWS} AFTER INSERT OR UPDATE OR DELETE ON {name}
    FOR EACH ROW EXECUTE FUNCTION capture_{name}()""",
        f"""CREATE TRIGGER {TRUNCATES} BEFORE TRUNCATE ON {name}
    FOR EACH STATEMENT EXECUTE FUNCTION capture_{name}()""",
        f"ALTER TABLE {name} ENABLE ALWAYS TRIGGER {ROWS}",
        f"ALTER TABLE {name} ENABLE ALWAYS TRIGGER {TRUNCATES}",
        *(counting(live) if "version" in live.columns else []),
        "UPDATE change_log SET pruned = pg_current_xact_id()",  # older changes have other columns
    ]


def counting(live: LiveTable) -> list[str]:
    return [
        f"DROP TRIGGER IF EXISTS count_version ON {live.name}",
        f"""CREATE TRIGGER count_version BEFORE UPDATE ON {live.name}
    FOR EACH ROW EXECUTE FUNCTION count_{live.name}()""",
    ]


def removal(live: LiveTable) -> list[str]:
    return [
        f"DROP TRIGGER IF EXISTS {TRUNCATES} ON {live.name}",
        f"DROP TRIGGER IF EXISTS {ROWS} ON {live.name}",
        f"DROP TRIGGER IF EXISTS count_version ON {live.name}",
        f"DROP FUNCTION IF EXISTS capture_{live.name}()",
        f"DROP FUNCTION IF EXISTS count_{live.name}()",
        f"ALTER TABLE {live.name} DROP CONSTRAINT IF EXISTS live_times",
    ]


def checks(live: LiveTable) -> str:
    """Times have four digits of a year on the wire, and are in order as text."""
    times = [name for name, kind in live.types.items() if kind is FieldType.TIME]
    return " AND ".join(
        f"\"{name}\" >= '0001-01-01Z' AND \"{name}\" < '10000-01-01Z'" for name in times
    )


def body(live: LiveTable) -> str:
    """Of the function that captures."""
    new, old = (live.json_of(row, live.columns) for row in ("NEW", "OLD"))
    lines = ",\n            ".join(difference(live, name) for name in live.columns if name != "id")
    return f"""
DECLARE
    differing text;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        IF current_setting('transaction_isolation') <> 'read committed' THEN
            RAISE EXCEPTION 'TRUNCATE of {live.name} is captured under READ COMMITTED only'
                USING HINT = 'An older snapshot does not show all rows; use DELETE.';
        END IF;
        INSERT INTO changes (source, id, before)
            SELECT '{live.name}', gone.id, {live.json_of("gone", live.columns)}
            FROM {live.name} AS gone;
    ELSIF TG_OP = 'INSERT' THEN
        {INSERT} ('{live.name}', NEW.id, NULL, {new});
    ELSIF TG_OP = 'DELETE' THEN
        {INSERT} ('{live.name}', OLD.id, {old}, NULL);
    ELSIF NEW.id <> OLD.id THEN
        {INSERT} ('{live.name}', OLD.id, {old}, NULL), ('{live.name}', NEW.id, NULL, {new});
    ELSE
        differing := concat_ws(',',
            {lines}
        );
        IF differing <> '' THEN
            {INSERT} ('{live.name}', NEW.id, ('{{' || differing || '}}')::json, {new});
        END IF;
    END IF;{DURABLE}{RING}
    RETURN NULL;
END"""  # noqa: S608 - made of names that tables declare


def difference(live: LiveTable, name: str) -> str:
    """SQL of `"name":value` as it was, or NULL when it is the same."""
    value = f"to_json({live.value_of(name, 'OLD')})"
    return (
        f'CASE WHEN OLD."{name}" IS DISTINCT FROM NEW."{name}"'
        f" THEN '\"{name}\":' || coalesce({value}, 'null')::text END"
    )
