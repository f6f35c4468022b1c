"""permessage-deflate where the setting allows it: agreed to, bounded, and right."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from server.protocol.frames import COMPRESSED, FINAL_TEXT, Frame
from tests.client import Client
from tests.conftest import Running, Someone, database, serving, settings_for, sign_up
from tests.sockets.raw import HEADERS, TEXT, frame, shaken
from tests.specification.rules import call


@pytest.fixture(scope="module")
async def deflating(dsn: str) -> AsyncIterator[Running]:
    async with serving(settings_for(dsn, permessage_deflate=True)) as running:
        yield running


async def test_it_is_not_agreed_to_unless_the_setting_says_so(server: Running) -> None:
    async with connect(server.rpc, compression="deflate") as socket:
        assert socket.protocol.extensions == []


@pytest.mark.parametrize("compression", ["deflate", None])
async def test_replies_and_changes_are_the_same_with_it_and_without(
    deflating: Running, dsn: str, compression: str | None
) -> None:
    async with connect(deflating.rpc, compression=compression) as socket:
        assert bool(socket.protocol.extensions) == (compression is not None)
        someone = await sign_up(Client(socket))
        text = "all work and no play " * 300
        await someone.client.call("user.subscribe", where={"id": someone.id}, fields=["profile"])
        async with database(dsn) as psql:
            update = "UPDATE users SET profile = $2 WHERE id = $1"
            await psql.execute(update, someone.id, json.dumps({"text": text}))
        (change,) = (await someone.client.notification("user.changed"))["changes"]
        assert change["set"] == {"profile": {"text": text}}


async def test_a_change_goes_compressed(deflating: Running, ada: Someone, dsn: str) -> None:
    headers = (
        f"{HEADERS}Sec-WebSocket-Extensions: permessage-deflate\r\n"
        f"Authorization: Bearer {ada.token}\r\n"
    )
    async with shaken(deflating.port, headers=headers) as raw, database(dsn) as psql:
        asked = call("user.subscribe", json.dumps({"where": {"id": ada.id}, "fields": ["profile"]}))
        await raw.send(frame(TEXT, asked.encode()))
        size = (await raw.exactly(2))[1]
        await raw.exactly(int.from_bytes(await raw.exactly(2), "big") if size == 126 else size)
        profile = json.dumps({"text": "x" * 5000})
        await psql.execute("UPDATE users SET profile = $2 WHERE id = $1", ada.id, profile)
        first, _ = await raw.exactly(2)
        assert first == FINAL_TEXT | COMPRESSED


async def test_a_message_that_inflates_beyond_the_limit_is_too_big(deflating: Running) -> None:
    async with connect(deflating.rpc, compression="deflate") as socket:
        await socket.send('"' + "0" * 50_000_000 + '"')
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
    async with connect(deflating.rpc) as socket:
        await Client(socket).call("rpc.ping")


def test_a_frame_is_compressed_once_and_inflates_to_its_text() -> None:
    frame = Frame(b"x" * 5000)
    assert frame.deflated is frame.deflated
    assert len(frame.deflated) < 100
    inflated = zlib.decompressobj(wbits=-15).decompress(frame.deflated[2:] + b"\0\0\xff\xff")
    assert inflated == frame.payload
    assert Frame(b"short").deflated == Frame(b"short").wired
