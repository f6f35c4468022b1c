"""Through nginx and Caddy with TLS, set up as one would: everything passes, addresses are real."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from secrets import randbelow
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode

from tests.client import PATIENCE, Client, connected
from tests.conftest import PASSWORD, sign_up, unique_email
from tests.interoperability.programs import COMMON, Program
from tests.interoperability.proxies import KINDS, Certificate, Proxy, certify, proxied
from tests.interoperability.tools import need, run
from tests.process import ServerProcess, process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from contextlib import AbstractAsyncContextManager

FORGED = "203.0.113.9"
PINGS = 3
"""A second apart; nginx here waits half as long again for anything to come."""
ATTEMPTS = 10
"""Failed sign-ins that an address has when an email has one."""
CALLS = 20
"""A second, of an address that POSTs; bursts of twice that."""
ENVIRONMENT = {
    "VICTORYVAULT_TRUSTED_PROXIES": "127.0.0.1",
    "VICTORYVAULT_PING_INTERVAL_SECONDS": "1",
    "VICTORYVAULT_SIGN_IN_ATTEMPTS_PER_MINUTE": str(ATTEMPTS // 10),
    "VICTORYVAULT_MAX_CONNECTIONS_PER_ADDRESS": "2",
    "VICTORYVAULT_MAX_CALLS_PER_SECOND": str(CALLS),
}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """That the proxies' own users may enter."""
    made = Path(tempfile.mkdtemp(prefix="victoryvault-tests-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
async def certificate(folder: Path) -> Certificate:
    return await certify(folder)


@pytest.fixture(scope="module")
async def behind(dsn: str) -> AsyncIterator[ServerProcess]:
    async with process(dsn, **ENVIRONMENT) as server:
        yield server


@pytest.fixture(scope="module", params=KINDS)
async def proxy(
    request: pytest.FixtureRequest, behind: ServerProcess, folder: Path, certificate: Certificate
) -> AsyncIterator[Proxy]:
    (own := folder / request.param).mkdir()
    async with proxied(request.param, behind, own, certificate) as running:
        yield running


def fresh_address() -> str:
    """One of the sixteen million that loopback has."""
    return f"127.{randbelow(254) + 1}.{randbelow(256)}.{randbelow(254) + 1}"


def connect(
    proxy: Proxy, address: str = "127.0.0.1", **options: Any
) -> AbstractAsyncContextManager[Client]:
    """A socket through the proxy, from that address."""
    return connected(proxy.rpc, ssl=proxy.certificate.context, local_addr=(address, 0), **options)


def poster(proxy: Proxy, address: str) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(verify=proxy.certificate.context, local_address=address)
    return httpx.AsyncClient(transport=transport, base_url=proxy.origin, timeout=PATIENCE)


async def post(client: httpx.AsyncClient, method: str, *params: Any) -> Any:
    message = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
    return (await client.post("/rpc", json=message)).json()


async def address_of(client: Client) -> str:
    """Where the server says that a new session came from."""
    await sign_up(client)
    (session,) = (await client.call("session.list"))["sessions"]
    return str(session["address"])


@pytest.mark.parametrize("program", COMMON, ids=[program.name for program in COMMON])
async def test_a_program_calls_and_is_told_through_a_proxy(program: Program, proxy: Proxy) -> None:
    said = await program.run(proxy.rpc, proxy.certificate.environment)
    assert said == f"{program.name} was told of here\n"


async def test_a_session_has_the_address_of_the_client(proxy: Proxy) -> None:
    address = fresh_address()
    async with connect(proxy, address) as client:
        assert await address_of(client) == address
    async with poster(proxy, address) as client:
        created = await post(client, "user.create", unique_email(), "Ada", PASSWORD)
        assert created["result"]["session"]["address"] == address


async def test_what_a_client_forges_is_not_believed_of_the_proxy(proxy: Proxy) -> None:
    address, headers = fresh_address(), {"X-Forwarded-For": FORGED}
    async with connect(proxy, address, additional_headers=headers) as client:
        assert await address_of(client) == address


async def test_what_a_client_forges_is_not_believed_of_itself(behind: ServerProcess) -> None:
    address, headers = fresh_address(), {"X-Forwarded-For": FORGED}
    async with behind.connect(additional_headers=headers, local_addr=(address, 0)) as client:
        assert await address_of(client) == address


async def test_failed_sign_ins_are_counted_for_the_client_not_the_proxy(proxy: Proxy) -> None:
    async def kind(client: httpx.AsyncClient) -> str:
        reply = await post(client, "session.create", unique_email(), "no such password")
        return str(reply["error"]["data"]["kind"])

    async with poster(proxy, fresh_address()) as guesser, poster(proxy, fresh_address()) as other:
        guesses = [await kind(guesser) for _ in range(ATTEMPTS + 1)]
        assert guesses == ["bad_credentials"] * ATTEMPTS + ["too_many_attempts"]
        assert await kind(other) == "bad_credentials"


async def refusals(client: httpx.AsyncClient, calls: int) -> set[str]:
    entries = [{"jsonrpc": "2.0", "method": "rpc.ping", "id": id_} for id_ in range(calls)]
    replies = (await client.post("/rpc", json=entries)).json()
    return {reply["error"]["data"]["kind"] for reply in replies if "error" in reply}


async def test_posts_are_counted_for_the_client_not_the_proxy(proxy: Proxy) -> None:
    async with poster(proxy, fresh_address()) as hasty, poster(proxy, fresh_address()) as other:
        assert await refusals(hasty, 2 * CALLS + 10) == {"too_many_calls"}
        assert await refusals(other, 2 * CALLS) == set()


async def test_sockets_are_counted_for_the_client_not_the_proxy(proxy: Proxy) -> None:
    address = fresh_address()
    async with connect(proxy, address), connect(proxy, address):
        with pytest.raises(InvalidStatus) as refused:
            async with connect(proxy, address):
                pass
        response = refused.value.response
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        assert b"too many connections" in response.body
        async with connect(proxy, fresh_address()) as other:
            await other.call("rpc.ping")


async def test_a_page_of_the_site_may_connect_and_another_may_not(proxy: Proxy) -> None:
    async with connect(proxy, origin=proxy.origin) as page:
        await page.call("rpc.ping")
    with pytest.raises(InvalidStatus) as refused:
        async with connect(proxy, origin="https://elsewhere.example.org"):
            pass
    assert refused.value.response.status_code == 403
    assert b"VICTORYVAULT_ALLOWED_ORIGINS" in refused.value.response.body


class Pinged(ClientConnection):
    """Counts the server's pings."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.pings: asyncio.Queue[Frame] = asyncio.Queue()

    def process_event(self, event: Any) -> None:
        if isinstance(event, Frame) and event.opcode is Opcode.PING:
            self.pings.put_nowait(event)
        super().process_event(event)


async def test_an_idle_socket_outlives_the_proxy_s_patience(proxy: Proxy) -> None:
    options: dict[str, Any] = {"create_connection": Pinged, "ping_interval": None}
    async with connect(proxy, **options) as client:
        assert isinstance(client.socket, Pinged)
        pinged = asyncio.create_task(pings(client.socket))
        closed = asyncio.create_task(client.socket.wait_closed())
        first, _ = await asyncio.wait(
            {pinged, closed}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED
        )
        assert first == {pinged}, client.socket.close_code
        await client.call("rpc.ping")
    await closed


async def pings(socket: Pinged) -> None:
    for _ in range(PINGS):
        await socket.pings.get()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_draining_server_is_heard_through_a_proxy(
    kind: str, dsn: str, folder: Path, certificate: Certificate
) -> None:
    (own := folder / f"{kind}-draining").mkdir()
    async with (
        process(dsn, **ENVIRONMENT) as server,
        proxied(kind, server, own, certificate) as proxy,
        connect(proxy) as client,
    ):
        stopping = asyncio.create_task(server.stop())
        told = await client.notification("server.draining")
        assert told["reconnect_in_ms"] >= 0
        await client.call("rpc.ping")
        assert (await client.closed())[0] == 1012
        assert await stopping == 0


async def test_curl_speaks_http_2_to_caddy(
    behind: ServerProcess, folder: Path, certificate: Certificate
) -> None:
    need("curl")
    (own := folder / "http-2").mkdir()
    async with proxied("caddy", behind, own, certificate) as proxy:
        message = '{"jsonrpc":"2.0","method":"rpc.discover","id":1}'
        code, said, complaints = await run(
            *("curl", "--silent", "--show-error", "--json", message, "--output", own / "reply"),
            *("--write-out", "%{http_version} %{http_code} %{content_type}", f"{proxy.origin}/rpc"),
            seconds=PATIENCE,
            environment=certificate.environment,
        )
        assert (code, said, complaints) == (0, "2 200 application/json", "")
        assert '"user.subscribe"' in (own / "reply").read_text()
