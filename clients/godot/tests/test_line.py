"""What becomes of rows and calls when the line breaks."""

from __future__ import annotations

import asyncio
import random
import secrets
from typing import TYPE_CHECKING, Any

import pytest

from conftest import DEMO
from game import Game, by_id
from tests.client import PATIENCE, Client, ReplyError

if TYPE_CHECKING:
    from tests.faults.line import Line

COUNT = 12
CHANGES = 300
FAULTS = [*["cut"] * 8, "stall", "half_open"]
BIG = "x" * 8000


async def users_of(admin: Client, tag: str, count: int) -> list[Any]:
    """Users whose name begins with the tag."""
    made = []
    for index in range(count):
        params = {"full_name": f"{tag} {index}", "password": "a long password"}
        email = f"{tag}-{index}@example.org".lower()
        made.append((await admin.call("user.create", email=email, **params))["user"])
    return made


def new_tag() -> str:
    return f"T{secrets.token_hex(4)}"


async def through(game: Game, line: Line, **options: int) -> None:
    """Signed in, by way of the line."""
    await game.connect(line.url, **options)
    await game.call("session.create", **DEMO)
    await game.reaches("open")


async def catches_up(game: Game, followed: str) -> None:
    """Holds all that was committed before."""
    await game.sees(followed, lambda seen: bool(seen["is_live"]))
    await game.call("subscription.sync")


def some_change(tag: str, number: int) -> dict[str, Any]:
    return random.choice(  # noqa: S311
        [
            {"status": f"at {number}"},
            {"full_name": f"away {number}"},
            {"full_name": f"{tag} {number}"},
            {"profile": {"points": number}},
        ]
    )


async def test_rows_at_the_end_are_the_servers_whatever_happens_to_the_line(
    godot: Game, admin: Client, line: Line
) -> None:
    tag = new_tag()
    *users, deleted = await users_of(admin, tag, COUNT)
    where = {"full_name": {"prefix": tag}}
    await through(godot, line, silence_ms=300, answer_ms=300)
    followed = await godot.ready(await godot.subscribe(where=where))
    assert [change["op"] for change in godot.changes(followed)] == ["reset"]

    async def write(numbers: range) -> None:
        for number in numbers:
            user = random.choice(users)  # noqa: S311
            await admin.call("user.update", id=user["id"], set=some_change(tag, number))

    each = CHANGES // len(FAULTS)
    for number, fault in enumerate(random.sample(FAULTS, len(FAULTS))):
        writing = asyncio.create_task(write(range(number * each, (number + 1) * each)))
        if fault == "cut":
            line.cut_after(random.randint(1, 2000))  # noqa: S311
            await line.was_cut.wait()
        else:
            getattr(line, fault)()
        await godot.reaches("waiting")
        await godot.reaches("open")
        line.release()
        await writing
        if number == len(FAULTS) // 2:
            await admin.call("user.delete", id=deleted["id"])
    await catches_up(godot, followed)

    fresh = await admin.call("user.list", where=where, limit=500)
    assert by_id((await godot.look(followed))["rows"]) == by_id(fresh["users"])
    versions = {user["id"]: user["version"] for user in [*users, deleted]}
    changes = godot.changes(followed)
    for change in changes:
        assert change["op"] != "reset", "it resumes, it does not start anew"
        is_last = change.get("reason") == "deleted"
        assert change["version"] > versions[change["id"]] - is_last, "none twice"
        versions[change["id"]] = change["version"]
    assert len(changes) > len(FAULTS)


async def test_a_snapshot_in_parts_that_is_cut_starts_anew_and_is_ready_when_it_is_whole(
    godot: Game, admin: Client, line: Line
) -> None:
    tag = new_tag()
    await users_of(admin, tag, 7)
    await through(godot, line)
    line.cut_after(1500)  # of about 3000
    followed = await godot.ready(
        await godot.subscribe(where={"full_name": {"prefix": tag}}, limit=2)
    )
    assert line.was_cut.is_set()
    seen = await godot.look(followed)
    assert len(seen["rows"]) == 7
    assert isinstance(seen["position"], str)


async def test_a_stored_copy_is_brought_up_to_date_by_what_has_changed_alone(
    game: Game, admin: Client
) -> None:
    tag = new_tag()
    first, *_ = await users_of(admin, tag, 3)
    query = {"where": {"full_name": {"prefix": tag}}, "fields": ["full_name", "status"]}
    earlier = await game.ready(await game.subscribe(**query))
    seen = await game.look(earlier)
    stored = {"position": seen["position"], "rows": seen["rows"]}
    await game.unsubscribe(earlier)
    await admin.call("user.update", id=first["id"], set={"status": "new"})

    later = await game.ready(await game.subscribe(stored, **query))
    change = {"op": "change", "id": first["id"], "version": 2, "set": {"status": "new"}}
    assert game.changes(later) == [change]
    rows = by_id((await game.look(later))["rows"])
    row = {"id": first["id"], "version": 2, "full_name": f"{tag} 0", "status": "new"}
    assert rows[first["id"]] == row
    assert len(rows) == 3


async def test_a_write_whose_reply_was_lost_is_written_once(
    godot: Game, admin: Client, line: Line
) -> None:
    [user] = await users_of(admin, new_tag(), 1)
    await admin.call("user.subscribe", where={"id": user["id"]})
    await through(godot, line)
    line.stall()  # the reply will not come
    write = await godot.begin("user.update", id=user["id"], set={"status": "once"})
    told = await admin.notification("user.changed")
    assert told["changes"][0]["set"]["status"] == "once"
    line.cut()
    after = (await godot.reply(write))["user"]
    assert (after["version"], after["status"]) == (2, "once")
    assert (await admin.call("user.get", id=user["id"]))["user"]["version"] == 2


async def test_calls_wait_while_the_line_is_down_a_hundred_and_no_more(
    godot: Game, line: Line
) -> None:
    await through(godot, line)
    line.down()
    await godot.reaches("waiting")
    calls = [await godot.begin("rpc.ping") for _ in range(100)]
    with pytest.raises(ReplyError) as refused:
        await godot.call("rpc.ping")
    assert (refused.value.code, refused.value.kind) == (429, "queue_full")
    line.up()
    for call in calls:
        assert "position" in await godot.reply(call)


async def test_the_watchdog_notices_a_line_that_is_dead_and_leaves_a_quiet_one(
    godot: Game, line: Line
) -> None:
    await through(godot, line, silence_ms=200, answer_ms=200)
    quiet = await godot.begin("rpc.ping")
    await godot.reply(quiet)
    for _ in range(3):  # each answer lets the next silence begin
        await asyncio.wait_for(line.is_asked(), PATIENCE)
    await godot.call("rpc.ping")
    assert await godot.reason() == (None, None), "a quiet line is no dead one"
    line.stall()
    await godot.reaches("waiting")
    await godot.reaches("open")
    await godot.call("rpc.ping")


async def test_a_message_of_half_a_megabyte_arrives_whole(game: Game, admin: Client) -> None:
    tag = new_tag()
    users = await users_of(admin, tag, 60)
    for user in users:
        await admin.call("user.update", id=user["id"], set={"profile": {"text": BIG}})
    followed = await game.ready(await game.subscribe(where={"full_name": {"prefix": tag}}))
    rows = (await game.look(followed))["rows"]
    assert sum(row["profile"]["text"] == BIG for row in rows) == 60
    assert (await game.reason()) == (None, None)


async def test_a_game_that_stands_still_or_is_hidden_misses_nothing(
    game: Game, admin: Client
) -> None:
    tag = new_tag()
    users = await users_of(admin, tag, 4)
    followed = await game.ready(await game.subscribe(where={"full_name": {"prefix": tag}}))
    await game.do("sleep")
    for number in range(1200):  # more than there is room for
        change = {"profile": {"number": number, "text": BIG}}
        await admin.call("user.update", id=users[number % 4]["id"], set=change)
    await catches_up(game, followed)
    fresh = await admin.call("user.list", where={"full_name": {"prefix": tag}})
    assert by_id((await game.look(followed))["rows"]) == by_id(fresh["users"])


async def test_big_integers_stay_strings_and_a_number_that_json_has_not_is_refused(
    game: Game, admin: Client
) -> None:
    [user] = await users_of(admin, new_tag(), 1)
    profile = {"big": "9007199254740993", "text": 'a\u0001\u000b"\\é', "x": 0.123456789}
    written = await game.call("user.update", id=user["id"], set={"profile": profile})
    assert written["user"]["profile"] == profile
    assert (await admin.call("user.get", id=user["id"]))["user"]["profile"] == profile
    await admin.call("user.update", id=user["id"], set={"status": "😀"})
    assert (await game.call("user.get", id=user["id"]))["user"]["status"] == "😀"


async def test_a_session_that_is_ended_elsewhere_ends_the_connection(
    godot: Game, admin: Client, server: Any
) -> None:
    await godot.connect(server.rpc)
    session = (await godot.call("session.create", **DEMO))["session"]
    await admin.call("session.delete", id=session["id"])
    await godot.reaches("closed")
    assert await godot.reason() == (4401, "session_expired")
    with pytest.raises(ReplyError) as refused:
        await godot.call("rpc.ping")
    assert refused.value.kind == "session_expired"
    await godot.do("open")
    await godot.call("session.create", **DEMO)


async def test_a_token_that_is_not_valid_is_asked_for_once_more(
    godot: Game, admin: Client, server: Any
) -> None:
    token = (await admin.call("session.create", **DEMO))["token"]
    await godot.connect(server.rpc, tokens=["not-valid", token])
    assert (await godot.call("session.list"))["sessions"]
    await godot.connect(server.rpc, tokens=["not-valid", "not-valid-either"])
    with pytest.raises(ReplyError) as refused:
        await godot.call("session.list")
    assert (refused.value.code, refused.value.kind) == (401, "unauthenticated")
    await godot.reaches("closed")
