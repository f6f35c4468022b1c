"""The doors of protocol §1: who may come in, by what, and what HTTP says of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.client import PATIENCE, connected
from tests.conftest import Running, Someone, database, serving, settings_for, sign_up
from tests.specification.doors import Poster, exact, posting, shape
from tests.specification.rules import batch, call, notification, ping

V1 = "victoryvault.v1"
ELSEWHERE = "https://game.example"
NO_TOKENS = ("Bearer nothing", "Bearer", "Basic YTpi", "nothing", "", "Bearer a b")
FOREIGN = (
    *("https://evil.example", "null", "", "http://[", "http://127.0.0.1", "http://127.0.0.1:1"),
    *("http://127.0.0.1:{port}.evil.example", "http://evil.example/127.0.0.1:{port}"),
    *("http://user@127.0.0.1:{port}", "127.0.0.1:{port}"),
)
"""Origins that are not the server's; {port} is its port."""


@pytest.fixture(scope="module")
async def user(server: Running) -> AsyncIterator[Someone]:
    async with server.connect() as socket:
        yield await sign_up(socket)


@pytest.fixture
async def poster(server: Running) -> AsyncIterator[Poster]:
    async with posting(server) as anonymous:
        yield anonymous


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
        yield client


async def refusal(server: Running, path: str = "/rpc", **options: Any) -> Any:
    """The HTTP response that a socket gets in place of an upgrade."""
    with pytest.raises(InvalidStatus) as refused:
        async with connected(f"ws://127.0.0.1:{server.port}{path}", **options):
            pass
    return refused.value.response


def get_own(user: Someone) -> str:
    return call("user.get", json.dumps([user.id]))


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([], None),
        ([V1], V1),
        (["other", V1], V1),
        ([V1, "other"], V1),
        (["other"], None),
        (["victoryvault.v2"], None),
        (["VICTORYVAULT.V1"], None),
    ],
)
async def test_the_subprotocol_is_chosen_when_it_is_offered(
    server: Running, offered: list[str], chosen: str | None
) -> None:
    async with server.connect(subprotocols=offered or None) as client:
        assert client.socket.subprotocol == chosen
        assert (await client.ask(ping()))["id"] == 1


async def test_a_token_may_come_in_the_header(server: Running, user: Someone) -> None:
    async with server.connect(user.token) as client:
        assert (await client.call("user.get", id=user.id))["user"]["email"] == user.email


async def test_the_scheme_has_no_case(server: Running, user: Someone) -> None:
    headers = {"Authorization": f"bearer {user.token}"}
    async with server.connect(additional_headers=headers) as client:
        assert (await client.call("user.get", id=user.id))["user"]["email"] == user.email


@pytest.mark.parametrize("first", [True, False])
async def test_a_token_may_come_as_a_subprotocol(
    server: Running, user: Someone, *, first: bool
) -> None:
    offered = [f"bearer.{user.token}", V1] if first else [V1, f"bearer.{user.token}"]
    async with server.connect(subprotocols=offered) as client:
        assert client.socket.subprotocol == V1
        assert (await client.call("user.get", id=user.id))["user"]["email"] == user.email


async def test_a_token_is_never_echoed_as_the_subprotocol(server: Running, user: Someone) -> None:
    async with server.connect(subprotocols=[f"bearer.{user.token}"]) as client:
        assert client.socket.subprotocol is None
        assert (await client.call("user.get", id=user.id))["user"]["email"] == user.email


@pytest.mark.parametrize("name", ["token", "access_token", "bearer", "Token"])
async def test_a_token_in_the_url_is_refused(
    server: Running, user: Someone, http: httpx.AsyncClient, name: str
) -> None:
    query = f"?{name}={user.token}"
    assert (await refusal(server, f"/rpc{query}")).status_code == 401
    response = await http.post(
        f"{server.url}/rpc{query}", content=ping(), headers={"content-type": "application/json"}
    )
    assert response.status_code == 401
    assert user.token not in response.text


@pytest.mark.parametrize("header", NO_TOKENS)
async def test_a_token_that_is_not_valid_is_401_at_both_doors(
    server: Running, poster: Poster, header: str
) -> None:
    response = await refusal(server, additional_headers={"Authorization": header})
    assert response.status_code == 401
    assert (await poster.post(ping(), authorization=header)).status_code == 401


@pytest.mark.parametrize("offered", ["bearer.", "bearer.nothing"])
async def test_a_subprotocol_token_that_is_not_valid_is_401(server: Running, offered: str) -> None:
    assert (await refusal(server, subprotocols=[V1, offered])).status_code == 401


async def test_an_expired_token_is_401_at_both_doors(
    server: Running, poster: Poster, dsn: str
) -> None:
    async with server.connect() as socket:
        gone = await sign_up(socket)
    async with database(dsn) as psql:
        await psql.execute(
            "UPDATE sessions SET expires_at = now() - interval '1 second' WHERE id = $1",
            gone.session,
        )
    assert (await refusal(server, token=gone.token)).status_code == 401
    response = await poster.post(ping(), authorization=f"Bearer {gone.token}")
    assert response.status_code == 401
    assert "session_expired" in response.text


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_pages_of_the_same_host_may_come_in(
    server: Running, poster: Poster, scheme: str
) -> None:
    origin = f"{scheme}://127.0.0.1:{server.port}"
    async with server.connect(additional_headers={"Origin": origin}) as client:
        assert (await client.ask(ping()))["id"] == 1
    assert (await poster.post(ping(), origin=origin)).status_code == 200


@pytest.mark.parametrize("origin", FOREIGN)
async def test_pages_of_another_origin_are_403_at_both_doors(
    server: Running, poster: Poster, origin: str
) -> None:
    origin = origin.replace("{port}", str(server.port))
    response = await refusal(server, additional_headers={"Origin": origin})
    assert response.status_code == 403
    assert (await poster.post(ping(), origin=origin)).status_code == 403


async def test_a_valid_token_does_not_help_a_page_of_another_origin(
    server: Running, user: Someone
) -> None:
    headers = {"Origin": ELSEWHERE, "Authorization": f"Bearer {user.token}"}
    assert (await refusal(server, additional_headers=headers)).status_code == 403


async def test_origins_on_the_allow_list_may_come_in(dsn: str) -> None:
    async with serving(settings_for(dsn, allowed_origins=ELSEWHERE)) as open_one:
        own = f"http://127.0.0.1:{open_one.port}"
        async with posting(open_one) as poster:
            for origin in (ELSEWHERE, own):
                async with open_one.connect(additional_headers={"Origin": origin}) as client:
                    assert (await client.ask(ping()))["id"] == 1
                assert (await poster.post(ping(), origin=origin)).status_code == 200
            for origin in (f"{ELSEWHERE}.evil", "http://game.example", f"{ELSEWHERE}:444", "null"):
                response = await refusal(open_one, additional_headers={"Origin": origin})
                assert response.status_code == 403
                assert (await poster.post(ping(), origin=origin)).status_code == 403


async def test_a_page_on_the_allow_list_may_post_and_read_the_reply(dsn: str) -> None:
    asked = {"Access-Control-Request-Method": "POST"} | {
        "Access-Control-Request-Headers": "authorization,content-type"
    }
    async with (
        serving(settings_for(dsn, allowed_origins=ELSEWHERE)) as open_one,
        httpx.AsyncClient(base_url=open_one.url, trust_env=False) as page,
    ):
        allowed = await page.options("/rpc", headers={"Origin": ELSEWHERE, **asked})
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == ELSEWHERE
        other = await page.options("/rpc", headers={"Origin": "https://evil.example", **asked})
        assert other.status_code == 400
        assert "access-control-allow-origin" not in other.headers
        async with posting(open_one) as poster:
            reply = await poster.post(ping(), origin=ELSEWHERE)
            assert reply.headers["access-control-allow-origin"] == ELSEWHERE


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""]
)
async def test_another_content_type_is_415(poster: Poster, content_type: str) -> None:
    response = await poster.post(ping(), content_type=content_type)
    assert response.status_code == 415


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
async def test_json_may_be_spelled_otherwise(poster: Poster, content_type: str) -> None:
    assert (await poster.post(ping(), content_type=content_type)).status_code == 200


async def test_a_body_too_large_is_413(poster: Poster) -> None:
    text = ping()
    assert (await poster.post(text + " " * (65_536 - len(text)))).status_code == 200
    assert (await poster.post(text + " " * (65_537 - len(text)))).status_code == 413


async def test_a_body_too_large_is_413_without_its_length(
    server: Running, http: httpx.AsyncClient
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(70):
            yield b" " * 1024

    response = await http.post(
        f"{server.url}/rpc", content=chunks(), headers={"content-type": "application/json"}
    )
    assert response.status_code == 413


@pytest.mark.parametrize("text", [notification(), batch(notification(), notification("no"))])
async def test_only_notifications_are_204_and_empty(poster: Poster, text: str) -> None:
    response = await poster.post(text)
    assert (response.status_code, response.content) == (204, b"")


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "[1]", call("no", "{}"), call("user.get", "[1]"), ping(params="[1]")]
)
async def test_every_error_reply_is_200(poster: Poster, text: str) -> None:
    response = await poster.post(text)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    shape(exact(response.content))


async def test_a_post_has_a_user_by_its_token(server: Running, user: Someone) -> None:
    async with posting(server, user.token) as poster:
        assert (await poster.post(get_own(user))).json()["result"]["user"]["email"] == user.email


async def test_get_without_an_upgrade_is_426(server: Running, http: httpx.AsyncClient) -> None:
    response = await http.get(f"{server.url}/rpc")
    assert response.status_code == 426
    assert response.headers["upgrade"].lower() == "websocket"


async def test_a_handshake_that_has_lost_its_upgrade_is_told_of_the_proxy(
    server: Running, http: httpx.AsyncClient
) -> None:
    response = await http.get(f"{server.url}/rpc", headers={"Sec-WebSocket-Key": "AAAA"})
    assert response.status_code == 426
    assert "proxy" in response.text


@pytest.mark.parametrize("path", ["/", "/nothing", "/rpc/", "/rpc/x"])
async def test_there_is_no_socket_at_another_path(server: Running, path: str) -> None:
    response = await refusal(server, path)
    assert response.status_code == 404
    assert json.loads(response.body)["error"] == {
        "kind": "not_found",
        "message": "There is no socket here: connect to /rpc.",
    }


async def test_the_document_is_the_one_of_discover(
    server: Running, http: httpx.AsyncClient
) -> None:
    response = await http.get(f"{server.url}/openrpc.json")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    async with server.connect() as client:
        assert await client.call("rpc.discover") == response.json()


@pytest.mark.parametrize("path", ["/health", "/ready", "/"])
async def test_a_worker_on_its_database_is_alive_and_ready(
    server: Running, http: httpx.AsyncClient, path: str
) -> None:
    assert (await http.get(f"{server.url}{path}")).status_code == 200


async def test_a_connection_too_many_is_503_with_retry_after(dsn: str, user: Someone) -> None:
    async with (
        serving(settings_for(dsn, max_connections=2)) as small,
        small.connect(),
        small.connect(user.token) as client,
    ):
        response = await refusal(small)
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) > 0
        assert (await client.ask(ping()))["id"] == 1


async def test_connections_that_come_at_once_are_counted(dsn: str, user: Someone) -> None:
    async with serving(settings_for(dsn, max_connections=3)) as small:
        leave = asyncio.Event()
        statuses: asyncio.Queue[int] = asyncio.Queue()

        async def come() -> None:
            try:
                async with small.connect(user.token):
                    statuses.put_nowait(101)
                    await leave.wait()
            except InvalidStatus as refused:
                statuses.put_nowait(refused.response.status_code)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(12):
                tasks.create_task(come())
            seen = sorted([await statuses.get() for _ in range(12)])
            leave.set()
    assert seen == [101] * 3 + [503] * 9


async def test_too_many_connections_of_one_address_are_503(dsn: str) -> None:
    settings = settings_for(dsn, max_connections_per_address=1, trusted_proxies="127.0.0.1")
    async with serving(settings) as small, small.connect():
        assert (await refusal(small)).status_code == 503
        async with small.connect(additional_headers={"X-Forwarded-For": "203.0.113.9"}) as other:
            assert (await other.ask(ping()))["id"] == 1


async def address_of(server: Running, user: Someone, forwarded: str) -> str:
    """Where the server says a new session came from."""
    async with server.connect(additional_headers={"X-Forwarded-For": forwarded}) as client:
        someone = await sign_up(client)
        (session,) = (await client.call("session.list"))["sessions"]
        assert session["id"] == someone.session
        address: str = session["address"]
        return address


async def test_x_forwarded_for_is_not_believed_of_just_anyone(
    server: Running, user: Someone
) -> None:
    assert await address_of(server, user, "203.0.113.9") == "127.0.0.1"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("1.1.1.1, 203.0.113.9", "203.0.113.9"),
        ("1.1.1.1, 203.0.113.9, 10.1.2.3", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("10.1.2.3", "127.0.0.1"),
    ],
)
async def test_x_forwarded_for_is_believed_of_trusted_proxies(
    proxied: Running, user: Someone, forwarded: str, address: str
) -> None:
    assert await address_of(proxied, user, forwarded) == address


@pytest.fixture(scope="module")
async def proxied(dsn: str) -> AsyncIterator[Running]:
    async with serving(settings_for(dsn, trusted_proxies="127.0.0.1, 10.0.0.0/8")) as running:
        yield running
