"""What the trigger writes to the change log, whoever writes the row and however."""

from __future__ import annotations

import json
import re
from typing import Any

import asyncpg
import pytest

from server.resources.users.tables import LIVE
from tests.changes.logged import Log, Told
from tests.conftest import Someone, unique_email


def statuses(told: Told) -> list[tuple[Any, Any]]:
    return [tuple(side and side.get("status") for side in each) for each in told]


async def wire(psql: Any, id_: str) -> Any:
    """A row as a list has it."""
    row = LIVE.json_of("users", LIVE.columns)
    sql = f"SELECT {row}::text FROM users WHERE id = $1"  # noqa: S608
    return json.loads(await psql.fetchval(sql, id_))


async def test_an_insert_has_no_before_and_the_whole_row_after(log: Log) -> None:
    add = "INSERT INTO users (email, full_name) VALUES ($1, 'Ada') RETURNING id"
    id_ = await log.psql.fetchval(add, unique_email())
    assert await log.told() == [(None, await wire(log.psql, id_))]


async def test_an_update_has_before_only_what_differs(log: Log) -> None:
    id_ = await log.add("old")
    was = await wire(log.psql, id_)
    await log.psql.execute("UPDATE users SET status = 'new' WHERE id = $1", id_)
    ((before, after),) = await log.told()
    assert before == {name: was[name] for name in ("status", "version", "updated_at")}
    assert after == await wire(log.psql, id_)
    assert (after["status"], after["version"]) == ("new", was["version"] + 1)


async def test_an_update_that_sets_what_is_there_differs_in_its_version(log: Log) -> None:
    id_ = await log.add("same")
    await log.psql.execute("UPDATE users SET status = 'same' WHERE id = $1", id_)
    ((before, _after),) = await log.told()
    assert before.keys() == {"version", "updated_at"}


async def test_an_update_that_differs_in_nothing_captured_is_not_logged(log: Log) -> None:
    id_ = await log.add()
    async with log.psql.transaction():
        await log.psql.execute("SET LOCAL session_replication_role = replica")
        await log.psql.execute("UPDATE users SET status = status WHERE id = $1", id_)
    assert await log.told() == []


async def test_a_delete_has_the_whole_row_before_and_no_after(log: Log) -> None:
    id_ = await log.add()
    was = await wire(log.psql, id_)
    await log.psql.execute("DELETE FROM users WHERE id = $1", id_)
    assert await log.told() == [(was, None)]


async def test_truncate_is_the_deletion_of_each_row(alone: Log) -> None:
    rows = [await wire(alone.psql, await alone.add(each)) for each in ("one", "two")]
    async with alone.psql.transaction():
        await alone.psql.execute("UPDATE users SET status = 'three' WHERE id = $1", rows[0]["id"])
        rows[0] = await wire(alone.psql, rows[0]["id"])
        await alone.psql.execute("TRUNCATE users CASCADE")
    _updated, *deleted = await alone.told()
    assert sorted(deleted, key=lambda each: each[0]["id"]) == [(row, None) for row in rows]


@pytest.mark.parametrize("isolation", ["repeatable_read", "serializable"])
async def test_truncate_under_an_older_snapshot_is_refused(log: Log, isolation: str) -> None:
    id_ = await log.add()
    with pytest.raises(asyncpg.RaiseError, match="READ COMMITTED") as refused:
        async with log.psql.transaction(isolation=isolation):
            await log.psql.execute("TRUNCATE users CASCADE")
    assert "use DELETE" in refused.value.hint
    assert await log.told() == []
    assert await wire(log.psql, id_)


async def test_copy_is_captured_row_by_row(log: Log) -> None:
    rows = [(unique_email(), "copied", status) for status in ("one", "two")]
    await log.psql.copy_records_to_table(
        "users", records=rows, columns=["email", "full_name", "status"]
    )
    assert statuses(await log.told()) == [(None, "one"), (None, "two")]


async def test_insert_on_conflict_is_what_it_came_to(log: Log) -> None:
    upsert = (
        "INSERT INTO users (id, email, status) VALUES (coalesce($1, uuidv7()), $2, $3)"
        " ON CONFLICT (id) DO {}"
    )
    update = upsert.format("UPDATE SET status = excluded.status")
    id_ = await log.add("first")
    await log.psql.execute(update, id_, unique_email(), "second")
    assert statuses(await log.told()) == [("first", "second")]
    await log.psql.execute(upsert.format("NOTHING"), id_, unique_email(), "third")
    assert await log.told() == []
    await log.psql.execute(update, None, unique_email(), "new")
    assert statuses(await log.told()) == [(None, "new")]


async def test_an_update_of_the_id_is_a_deletion_and_an_insertion(log: Log) -> None:
    id_ = await log.add()
    was = await wire(log.psql, id_)
    update = "UPDATE users SET id = uuidv7() WHERE id = $1 RETURNING id::text"
    new = await log.psql.fetchval(update, id_)
    assert await log.told() == [(was, None), (None, await wire(log.psql, new))]


async def test_what_is_rolled_back_to_a_savepoint_or_as_a_whole_is_not_told(log: Log) -> None:
    id_ = await log.add("0")
    await log.psql.execute(f"""
        BEGIN; UPDATE users SET status = '1' WHERE id = '{id_}';
        SAVEPOINT a; UPDATE users SET status = '2' WHERE id = '{id_}';
        SAVEPOINT b; UPDATE users SET status = '3' WHERE id = '{id_}';
        ROLLBACK TO a; UPDATE users SET status = '4' WHERE id = '{id_}'; COMMIT
    """)  # noqa: S608
    assert statuses(await log.told()) == [("0", "1"), ("1", "4")]
    xids = "SELECT count(DISTINCT xid) FROM changes WHERE id = $1 AND before IS NOT NULL"
    assert await log.psql.fetchval(xids, id_) == 1
    await log.psql.execute(f"BEGIN; DELETE FROM users WHERE id = '{id_}'; ROLLBACK")  # noqa: S608
    assert await log.told() == []


async def test_a_replicas_writes_are_captured_with_the_version_they_bring(alone: Log) -> None:
    id_ = await alone.add()
    await alone.psql.execute("SET session_replication_role = replica")
    await alone.psql.execute("UPDATE users SET status = 'r', version = 7 WHERE id = $1", id_)
    ((before, after),) = await alone.told()
    assert (before, after["version"]) == ({"status": "", "version": 1}, 7)
    await alone.psql.execute("TRUNCATE users CASCADE")
    assert await alone.told() == [(after, None)]


async def test_a_role_with_rights_on_users_only_is_captured_and_cannot_reach_the_log(
    log: Log,
) -> None:
    id_ = await log.add("old")
    role = f"writer_{id_[-12:]}"
    await log.psql.execute(f"CREATE ROLE {role}; GRANT SELECT, UPDATE, TRUNCATE ON users TO {role}")
    await log.psql.execute(f"SET ROLE {role}")
    await log.psql.execute("UPDATE users SET status = 'role' WHERE id = $1", id_)
    for sql in ("SELECT FROM changes", "DELETE FROM changes", "UPDATE change_log SET pruned = '0'"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await log.psql.execute(sql)
    await log.psql.execute("RESET ROLE")
    assert statuses(await log.told()) == [("old", "role")]
    await log.psql.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


@pytest.mark.parametrize(
    "setting",
    [
        "TimeZone = 'Asia/Kathmandu'",
        "DateStyle = 'German, DMY'",
        "IntervalStyle = 'sql_standard'",
        "search_path = pg_catalog",
        "standard_conforming_strings = off",
        "transform_null_equals = on",
        "plpgsql.variable_conflict = 'use_column'",
    ],
)
async def test_what_is_logged_is_the_same_whatever_the_session_has_set(
    log: Log, setting: str
) -> None:
    id_ = await log.add("old")
    async with log.psql.transaction():
        await log.psql.execute("SET LOCAL escape_string_warning = off")
        await log.psql.execute(f"SET LOCAL {setting}")
        await log.psql.execute("UPDATE public.users SET status = $2 WHERE id = $1", id_, 'a\\"\n')
    ((before, after),) = await log.told()
    assert after == await wire(log.psql, id_)
    assert (before["status"], after["status"]) == ("old", 'a\\"\n')
    for time in (before["updated_at"], after["updated_at"], after["created_at"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", time)


async def test_a_later_trigger_that_changes_the_row_again_comes_after_in_the_log(
    alone: Log,
) -> None:
    await alone.psql.execute("""
        CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            UPDATE users SET status = NEW.status || '!' WHERE id = NEW.id AND status !~ '!';
            RETURN NULL;
        END $$;
        CREATE TRIGGER a_first AFTER INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION again()
    """)
    await alone.psql.execute("INSERT INTO users (email, status) VALUES ('a@example.org', 'one')")
    assert statuses(await alone.told()) == [(None, "one"), ("one", "one!")]
    await alone.psql.execute("UPDATE users SET status = 'two'")
    assert statuses(await alone.told()) == [("one!", "two"), ("two", "two!")]


DEEP = '{"a":' * 50 + "1" + "}" * 50
ODD = {"huge": '{"n":1e400}', "tiny": '{"n":1e-400}', "deep": DEEP, "text": r'{"\"\\":"\u2028"}'}


@pytest.mark.parametrize("name", ODD)
async def test_an_odd_profile_is_told_as_it_is_listed_and_the_next_one_too(
    log: Log, ada: Someone, grace: Someone, name: str
) -> None:
    asked = {"where": {"id": grace.id}, "fields": ["profile"]}
    await ada.client.call("user.subscribe", **asked)
    await log.told()
    update = "UPDATE users SET profile = $2 WHERE id = $1"
    await log.psql.execute(update, grace.id, ODD[name])
    (logged,) = await log.psql.fetch(
        "SELECT (before -> 'profile')::text, (after -> 'profile')::text = $2::jsonb::text"
        " FROM changes WHERE source = 'users' AND sequence > $1",
        log.seen,
        ODD[name],
    )
    assert tuple(logged) == ("{}", True)
    (change,) = (await ada.client.notification("user.changed"))["changes"]
    listed = (await ada.client.call("user.list", where={"id": grace.id}))["users"]
    assert change["set"]["profile"] == listed[0]["profile"] == wired(ODD[name])
    await log.psql.execute(update, grace.id, '{"plain": 1}')
    (change,) = (await ada.client.notification("user.changed"))["changes"]
    assert change["set"]["profile"] == {"plain": 1}


def wired(profile: str) -> Any:
    """As PostgreSQL writes it: 1e400 is a whole number with all its zeros."""
    return {"n": 10**400} if "e400" in profile else json.loads(profile)


async def test_a_profile_that_is_no_object_and_a_time_without_end_are_refused(log: Log) -> None:
    id_ = await log.add()
    for value in ("profile = '[]'", "profile = 'null'", "created_at = 'infinity'"):
        with pytest.raises(asyncpg.CheckViolationError):
            await log.psql.execute(f"UPDATE users SET {value} WHERE id = '{id_}'")  # noqa: S608
    assert await log.told() == []


async def test_a_subscription_is_told_what_copy_upsert_and_a_new_id_came_to(
    log: Log, ada: Someone
) -> None:
    await ada.client.call("user.subscribe", where={"full_name": "other"}, fields=["status"])

    async def told() -> list[tuple[Any, ...]]:
        changes = (await ada.client.notification("user.changed"))["changes"]
        return [(each["op"], each.get("set") or each.get("reason")) for each in changes]

    email = unique_email()
    columns = ["email", "full_name", "status"]
    await log.psql.copy_records_to_table("users", records=[(email, "other", "0")], columns=columns)
    assert await told() == [("enter", {"status": "0"})]
    await log.psql.execute(
        "INSERT INTO users (email) VALUES ($1)"
        " ON CONFLICT (lower(email)) DO UPDATE SET status = '1'",
        email,
    )
    assert await told() == [("change", {"status": "1"})]
    await log.psql.execute("UPDATE users SET id = uuidv7() WHERE email = $1", email)
    assert sorted(await told(), key=str) == [("enter", {"status": "1"}), ("leave", "deleted")]


async def test_no_password_and_no_token_is_ever_in_the_log(ada: Someone, log: Log) -> None:
    await ada.client.call("user.set_password", current="correct horse battery", new="new" * 5)
    logged = "".join([row[0] for row in await log.psql.fetch("SELECT changes::text FROM changes")])
    assert ada.id in logged
    assert not re.search(r"argon2|password|token|credentials", logged)
    assert ada.token not in logged
    assert ada.session in logged
    for (hashed,) in await log.psql.fetch("SELECT encode(token, 'hex') FROM sessions"):
        assert hashed not in logged


async def test_of_a_session_only_whose_it_is_and_its_expiry_are_in_the_log(
    ada: Someone, log: Log
) -> None:
    await log.psql.execute("UPDATE sessions SET client = 'x', last_seen = now()")
    of_ada = "SELECT before, after FROM changes WHERE id = $1"
    ((before, after),) = await log.psql.fetch(of_ada, ada.session)
    assert before is None
    assert json.loads(after).keys() == {"id", "user", "expires_at"}


async def test_what_is_captured_is_on_the_disk_once_it_is_committed(log: Log) -> None:
    """Whatever the writer prefers; what it writes elsewhere is as before."""
    id_ = await log.add()
    committing = "SELECT current_setting('synchronous_commit')"
    await log.psql.execute("SET synchronous_commit = off")
    try:
        async with log.psql.transaction():
            await log.psql.execute("UPDATE users SET status = 'durable' WHERE id = $1", id_)
            assert await log.psql.fetchval(committing) == "on"
        assert await log.psql.fetchval(committing) == "off"
    finally:
        await log.psql.execute("RESET synchronous_commit")
