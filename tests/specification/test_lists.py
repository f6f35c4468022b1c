"""Protocol §4, `user.list`: views, `where`, orders and pages."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest

from tests.client import Client
from tests.conftest import Running, Someone, database, sign_up
from tests.specification.test_methods import NOBODY, OWN, PUBLIC, invalid, kind_of

OTHERS_FIELDS = ("email", "role", "password", "token", "no", "", "profile.", "full_name.x")


class People(NamedTuple):
    """A table of users that nobody changes while this file runs, and who looks at it."""

    me: Someone
    admin: Client
    names: dict[str, str]
    """The `full_name` by id; those made for this file start with a "p"."""


PROFILES: dict[str, str] = {
    "p1": '{"level": 1, "name": "a", "on": true}',
    "p2": '{"level": 2, "name": "B", "on": false}',
    "p3": '{"level": 10, "name": "b", "on": null}',
    "p4": '{"level": "1", "name": "é"}',
    "p5": '{"level": 1.5, "name": ""}',
    "p6": '{"level": null, "name": 1}',
    "p7": '{"level": [1], "name": {"x": 1}}',
    "p8": "{}",
}
STATUSES = {"p1": "a", "p2": "B", "p3": "b", "p4": "é", "p5": "", "p6": "ab", "p7": "Z", "p8": "💎"}


@pytest.fixture(scope="module")
async def people(server: Running, dsn: str) -> AsyncIterator[People]:
    async with server.connect() as socket, server.connect() as second, database(dsn) as psql:
        me = await sign_up(socket, full_name="me")
        admin = await sign_up(second, full_name="admin")
        await psql.execute("UPDATE users SET role = 'admin' WHERE id = $1", admin.id)
        await second.call("session.resume", token=admin.token)
        for name, profile in PROFILES.items():
            await psql.execute(
                "INSERT INTO users (id, email, full_name, status, profile, role, version,"
                " created_at, updated_at) VALUES (gen_random_uuid(), $1, $2, $3, $4, 'player',"
                " $5, '2026-01-01', '2026-01-01')",
                f"{name}@example.org",
                name,
                STATUSES[name],
                profile,
                len(profile),
            )
        rows = await psql.fetch("SELECT id::text, full_name FROM users")
        yield People(me, second, {row["id"]: row["full_name"] for row in rows})


async def found(client: Client, where: Any, **params: Any) -> list[str]:
    """The names, of those made here."""
    page = await client.call("user.list", where=where, **params)
    assert page.keys() == {"users", "next"}
    return [name for user in page["users"] if (name := user["full_name"]).startswith("p")]


ALL = [*PROFILES]
WHERES: list[tuple[Any, list[str]]] = [
    ({}, ALL),
    ({"all": []}, ALL),
    ({"any": []}, []),
    ({"not": {}}, []),
    ({"not": {"any": []}}, ALL),
    ({"status": "b"}, ["p3"]),
    ({"status": {"eq": "b"}}, ["p3"]),
    ({"status": {"ne": "b"}}, [name for name in ALL if name != "p3"]),
    ({"status": {"in": ["a", "b", "x"]}}, ["p1", "p3"]),
    ({"status": {"in": []}}, []),
    ({"not": {"status": {"in": []}}}, ALL),
    ({"status": {"lt": "a"}}, ["p2", "p5", "p7"]),
    ({"status": {"lte": "a"}}, ["p1", "p2", "p5", "p7"]),
    ({"status": {"gt": "b"}}, ["p4", "p8"]),
    ({"status": {"gte": "b"}}, ["p3", "p4", "p8"]),
    ({"status": {"gt": "a", "lt": "b"}}, ["p6"]),
    ({"status": {"prefix": "a"}}, ["p1", "p6"]),
    ({"status": {"prefix": ""}}, ALL),
    ({"status": {"prefix": "%"}}, []),
    ({"status": None}, []),
    ({"status": {"ne": None}}, ALL),
    ({"status": 1}, []),
    ({"status": {"ne": 1}}, ALL),
    ({"status": {"lt": 1}}, []),
    ({"full_name": "p1", "status": "a"}, ["p1"]),
    ({"full_name": "p1", "status": "b"}, []),
    ({"all": [{"full_name": "p1"}, {"status": "b"}]}, []),
    ({"any": [{"full_name": "p1"}, {"status": "b"}]}, ["p1", "p3"]),
    ({"not": {"any": [{"full_name": "p1"}, {"status": "b"}]}}, ["p2", *ALL[3:]]),
    ({"any": [{"full_name": "p1"}], "all": [{"status": "a"}], "status": "a"}, ["p1"]),
    ({"profile.level": 1}, ["p1"]),
    ({"profile.level": 1.0}, ["p1"]),
    ({"profile.level": "1"}, ["p4"]),
    ({"profile.level": None}, ["p6", "p8"]),
    ({"profile.level": {"in": [None, 2]}}, ["p2", "p6", "p8"]),
    ({"profile.level": [1]}, ["p7"]),
    ({"profile.level": {"ne": 1}}, ALL[1:]),
    ({"not": {"profile.level": 1}}, ALL[1:]),
    ({"profile.level": {"lt": 2}}, ["p1", "p5"]),
    ({"profile.level": {"gte": 2}}, ["p2", "p3"]),
    ({"not": {"profile.level": {"gte": 2}}}, ["p1", *ALL[3:]]),
    ({"profile.level": {"lt": "2"}}, ["p4"]),
    ({"profile.level": {"lt": None}}, []),
    ({"profile.level": {"lt": True}}, []),
    ({"profile.on": True}, ["p1"]),
    ({"profile.on": False}, ["p2"]),
    ({"profile.on": 1}, []),
    ({"profile.on": None}, ["p3", *ALL[3:]]),
    ({"profile.on": {"ne": True}}, ALL[1:]),
    ({"profile.name": {"prefix": "b"}}, ["p3"]),
    ({"profile.name": {"prefix": ""}}, ["p1", "p2", "p3", "p4", "p5"]),
    ({"profile.name": {"gt": "a"}}, ["p3", "p4"]),
    ({"profile.name": {"eq": {"x": 1}}}, ["p7"]),
    ({"profile": {"eq": {}}}, ["p8"]),
    ({"profile.no": None}, ALL),
    ({"profile.no": {"ne": None}}, []),
    ({"profile.no": {"ne": 1}}, ALL),
    ({"version": {"eq": 2}}, ["p8"]),
    ({"version": 2.0}, ["p8"]),
    ({"version": {"in": [2, 2.5, "2", None]}}, ["p8"]),
    ({"version": 2.5}, []),
    ({"version": {"lt": 2.5}}, ["p8"]),
    ({"created_at": {"lt": "2026-01-01T00:00:00.000001Z"}}, ALL),
    ({"created_at": "2026-01-01T01:00:00+01:00"}, ALL),
    ({"created_at": {"lt": "2026-01-01T00:00:00Z"}}, []),
    ({"created_at": {"gt": "0001-01-01T00:00:00+14:00"}}, ALL),
    ({"created_at": {"lt": "9999-12-31T23:59:59-14:00"}}, ALL),
]


@pytest.mark.parametrize(("where", "names"), WHERES)
async def test_where_holds_for_the_rows_that_it_says(
    people: People, where: Any, names: list[str]
) -> None:
    for client in (people.me.client, people.admin):
        assert sorted(await found(client, where)) == names


@pytest.mark.parametrize("field", OTHERS_FIELDS)
async def test_a_field_that_the_view_does_not_have_is_no_field(people: People, field: str) -> None:
    me = people.me
    assert await kind_of(me, "user.list", where={field: "x"}) == invalid(f"where.{field}")
    assert await kind_of(me, "user.list", order_by=[field]) == invalid("order_by[0]")
    assert await kind_of(me, "user.list", order_by=["id", f"-{field}"]) == invalid("order_by[1]")
    nested = {"all": [{"not": {field: None}}]}
    path = f"where.all[0].not.{field}"
    assert await kind_of(me, "user.list", where=nested) == invalid(path)


BAD: list[tuple[Any, str]] = [
    ({"status": {}}, "where.status"),
    ({"status": {"like": "x"}}, "where.status.like"),
    ({"status": {"in": "x"}}, "where.status.in"),
    ({"status": {"prefix": 1}}, "where.status.prefix"),
    ({"version": {"prefix": "1"}}, "where.version.prefix"),
    ({"version": 2**53 + 1}, "where.version"),
    ({"version": {"lt": -(2**53) - 1}}, "where.version.lt"),
    ({"version": 1e300}, "where.version"),
    ({"profile.level": {"in": [1, 2**53 + 1]}}, "where.profile.level.in[1]"),
    ({"profile.level": [2**60]}, "where.profile.level"),
    ({"id": "x"}, "where.id"),
    ({"created_at": "yesterday"}, "where.created_at"),
    ({"created_at": "2026-01-01T00:00:00"}, "where.created_at"),
    ({"all": {}}, "where.all"),
    ({"any": "x"}, "where.any"),
    ({"any": [1]}, "where.any[0]"),
    ({"not": []}, "where.not"),
    ({"id": {"in": [NOBODY] * 1001}}, "where.id.in[1000]"),
    ([], "where"),
    ("x", "where"),
]


@pytest.mark.parametrize(("where", "path"), BAD)
async def test_a_where_that_is_none_is_refused_with_its_path(
    people: People, where: Any, path: str
) -> None:
    assert await kind_of(people.me, "user.list", where=where) == invalid(path)


async def test_a_list_has_one_view_for_all_its_rows(people: People) -> None:
    me, client = people.me, people.me.client
    views: list[tuple[Client, Any, set[str]]] = [
        (client, None, PUBLIC),
        (client, {}, PUBLIC),
        (client, {"id": me.id}, OWN),
        (client, {"id": me.id.upper()}, OWN),
        (client, {"id": {"eq": me.id}}, PUBLIC),
        (client, {"id": {"in": [me.id]}}, PUBLIC),
        (client, {"id": me.id, "all": []}, PUBLIC),
        (client, {"all": [{"id": me.id}]}, PUBLIC),
        (people.admin, {}, OWN),
        (people.admin, {"id": me.id}, OWN),
    ]
    for who, where, view in views:
        users = (await who.call("user.list", where=where))["users"]
        assert users
        assert all(user.keys() == view for user in users), where
    own = await client.call("user.list", where={"id": me.id}, order_by=["email", "-role"])
    assert own["users"] == [(await client.call("user.get", id=me.id))["user"]]
    assert await kind_of(me, "user.list", where={"id": me.id, "email": me.email}) == invalid(
        "where.email"
    )
    by_email = await people.admin.call("user.list", where={"email": me.email, "role": "player"})
    assert [user["id"] for user in by_email["users"]] == [me.id]


ORDERS = [
    None,
    [],
    ["created_at"],
    ["-created_at"],
    ["status"],
    ["-status"],
    ["full_name", "-status"],
    ["created_at", "-version", "status"],
    ["-updated_at", "created_at"],
    ["id"],
    ["-id"],
    ["-version", "-id"],
]


@pytest.mark.parametrize("order_by", ORDERS)
@pytest.mark.parametrize("limit", [1, 3, 4, 500])
async def test_pages_give_each_row_once_and_in_order(
    people: People, order_by: list[str] | None, limit: int
) -> None:
    rows: list[Any] = []
    after = None
    while True:
        page = await people.admin.call("user.list", order_by=order_by, limit=limit, after=after)
        assert len(page["users"]) <= limit
        rows += page["users"]
        after = page["next"]
        if after is None:
            break
        assert len(page["users"]) == limit
    expected = [*rows]
    fields = ["created_at"] if order_by is None else order_by
    words = fields if any(word.strip("-") == "id" for word in fields) else [*fields, "id"]
    for word in reversed(words):
        expected.sort(key=lambda row: row[word.removeprefix("-")], reverse=word.startswith("-"))
    assert [row["id"] for row in rows] == [row["id"] for row in expected]
    assert {row["id"]: row["full_name"] for row in rows} == people.names
    assert len(rows) == len(people.names)


async def test_a_page_is_of_the_list_it_came_from(people: People) -> None:
    me = people.me
    page = await me.client.call("user.list", order_by=["status"], limit=1)
    for order_by in (["-status"], ["full_name"], None, ["status", "full_name"]):
        error = await kind_of(me, "user.list", order_by=order_by, limit=1, after=page["next"])
        assert error == invalid("after")


NESTED = urlsafe_b64encode(b'[["version","id"],' + b"[" * 10_000).decode()


def cursor_of(*values: Any) -> str:
    """A text of the form that `next` has today, with values that it never has."""
    text = json.dumps([["version", "id"], values])
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "after",
    [
        *("", "x", "é", "W10", "bnVsbA", "e30"),
        cursor_of(1),
        cursor_of(1, "x"),
        cursor_of("1", NOBODY),
        *(cursor_of(version, NOBODY) for version in (2**63, 2**64, 10**400, 1.5, None)),
        pytest.param(NESTED, id="nested"),
    ],
)
async def test_a_cursor_that_is_none_is_refused(people: People, after: str) -> None:
    error = await kind_of(people.me, "user.list", order_by=["version"], after=after)
    assert error == invalid("after")


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 501}, "limit"),
        ({"limit": -1}, "limit"),
        ({"limit": 1.5}, "limit"),
        ({"limit": "1"}, "limit"),
        ({"order_by": "id"}, "order_by"),
        ({"order_by": [1]}, "order_by[0]"),
        ({"order_by": ["profile"]}, "order_by[0]"),
        ({"order_by": ["--id"]}, "order_by[0]"),
        ({"after": 1}, "after"),
    ],
)
async def test_what_is_no_list_is_refused(
    people: People, params: dict[str, Any], path: str
) -> None:
    assert await kind_of(people.me, "user.list", **params) == invalid(path)
