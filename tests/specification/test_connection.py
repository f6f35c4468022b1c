"""What protocol §2 and §7 say of a connection: calls side by side, cancelled, refused, closed."""

from __future__ import annotations

import json

import pytest

from tests.client import ReplyError
from tests.conftest import Running, Someone, database, serving, settings_for
from tests.specification import frames
from tests.specification.doors import opened, posting, shape
from tests.specification.frames import shaken
from tests.specification.holding import holding
from tests.specification.rules import MAX_BATCH, batch, call, nested, notification, ping

BACKSLASHED = '\\"'
UPDATE = '{"set":{"status":"slow"}}'


async def status_of(someone: Someone) -> str:
    status: str = (await someone.client.call("user.get", id=someone.id))["user"]["status"]
    return status


async def test_a_slow_call_does_not_hold_a_later_one(ada: Someone, dsn: str) -> None:
    async with holding(dsn, ada.id) as hold:
        await ada.client.send(call("user.update", UPDATE, '"slow"'))
        await hold.until_blocked()
        assert (await ada.client.ask(ping('"quick"')))["id"] == "quick"
        await hold.release()
        assert (await ada.client.receive())["id"] == "slow"


async def test_a_slow_batch_does_not_hold_a_later_call(ada: Someone, dsn: str) -> None:
    async with holding(dsn, ada.id) as hold:
        await ada.client.send(batch(ping("1"), call("user.update", UPDATE, "2"), ping("3")))
        await hold.until_blocked()
        assert (await ada.client.ask(ping('"quick"')))["id"] == "quick"
        await hold.release()
        assert [reply["id"] for reply in await ada.client.receive()] == [1, 2, 3]


async def test_the_entries_of_a_batch_run_one_after_the_other(ada: Someone) -> None:
    entries = [call("user.update", f'[{{"status":"{n}"}}]', str(n)) for n in range(20)]
    replies = await ada.client.ask(batch(*entries))
    assert [reply["id"] for reply in replies] == list(range(20))
    assert [reply["result"]["user"]["status"] for reply in replies] == [str(n) for n in range(20)]
    assert [reply["result"]["user"]["version"] for reply in replies] == list(range(2, 22))


@pytest.mark.parametrize("door", ["socket", "post"])
async def test_a_batch_may_sign_in_first(server: Running, ada: Someone, door: str) -> None:
    resume = call("session.resume", json.dumps({"token": ada.token}), "1")
    get = call("user.get", json.dumps({"id": ada.id}), "2")
    async with opened(door, server) as asked:
        before, resumed, after = (
            shape(await asked.ask(batch(get, resume, get), is_answered=True)) or (None,) * 3
        )
    assert before == ("2", "unauthenticated", None)
    assert resumed == ("1", None, None)
    assert after == ("2", None, None)


async def test_one_post_is_not_signed_in_for_the_next(server: Running, ada: Someone) -> None:
    async with opened("post", server) as asked:
        resume = call("session.resume", json.dumps({"token": ada.token}))
        assert shape(await asked.ask(resume, is_answered=True)) == ("1", None, None)
        get = call("user.get", json.dumps({"id": ada.id}))
        assert shape(await asked.ask(get, is_answered=True)) == ("1", "unauthenticated", None)


async def test_a_notification_writes_though_it_is_not_answered(ada: Someone, dsn: str) -> None:
    await ada.client.send(
        batch(notification("user.update", '{"set":{"status":"told"}}'), ping('"next"'))
    )
    assert [reply["id"] for reply in await ada.client.receive()] == ["next"]
    assert await status_of(ada) == "told"


@pytest.mark.parametrize("id_", ["1", "0", '""', '"x"', "1.50", "null", "-1"])
async def test_a_cancelled_call_is_answered_with_cancelled_and_writes_nothing(
    ada: Someone, dsn: str, id_: str
) -> None:
    async with holding(dsn, ada.id) as hold:
        await ada.client.send(call("user.update", UPDATE, id_))
        await hold.until_blocked()
        await ada.client.send(call("rpc.cancel", f'{{"id":{id_}}}', '"cancel"'))
        replies = [await ada.client.receive(), await ada.client.receive()]
        answers = {str(reply["id"]): reply for reply in replies}
        assert answers.pop("cancel")["result"] == {"cancelled": True}
        (slow,) = answers.values()
        assert slow["id"] == json.loads(id_)
        assert slow["error"]["code"] == 499
        assert slow["error"]["data"]["kind"] == "cancelled"
    assert await status_of(ada) == ""


async def test_a_call_can_be_cancelled_by_a_notification(ada: Someone, dsn: str) -> None:
    async with holding(dsn, ada.id) as hold:
        await ada.client.send(call("user.update", UPDATE, "7"))
        await hold.until_blocked()
        await ada.client.send(notification("rpc.cancel", '{"id":7}'))
        reply = await ada.client.receive()
        assert (reply["id"], reply["error"]["data"]["kind"]) == (7, "cancelled")
    assert (await ada.client.ask(ping('"next"')))["id"] == "next"


async def test_a_call_can_be_cancelled_in_the_moment_it_was_sent(ada: Someone, dsn: str) -> None:
    async with holding(dsn, ada.id):
        await ada.client.send(call("user.update", UPDATE, "7"))
        await ada.client.send(notification("rpc.cancel", "[7]"))
        reply = await ada.client.receive()
        assert (reply["id"], reply["error"]["data"]["kind"]) == (7, "cancelled")
    assert await status_of(ada) == ""


async def test_a_cancelled_entry_leaves_the_rest_of_its_batch(ada: Someone, dsn: str) -> None:
    async with holding(dsn, ada.id) as hold:
        await ada.client.send(batch(ping("1"), call("user.update", UPDATE, "2"), ping("3")))
        await hold.until_blocked()
        await ada.client.send(notification("rpc.cancel", '{"id":2}'))
        first, second, third = await ada.client.receive()
    assert (first["id"], third["id"]) == (1, 3)
    assert "result" in first
    assert "result" in third
    assert (second["id"], second["error"]["data"]["kind"]) == (2, "cancelled")


@pytest.mark.parametrize("id_", [99, "99", None, 0.5, "", [], {}, True])
async def test_what_is_not_under_way_is_not_cancelled(ada: Someone, dsn: str, id_: object) -> None:
    async with holding(dsn, ada.id) as hold:
        await ada.client.push("user.update", 1, set={"status": "slow"})
        await hold.until_blocked()
        await ada.client.push("rpc.cancel", "cancel", id=id_)
        assert await ada.client.reply("cancel") == {"cancelled": False}
    assert (await ada.client.reply(1))["user"]["status"] == "slow"


async def test_a_call_of_another_connection_is_not_cancelled(
    ada: Someone, server: Running, dsn: str
) -> None:
    async with holding(dsn, ada.id) as hold, server.connect(ada.token) as other:
        await ada.client.push("user.update", 1, set={"status": "slow"})
        await hold.until_blocked()
        assert await other.call("rpc.cancel", id=1) == {"cancelled": False}
        await hold.release()
        assert (await ada.client.reply(1))["user"]["status"] == "slow"


async def test_a_call_that_is_done_is_not_cancelled(ada: Someone) -> None:
    await ada.client.send(call("user.update", UPDATE, "7"))
    assert (await ada.client.receive())["id"] == 7
    assert await ada.client.call("rpc.cancel", id=7) == {"cancelled": False}


async def test_of_calls_with_one_id_the_latest_is_cancelled(ada: Someone, dsn: str) -> None:
    async with holding(dsn, ada.id) as hold:
        for calls, status in enumerate(("first", "second", "third"), 1):
            await ada.client.push("user.update", "one", set={"status": status})
            await hold.until_blocked(calls)
        for _ in range(2):
            assert await ada.client.call("rpc.cancel", id="one") == {"cancelled": True}
            with pytest.raises(ReplyError) as refused:
                await ada.client.reply("one")
            assert refused.value.kind == "cancelled"
        await hold.release()
        assert (await ada.client.reply("one"))["user"]["status"] == "first"


async def test_a_retry_key_of_a_cancelled_call_is_free(ada: Someone, dsn: str) -> None:
    params = {"set": {"status": "slow"}, "retry_key": "again"}
    async with holding(dsn, ada.id) as hold:
        await ada.client.push("user.update", 7, **params)
        await hold.until_blocked()
        await ada.client.call("rpc.cancel", id=7)
        with pytest.raises(ReplyError) as cancelled:
            await ada.client.reply(7)
        assert cancelled.value.kind == "cancelled"
    assert (await ada.client.call("user.update", **params))["user"]["version"] == 2


async def test_cancelling_needs_a_socket(server: Running) -> None:
    async with opened("post", server) as asked:
        reply = shape(await asked.ask(call("rpc.cancel", "[1]"), is_answered=True))
    assert reply == ("1", "needs_socket", None)


async def test_a_call_that_takes_too_long_is_stopped_with_timeout(dsn: str, ada: Someone) -> None:
    async with (
        serving(settings_for(dsn, call_timeout_seconds=1)) as hasty,
        hasty.connect(ada.token) as client,
        holding(dsn, ada.id),
    ):
        with pytest.raises(ReplyError) as late:
            await client.call("user.update", set={"status": "late"})
    assert (late.value.code, late.value.kind) == (504, "timeout")
    assert await status_of(ada) == ""


async def test_with_too_many_calls_under_way_reading_waits(dsn: str, ada: Someone) -> None:
    async with (
        serving(settings_for(dsn, max_calls_in_flight=2)) as narrow,
        narrow.connect(ada.token) as client,
        holding(dsn, ada.id) as hold,
    ):
        for id_ in (1, 2, 3):
            await client.push("user.update", id_, set={"status": str(id_)})
        await client.push("rpc.ping", 4)
        await hold.until_blocked(2)
        await hold.release()
        order = [(await client.receive())["id"] for _ in range(4)]
    assert order[0] in {1, 2}
    assert sorted(order) == [1, 2, 3, 4]


async def test_a_call_under_way_writes_nothing_when_its_client_has_left(
    server: Running, ada: Someone, dsn: str
) -> None:
    async with holding(dsn, ada.id) as hold:
        async with server.connect(ada.token) as leaving:
            await leaving.push("user.update", 1, set={"status": "left"})
            await hold.until_blocked()
        await hold.until_free()
    async with database(dsn) as psql:
        row = await psql.fetchrow("SELECT status, version FROM users WHERE id = $1", ada.id)
    assert tuple(row) == ("", 1)


async def test_a_binary_frame_is_closed_with_1003(server: Running) -> None:
    async with server.connect() as client:
        await client.send(ping().encode())
        assert (await client.closed())[0] == 1003


@pytest.mark.parametrize(
    "data",
    [b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b'{"id":"\xc3', b"\x80" * 10_000],
)
async def test_bad_utf8_is_closed_with_1007(server: Running, data: bytes) -> None:
    async with shaken(server.port) as raw:
        raw.send(frames.TEXT, data)
        assert await raw.close_code() == 1007


async def test_a_character_may_be_cut_by_a_fragment(server: Running) -> None:
    text = ping('"💎"').encode()
    middle = text.index("💎".encode()) + 2
    async with shaken(server.port) as raw:
        raw.send(frames.TEXT, text[:middle], fin=False)
        raw.send(frames.CONTINUATION, text[middle:])
        opcode, data = await raw.receive()
    assert opcode == frames.TEXT
    assert json.loads(data)["id"] == "💎"


async def test_bad_utf8_in_a_post_is_not_json(server: Running) -> None:
    async with posting(server) as poster:
        response = await poster.post(b'{"jsonrpc":"2.0","method":"rpc.ping","id":"\xff"}')
    assert response.status_code == 200
    assert response.json()["error"]["data"]["kind"] == "parse_error"
    assert response.json()["id"] is None


@pytest.mark.parametrize("text", ["[" * 100_000, ping(x='"%s"' % ("x" * 65_536))])
async def test_a_message_too_large_is_closed_with_1009(server: Running, text: str) -> None:
    async with server.connect() as client:
        await client.send(text)
        assert (await client.closed())[0] == 1009


async def test_a_message_too_large_is_closed_with_1009_in_fragments_too(server: Running) -> None:
    async with shaken(server.port) as raw:
        raw.send(frames.TEXT, b" " * 40_000, fin=False)
        raw.send(frames.CONTINUATION, b" " * 40_000)
        assert await raw.close_code() == 1009


async def test_a_message_of_the_largest_size_is_served(server: Running) -> None:
    async with server.connect() as client:
        text = ping()
        assert (await client.ask(text + " " * (65_536 - len(text))))["id"] == 1


async def test_a_hundred_thousand_brackets_are_not_json(dsn: str) -> None:
    async with (
        serving(settings_for(dsn, max_message_bytes=1_000_000)) as roomy,
        roomy.connect() as client,
    ):
        for text in ("[" * 100_000, "[" * 100_000 + "]" * 100_000, '{"a":' * 100_000):
            assert (await client.ask(text))["error"]["code"] == -32700
        assert (await client.ask(ping()))["id"] == 1


async def test_no_text_is_slow_to_read(server: Running) -> None:
    """The patience of the test's client is the bound; a good reader takes a millisecond."""
    async with server.connect() as client:
        for text in (
            f'{nested(20) * 2}"{BACKSLASHED * 32_000}',
            '[]"' * 21_000,
            "{" * 32 + '"\\' * 30_000,
        ):
            assert (await client.ask(text))["error"]["code"] == -32700


async def test_a_batch_of_writes_too_large_writes_nothing(ada: Someone) -> None:
    entries = [call("user.update", UPDATE, str(n)) for n in range(MAX_BATCH + 1)]
    reply = await ada.client.ask(batch(*entries))
    assert reply["id"] is None
    assert reply["error"]["code"] == 413
    assert await status_of(ada) == ""
