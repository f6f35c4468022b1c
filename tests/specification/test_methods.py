"""Protocol §4 and §6, users: who may call what, what they see, and what is refused."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.client import ReplyError
from tests.conftest import PASSWORD, Running, Someone, database, sign_up, unique_email

PUBLIC = {"id", "full_name", "status", "profile", "version", "created_at", "updated_at"}
OWN = PUBLIC | {"email", "role"}
SESSION = {
    *("id", "user", "created_at", "last_seen", "expires_at"),
    *("address", "client", "online", "current"),
}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
NOBODY = "01900000-0000-7000-8000-000000000000"
"""An id that no row has."""
LARGEST = 2**53
MAX_PROFILE = 8192


async def kind_of(someone: Someone, method: str, **params: Any) -> tuple[int, str, str | None]:
    """Code, kind and path of the error that the call must get."""
    with pytest.raises(ReplyError) as refused:
        await someone.client.call(method, **params)
    return refused.value.code, refused.value.kind, refused.value.data.get("path")


def invalid(path: str) -> tuple[int, str, str]:
    return -32602, "invalid_params", path


SIGNED_IN = [
    ("user.get", {"id": NOBODY}),
    ("user.list", {}),
    ("user.update", {"set": {}}),
    ("user.delete", {}),
    ("user.set_password", {"current": "x", "new": "y"}),
    ("session.renew", {}),
    ("session.list", {}),
    ("session.delete", {}),
]


@pytest.mark.parametrize(("method", "params"), SIGNED_IN)
async def test_nobody_may_not_call_what_needs_a_user(
    server: Running, method: str, params: dict[str, Any]
) -> None:
    async with server.connect() as client:
        with pytest.raises(ReplyError) as refused:
            await client.call(method, **params)
    assert (refused.value.code, refused.value.kind) == (401, "unauthenticated")


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("user.update", {"set": {"status": "x"}}),
        ("user.update", {"set": {}}),
        ("user.delete", {}),
    ],
)
async def test_another_user_is_seen_but_not_written(
    ada: Someone, grace: Someone, method: str, params: dict[str, Any]
) -> None:
    assert await kind_of(ada, method, id=grace.id, **params) == (403, "forbidden", None)
    assert await kind_of(ada, method, id=NOBODY, **params) == (404, "not_found", None)
    row = (await grace.client.call("user.get", id=grace.id))["user"]
    assert (row["status"], row["version"]) == ("", 1)


async def test_an_admin_writes_any_user(admin: Someone, grace: Someone) -> None:
    written = await admin.client.call("user.update", id=grace.id, set={"full_name": "Hopper"})
    assert written["user"]["full_name"] == "Hopper"
    assert written["user"].keys() == OWN
    assert (await admin.client.call("user.delete", id=grace.id)).keys() == {"position"}
    gone = (404, "not_found", None)
    assert await kind_of(admin, "user.get", id=grace.id) == gone
    assert await kind_of(admin, "user.update", id=grace.id, set={}) == gone
    assert await kind_of(admin, "user.delete", id=grace.id) == gone


async def test_only_an_admin_changes_a_role(ada: Someone, admin: Someone) -> None:
    forbidden = (403, "forbidden", None)
    assert await kind_of(ada, "user.update", set={"role": "admin"}) == forbidden
    assert await kind_of(ada, "user.update", id=admin.id, set={"role": "player"}) == forbidden
    written = await admin.client.call("user.update", id=ada.id, set={"role": "admin"})
    assert written["user"]["role"] == "admin"
    assert await kind_of(admin, "user.update", id=ada.id, set={"role": "king"}) == invalid(
        "set.role"
    )


async def test_each_sees_what_they_may_of_a_user(
    ada: Someone, grace: Someone, admin: Someone
) -> None:
    assert (await ada.client.call("user.get", id=grace.id))["user"].keys() == PUBLIC
    own = (await ada.client.call("user.get", id=ada.id))["user"]
    assert own.keys() == OWN
    assert (own["email"], own["role"]) == (ada.email, "player")
    assert (await ada.client.call("user.get", id=ada.id.upper()))["user"] == own
    assert (await admin.client.call("user.get", id=ada.id))["user"] == own
    assert await kind_of(ada, "user.get", id=NOBODY) == (404, "not_found", None)


async def test_a_new_user_is_as_they_were_asked_for(server: Running) -> None:
    async with server.connect() as client:
        email, id_ = f"Ada.{unique_email()}", str(uuid4())
        created = await client.call(
            "user.create",
            id=id_,
            email=email,
            full_name="Ñ" * 255,
            password=PASSWORD,
            status="💎" * 140,
            profile={"level": 3, "deep": {"list": [1.5, None, True, "x"]}},
        )
        assert created.keys() == {"user", "session", "token", "expires_at", "position"}
        user = created["user"]
        assert user.keys() == OWN
        assert (user["id"], user["email"], user["role"]) == (id_, email, "player")
        assert (user["full_name"], user["status"]) == ("Ñ" * 255, "💎" * 140)
        assert user["profile"] == {"level": 3, "deep": {"list": [1.5, None, True, "x"]}}
        assert user["version"] == 1
        assert created["session"].keys() == SESSION
        assert created["session"]["user"] == id_
        assert created["session"]["current"]
        assert created["session"]["expires_at"] == created["expires_at"]
        assert (await client.call("user.get", id=id_))["user"] == user


async def test_what_is_left_out_of_a_new_user_is_empty(ada: Someone) -> None:
    user = (await ada.client.call("user.get", id=ada.id))["user"]
    assert (user["status"], user["profile"]) == ("", {})
    assert UUID(user["id"]).version == 7


async def test_who_is_signed_in_stays_who_they_are_when_they_make_a_user(ada: Someone) -> None:
    made = await ada.client.call(
        "user.create", email=unique_email(), full_name="x", password=PASSWORD
    )
    (session,) = (await ada.client.call("session.list"))["sessions"]
    assert session["user"] == ada.id
    other = await ada.client.call("user.get", id=made["user"]["id"])
    assert other["user"].keys() == PUBLIC


async def test_times_are_rfc_3339_in_utc_with_six_digits(ada: Someone) -> None:
    user = (await ada.client.call("user.get", id=ada.id))["user"]
    (session,) = (await ada.client.call("session.list"))["sessions"]
    info = await ada.client.call("system.info")
    times = [user["created_at"], user["updated_at"], info["time"]]
    times += [session[name] for name in ("created_at", "last_seen", "expires_at")]
    for each in times:
        assert MOMENT.fullmatch(each), each


async def test_a_whole_second_has_six_digits_too(ada: Someone, dsn: str) -> None:
    async with database(dsn) as psql:
        await psql.execute(
            "UPDATE users SET created_at = '2026-01-01 01:00:00+01' WHERE id = $1", ada.id
        )
    user = (await ada.client.call("user.get", id=ada.id))["user"]
    assert user["created_at"] == "2026-01-01T00:00:00.000000Z"


async def test_each_update_adds_one_to_the_version(ada: Someone, dsn: str) -> None:
    seen = [(await ada.client.call("user.get", id=ada.id))["user"]]
    seen += [
        (await ada.client.call("user.update", set={"status": status}))["user"]
        for status in ("x", "x", "y")
    ]
    async with database(dsn) as psql:
        await psql.execute("UPDATE users SET status = 'psql' WHERE id = $1", ada.id)
        seen.append((await ada.client.call("user.get", id=ada.id))["user"])
        await psql.execute(
            "UPDATE users SET version = 99, updated_at = now() WHERE id = $1", ada.id
        )
        seen.append((await ada.client.call("user.get", id=ada.id))["user"])
    assert [user["version"] for user in seen] == [1, 2, 3, 4, 5, 6]
    moments = [user["updated_at"] for user in seen]
    assert moments == sorted(set(moments))
    assert len({user["created_at"] for user in seen}) == 1


async def test_an_update_sets_what_it_names_and_nothing_else(ada: Someone) -> None:
    first = await ada.client.call("user.update", set={"status": "a", "profile": {"x": 1, "y": 2}})
    second = await ada.client.call("user.update", set={"profile": {"z": [3]}}, id=ada.id)
    kept = {name for name in OWN if first["user"][name] == second["user"][name]}
    assert kept == OWN - {"profile", "version", "updated_at"}
    assert second["user"]["profile"] == {"z": [3]}
    email = unique_email()
    third = await ada.client.call("user.update", set={"email": email, "full_name": ""})
    assert (third["user"]["email"], third["user"]["full_name"]) == (email, "")


async def test_a_version_that_is_not_the_rows_is_a_conflict(ada: Someone, admin: Someone) -> None:
    await ada.client.call("user.update", set={"status": "new"}, version=1)
    current = (await ada.client.call("user.get", id=ada.id))["user"]
    for someone in (ada, admin):
        for version in (1, 3, 0, -1, LARGEST):
            with pytest.raises(ReplyError) as conflict:
                await someone.client.call(
                    "user.update", id=ada.id, set={"status": "old"}, version=version
                )
            assert (conflict.value.code, conflict.value.kind) == (409, "version_conflict")
            assert conflict.value.data["user"] == current
    with pytest.raises(ReplyError) as empty:
        await ada.client.call("user.update", set={}, version=1)
    assert empty.value.kind == "version_conflict"
    assert (await ada.client.call("user.get", id=ada.id))["user"] == current


@pytest.mark.parametrize("version", [2**63, 2**64 - 1, 2**64, 10**300, 1e300, 1.5, "1"])
async def test_a_version_that_is_none_is_refused(ada: Someone, version: object) -> None:
    error = await kind_of(ada, "user.update", set={"status": "x"}, version=version)
    assert error == invalid("version")


async def test_an_email_is_unique_without_case(ada: Someone, grace: Someone) -> None:
    for email in (grace.email, grace.email.upper()):
        params = {"email": email, "full_name": "x", "password": PASSWORD}
        assert (await kind_of(ada, "user.create", **params))[:2] == (409, "email_taken")
        assert (await kind_of(ada, "user.update", set={"email": email}))[:2] == (409, "email_taken")
    own = await ada.client.call("user.update", set={"email": ada.email.upper()})
    assert own["user"]["email"] == ada.email.upper()


async def test_an_id_is_unique(ada: Someone, grace: Someone) -> None:
    params = {"email": unique_email(), "full_name": "x", "password": PASSWORD}
    error = await kind_of(ada, "user.create", id=grace.id, **params)
    assert error[:2] == (409, "id_taken")
    await ada.client.call("user.create", **params)


BAD = [
    ("email", "x" * 250 + "@a.org"),
    ("email", "no at sign"),
    ("email", ""),
    ("email", "a@b\n"),
    ("email", "a b@c"),
    ("email", 1),
    ("email", None),
    ("full_name", "x" * 256),
    ("full_name", None),
    ("status", "x" * 141),
    ("status", None),
    ("profile", []),
    ("profile", "x"),
    ("profile", {"x": LARGEST + 1}),
    ("profile", {"x": [{"y": -LARGEST - 1}]}),
    ("profile", {"x": 1e300}),
    ("profile", {"x": "y" * (MAX_PROFILE - 7)}),
    ("profile", {"x": "é" * (MAX_PROFILE // 2)}),
]


@pytest.mark.parametrize(("name", "value"), BAD)
async def test_a_bad_value_is_refused_with_its_path(ada: Someone, name: str, value: object) -> None:
    error = await kind_of(ada, "user.update", set={name: value})
    assert error[:2] == invalid("")[:2]
    assert str(error[2]).startswith(f"set.{name}")
    if name == "profile" or value is not None:
        params = {"email": unique_email(), "full_name": "x", "password": PASSWORD}
        error = await kind_of(ada, "user.create", **{**params, name: value})
        assert error[:2] == invalid("")[:2]
        assert str(error[2]).startswith(name)


@pytest.mark.parametrize("name", ["id", "version", "created_at", "updated_at", "password", "no"])
async def test_what_is_not_set_is_refused(ada: Someone, name: str) -> None:
    assert await kind_of(ada, "user.update", set={name: 1}) == invalid(f"set.{name}")


@pytest.mark.parametrize("id_", ["x", "", 1, None, NOBODY[:-1], f"{NOBODY}0", [], {}])
async def test_a_bad_uuid_is_refused_with_its_path(ada: Someone, id_: object) -> None:
    assert await kind_of(ada, "user.get", id=id_) == invalid("id")
    if id_ is not None:
        assert await kind_of(ada, "user.update", id=id_, set={}) == invalid("id")
        assert await kind_of(ada, "user.delete", id=id_) == invalid("id")
        assert await kind_of(ada, "session.list", user=id_) == invalid("user")
        assert await kind_of(ada, "session.delete", id=id_) == invalid("id")


async def test_a_profile_holds_what_json_holds(ada: Someone) -> None:
    profiles: list[dict[str, Any]] = [
        {},
        {"": ""},
        {"n": [LARGEST, -LARGEST, 0.1, -1.5e-7, 0, 1e15]},
        {"x": "y" * (MAX_PROFILE - 8)},
        {"é": '💎\u2028\x01\x7f\\"/'},
        {"a": {"b": [{}, [], None, True, False]}},
    ]
    for profile in profiles:
        written = await ada.client.call("user.update", set={"profile": profile})
        assert written["user"]["profile"] == profile
    text = json.dumps(profiles[3], separators=(",", ":"))
    assert len(text) == MAX_PROFILE


async def test_a_deleted_user_is_gone_and_their_sockets_are_closed(
    server: Running, ada: Someone, grace: Someone
) -> None:
    async with server.connect(ada.token) as second:
        assert (await ada.client.call("user.delete")).keys() == {"position"}
        for client in (ada.client, second):
            assert "reason" in await client.notification("session.ended")
            assert (await client.closed())[0] == 4401
    assert await kind_of(grace, "user.get", id=ada.id) == (404, "not_found", None)
    params = {"email": ada.email, "password": PASSWORD}
    assert (await kind_of(grace, "session.create", **params))[:2] == (401, "bad_credentials")
    async with server.connect() as client:
        await sign_up(client, email=ada.email)
