"""Protocol §2 and §5, rights: they are those of this moment, whoever has changed them."""

from __future__ import annotations

import pytest

from tests.client import Client, ReplyError
from tests.conftest import PASSWORD, Someone, database
from tests.specification.holding import Hold, holding
from tests.specification.test_methods import OWN, PUBLIC
from tests.specification.test_sessions import soon


async def test_a_role_given_or_taken_by_psql_acts_within_a_second(
    ada: Someone, grace: Someone, dsn: str
) -> None:
    async with database(dsn) as psql:
        for role, view in (("admin", OWN), ("player", PUBLIC)):
            await psql.execute("UPDATE users SET role = $2 WHERE id = $1", ada.id, role)
            async with soon():
                while (await ada.client.call("user.get", id=grace.id))["user"].keys() != view:
                    pass


async def test_who_loses_a_right_is_not_sent_what_the_same_commit_wrote(
    admin: Someone, ada: Someone, dsn: str
) -> None:
    asked = {"where": {"id": ada.id}, "fields": ["email"]}
    subscribed = await admin.client.call("user.subscribe", **asked)
    async with database(dsn) as psql, psql.transaction():
        await psql.execute("UPDATE users SET role = 'player' WHERE id = $1", admin.id)
        await psql.execute("UPDATE users SET email = 'new' || email WHERE id = $1", ada.id)
    closed = await admin.client.notification("subscription.closed")
    assert closed["subscription"] == subscribed["subscription"]
    assert closed["reason"] == "rights_changed"
    assert (await admin.client.call("user.get", id=ada.id))["user"].keys() == PUBLIC
    assert admin.client.others == []


async def test_whose_id_changes_is_the_same_person_on_an_open_socket(
    client: Client, ada: Someone, dsn: str
) -> None:
    await ada.client.call("user.subscribe", where={"id": ada.id})
    async with database(dsn) as psql:
        new = str(await psql.fetchval("SELECT gen_random_uuid()"))
        await psql.execute("UPDATE users SET id = $1 WHERE id = $2", new, ada.id)
    closed = await ada.client.notification("subscription.closed")
    assert closed["reason"] == "rights_changed"
    other = await client.call(
        "user.create", id=ada.id, email="o@example.org", full_name="Other", password=PASSWORD
    )
    assert (await ada.client.call("user.get", id=ada.id))["user"].keys() == PUBLIC
    updated = await ada.client.call("user.update", set={"status": "mine"})
    assert updated["user"]["id"] == new != other["user"]["id"]


async def test_a_write_that_waited_while_its_caller_was_demoted_is_not_done(
    admin: Someone, ada: Someone, dsn: str
) -> None:
    await admin.client.call("user.subscribe", where={"id": admin.id})
    async with database(dsn) as psql, holding(dsn, ada.id) as hold:
        await admin.client.push("user.update", 900, id=ada.id, set={"role": "admin"})
        await hold.until_blocked()
        await psql.execute("UPDATE users SET role = 'player' WHERE id = $1", admin.id)
        await admin.client.notification("subscription.closed")
        await hold.release()
        with pytest.raises(ReplyError) as refused:
            await admin.client.reply(900)
        assert refused.value.kind == "forbidden"
        assert await psql.fetchval("SELECT role FROM users WHERE id = $1", ada.id) == "player"


async def test_a_write_that_waited_while_its_caller_was_promoted_is_done(
    ada: Someone, dsn: str
) -> None:
    new = {"email": "waited@example.org", "full_name": "New", "password": PASSWORD}
    await ada.client.call("user.subscribe", where={"id": ada.id})
    async with database(dsn) as psql, database(dsn) as other:
        transaction = other.transaction()
        await transaction.start()
        await other.execute("INSERT INTO users (email) VALUES ($1)", new["email"])
        hold = Hold(other, transaction)
        await ada.client.push("user.create", 900, **new)
        await hold.until_blocked()
        await psql.execute("UPDATE users SET role = 'admin' WHERE id = $1", ada.id)
        closed = await ada.client.notification("subscription.closed")
        await hold.release()
        created = await ada.client.reply(900)
    assert (closed["reason"], created["user"]["email"]) == ("rights_changed", new["email"])
