"""README's way to add a resource: one folder, one migration, and the whole contract holds."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from server import resources
from server.changes import capture
from tests.client import ReplyError
from tests.conftest import (
    ROOT,
    Databases,
    Running,
    Someone,
    database,
    serving,
    settings_for,
)

README = (ROOT / "README.md").read_text()
TABLES, RESOURCE = (
    block
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    if "LiveTable(" in block or "Resource(" in block
)
NOTE = "nobody may read this"


@pytest.fixture(scope="module")
def trophies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The module `tables` of the folder, which is where resources are looked for."""
    place = tmp_path_factory.mktemp("resources")
    folder = place / "trophies"
    folder.mkdir()
    for name, text in {"__init__": "", "tables": TABLES, "resource": RESOURCE}.items():
        Path(folder / f"{name}.py").write_text(text)
    resources.__path__.append(str(place))
    yield import_module("server.resources.trophies.tables")
    resources.__path__.remove(str(place))
    for name in [name for name in sys.modules if name.startswith("server.resources.trophies")]:
        del sys.modules[name]


@pytest.fixture(scope="module")
async def dsn(databases: Databases, trophies: Any) -> AsyncIterator[str]:
    """A database to which the migration was applied, as one transaction."""
    name = await databases.create()
    (create,) = trophies.Trophy.create_table().ddl
    async with database(name) as psql, psql.transaction():
        for statement in (create, *capture.statements(trophies.LIVE)):
            await psql.execute(statement)
    yield name
    await databases.drop(name)


@pytest.fixture(scope="module")
async def server(dsn: str) -> AsyncIterator[Running]:
    async with serving(settings_for(dsn)) as running:
        yield running


@pytest.fixture
async def psql(dsn: str) -> AsyncIterator[Any]:
    async with database(dsn) as connection:
        yield connection


async def award(psql: Any, to: Someone, title: str = "Cup", points: int = 1) -> str:
    return str(
        await psql.fetchval(
            'INSERT INTO trophies ("user", title, points, secret_note)'
            " VALUES ($1, $2, $3, $4) RETURNING id::text",
            to.id,
            title,
            points,
            NOTE,
        )
    )


async def change(psql: Any, id_: str, **values: Any) -> None:
    sets = ", ".join(f'"{name}" = ${index}' for index, name in enumerate(values, 2))
    await psql.execute(f"UPDATE trophies SET {sets} WHERE id = $1", id_, *values.values())  # noqa: S608


async def follow(someone: Someone, **params: Any) -> dict[str, Any]:
    found: dict[str, Any] = await someone.client.call("trophy.subscribe", **params)
    return found


async def told(someone: Someone) -> tuple[Any, ...]:
    """Of the next notification's only change: what, of which row, with what or why."""
    (each,) = (await someone.client.notification("trophy.changed"))["changes"]
    return each["op"], each["id"], each.get("reason") or each["set"]


async def synced(*followers: Someone) -> None:
    """Until all that was committed has been told, so that the next write is told apart."""
    for someone in followers:
        await someone.client.call("subscription.sync")


async def heard_nothing(someone: Someone) -> bool:
    await synced(someone)
    return all(each.get("method") != "trophy.changed" for each in someone.client.others)


async def test_a_list_has_ones_own_only_and_no_secret(
    psql: Any, ada: Someone, grace: Someone
) -> None:
    own = await award(psql, ada, "Own", 5)
    others = await award(psql, grace, "Other")
    (row,) = (await ada.client.call("trophy.list"))["trophies"]
    assert row.keys() == {"id", "title", "points", "version", "created_at"}
    assert (row["id"], row["title"], row["points"], row["version"]) == (own, "Own", 5, 1)
    found = await ada.client.call("trophy.list", where={"id": others})
    assert found == {"trophies": [], "next": None}


async def test_an_admin_sees_all_with_their_owners(
    psql: Any, ada: Someone, grace: Someone, admin: Someone
) -> None:
    made = {await award(psql, each, "Seen"): each.id for each in (ada, grace)}
    where = {"title": "Seen", "user": {"in": [ada.id, grace.id]}}
    listed = (await admin.client.call("trophy.list", where=where))["trophies"]
    assert {row["id"]: row["user"] for row in listed} == made
    assert (await follow(admin, where=where))["trophies"] == listed
    assert "secret_note" not in listed[0]
    id_ = await award(psql, ada, "Seen")
    op, entered, shown = await told(admin)
    assert (op, entered, shown["user"]) == ("enter", id_, ada.id)
    await change(psql, id_, user=grace.id)
    assert await told(admin) == ("change", id_, {"user": grace.id})


@pytest.mark.parametrize("method", ["trophy.list", "trophy.subscribe"])
@pytest.mark.parametrize("field", ["user", "secret_note"])
async def test_what_the_view_does_not_have_is_no_field(
    ada: Someone, method: str, field: str
) -> None:
    asked: list[tuple[dict[str, Any], str]] = [({"where": {field: ada.id}}, f"where.{field}")]
    if method == "trophy.list":
        asked.append(({"order_by": [f"-{field}"]}, "order_by[0]"))
    else:
        asked.append(({"fields": [field]}, "fields[0]"))
    for params, path in asked:
        with pytest.raises(ReplyError) as refused:
            await ada.client.call(method, **params)
        assert refused.value.data == {"kind": "invalid_params", "path": path}


async def test_the_secret_is_no_field_for_an_admin_either(admin: Someone) -> None:
    with pytest.raises(ReplyError, match="secret_note is no field"):
        await admin.client.call("trophy.list", where={"secret_note": NOTE})


async def test_pages_in_any_order(psql: Any, ada: Someone) -> None:
    for title, points in (("b", 1), ("a", 2), ("B", 2), ("é", 1)):
        await award(psql, ada, title, points)
    for order, titles in (
        (["title"], "Babé"),
        (["-points", "title"], "Babé"),
        (["-created_at"], "éBab"),
        (["points", "-title"], "ébaB"),
    ):
        seen, after = "", None
        while True:
            page = await ada.client.call("trophy.list", order_by=order, limit=1, after=after)
            seen += "".join(row["title"] for row in page["trophies"])
            after = page["next"]
            if after is None:
                break
        assert seen == titles, order


async def test_a_snapshot_then_enter_change_and_leave_with_its_reason(
    psql: Any, ada: Someone, grace: Someone
) -> None:
    held = await award(psql, ada, points=10)
    where = {"points": {"gte": 10}}
    followed = await follow(ada, where=where)
    assert followed["trophies"] == (await ada.client.call("trophy.list", where=where))["trophies"]
    await change(psql, held, points=11)
    assert await told(ada) == ("change", held, {"points": 11})
    await change(psql, held, points=9)
    assert await told(ada) == ("leave", held, "filter")
    await change(psql, held, points=12)
    op, id_, shown = await told(ada)
    assert (op, id_, shown["points"]) == ("enter", held, 12)
    assert shown.keys() == {"title", "points", "created_at"}
    await change(psql, held, user=grace.id)
    assert await told(ada) == ("leave", held, "forbidden")
    await change(psql, held, title="not Ada's to know")
    await change(psql, held, user=ada.id)
    assert (await told(ada))[:2] == ("enter", held)
    await psql.execute("DELETE FROM trophies WHERE id = $1", held)
    assert await told(ada) == ("leave", held, "deleted")


async def test_what_is_given_leaves_the_one_and_enters_with_the_other(
    psql: Any, ada: Someone, grace: Someone
) -> None:
    id_ = await award(psql, ada)
    mine, hers = await follow(ada), await follow(grace)
    assert mine["subscription"] != hers["subscription"]
    await change(psql, id_, user=grace.id)
    assert await told(ada) == ("leave", id_, "forbidden")
    assert (await told(grace))[:2] == ("enter", id_)
    await change(psql, id_, points=7)
    assert await told(grace) == ("change", id_, {"points": 7})
    assert await heard_nothing(ada)


async def test_chosen_fields_are_all_that_is_told(psql: Any, ada: Someone) -> None:
    id_ = await award(psql, ada)
    (row,) = (await follow(ada, fields=["points"]))["trophies"]
    assert row.keys() == {"id", "version", "points"}
    await change(psql, id_, title="not told")
    await change(psql, id_, points=3)
    assert await told(ada) == ("change", id_, {"points": 3})


async def test_the_secret_is_never_in_the_log_nor_on_the_wire(
    psql: Any, ada: Someone, admin: Someone
) -> None:
    followers = (ada, admin)
    for someone in followers:
        await follow(someone, where={"title": {"in": ["Kept", "Told"]}})
    id_ = await award(psql, ada, "Kept")
    for values in ({"secret_note": f"{NOTE} either"}, {"title": "Told", "secret_note": NOTE}):
        await synced(*followers)
        await change(psql, id_, **values)
    await synced(*followers)
    await psql.execute("DELETE FROM trophies WHERE id = $1", id_)
    await synced(*followers)
    for someone in followers:
        messages = repr(someone.client.others)
        assert [messages.count(f"'op': '{op}'") for op in ("enter", "leave")] == [1, 1]
        assert "'title': 'Told'" in messages
        assert "secret_note" not in messages
        assert NOTE not in messages
    logged = [row[0] for row in await psql.fetch("SELECT changes::text FROM changes")]
    assert any(id_ in line for line in logged)
    assert not any("secret_note" in line or NOTE in line for line in logged)


async def test_a_resume_tells_what_came_changed_was_given_away_and_was_deleted(
    psql: Any, ada: Someone, grace: Someone
) -> None:
    changed, given, deleted = [await award(psql, ada) for _ in range(3)]
    left = await follow(ada)
    await ada.client.call("subscription.close", subscription=left["subscription"])
    for points in range(5):
        await change(psql, changed, points=points)
    await change(psql, given, user=grace.id)
    await psql.execute("DELETE FROM trophies WHERE id = $1", deleted)
    new = await award(psql, ada)
    resumed = await follow(ada, after=left["position"])
    assert (resumed["reset"], resumed["more"]) == (False, False)
    assert [(each["op"], each["id"], each.get("reason")) for each in resumed["changes"]] == [
        ("change", changed, None),
        ("leave", given, "forbidden"),
        ("leave", deleted, "deleted"),
        ("enter", new, None),
    ]
    assert resumed["changes"][0]["set"] == {"points": 4}


async def test_explain_names_the_filter_the_rule_and_the_absence(
    psql: Any, ada: Someone, grace: Someone
) -> None:
    id_ = await award(psql, ada, points=1)
    where = {"points": {"gte": 10}}
    followed = await follow(ada, where=where)

    async def why() -> tuple[Any, ...]:
        found = await ada.client.call(
            "subscription.explain", subscription=followed["subscription"], id=id_
        )
        return found["held"], found["reason"], found["failed"]

    assert await why() == (False, "filter", where)
    await change(psql, id_, points=10)
    assert await why() == (True, "matches", None)
    await change(psql, id_, user=grace.id)
    assert await why() == (False, "forbidden", None)
    await psql.execute("DELETE FROM trophies WHERE id = $1", id_)
    assert await why() == (False, "deleted", None)


async def test_trophies_that_go_with_their_user_and_by_truncate_leave(
    psql: Any, grace: Someone, admin: Someone
) -> None:
    first = await award(psql, grace, "Gone")
    await follow(admin, where={"title": "Gone"})
    await psql.execute("DELETE FROM users WHERE id = $1", grace.id)
    assert await told(admin) == ("leave", first, "deleted")
    second = await award(psql, admin, "Gone")
    assert (await told(admin))[:2] == ("enter", second)
    await psql.execute("TRUNCATE trophies")
    assert await told(admin) == ("leave", second, "deleted")


async def test_users_go_on_as_before_beside_it(psql: Any, ada: Someone) -> None:
    await ada.client.call("user.subscribe", where={"id": ada.id}, fields=["status"])
    await award(psql, ada)
    await ada.client.call("user.update", set={"status": "on"})
    changed = await ada.client.notification("user.changed")
    assert [each["set"] for each in changed["changes"]] == [{"status": "on"}]


async def test_it_is_described_with_its_shape(ada: Someone) -> None:
    document = await ada.client.call("rpc.discover")
    methods = {each["name"]: each for each in document["methods"]}
    schemas = document["components"]["schemas"]
    assert schemas["TrophyPage"]["properties"]["trophies"]["items"]["$ref"].endswith("/Trophy")
    assert schemas["TrophySnapshot"]["required"] == [
        *("subscription", "position", "reset", "trophies", "more")
    ]
    for name in ("trophy.list", "trophy.subscribe"):
        assert methods[name]["x-access"] == "user"
        assert methods[name]["examples"][0]["params"][0]["value"] == {"points": {"gte": 10}}
    assert schemas["TrophyWhere"]["properties"].keys() >= {"points", "user", "all", "any", "not"}
    assert methods["trophy.changed"]["x-notification"] is True
    assert methods["trophy.subscribe"]["x-needs-socket"] is True
    shape = schemas["Trophy"]
    assert shape["properties"].keys() >= {"id", "title", "points", "version", "created_at"}
    assert "secret_note" not in repr(document)


async def test_it_is_not_for_the_anonymous(server: Running) -> None:
    async with server.connect() as client:
        for method in ("trophy.list", "trophy.subscribe"):
            with pytest.raises(ReplyError, match="unauthenticated"):
                await client.call(method)
