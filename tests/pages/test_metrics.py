"""`/metrics`: what is counted is right, is of all workers, and stays when a worker dies."""

from __future__ import annotations

import os
import re
import signal
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from server.database.engine import Database
from tests.client import Client, ReplyError
from tests.conftest import (
    Running,
    Someone,
    database,
    serving,
    settings_for,
    sign_up,
)
from tests.pages.scraping import Scrape, get, scrape, scrapes
from tests.process import START_SECONDS, ServerProcess, process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SOCKETS = 12


async def workers(server: ServerProcess) -> list[int]:
    """The ids of the worker processes, once both serve."""
    async for seen in scrapes(server.url, START_SECONDS):
        if seen.value("workers_ready") == 2:
            break
    parent = server.process.pid
    with open(f"/proc/{parent}/task/{parent}/children") as children:  # noqa: ASYNC230, PTH123
        found = [int(each) for each in children.read().split()]
    return [pid for pid in found if is_worker(pid)]


def is_worker(pid: int) -> bool:
    with open(f"/proc/{pid}/cmdline") as line:  # noqa: PTH123
        return "spawn_main" in line.read()


@pytest.fixture
async def two_workers(dsn: str) -> AsyncIterator[ServerProcess]:
    async with process(dsn, "serve", "--port", "0", "--workers", "2") as server:
        yield server


async def test_whoever_is_asked_answers_for_all_workers(two_workers: ServerProcess) -> None:
    assert len(await workers(two_workers)) == 2
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(two_workers.connect()) for _ in range(SOCKETS)]
        for client in clients:
            await sign_up(client)
            await client.call("user.subscribe", where={"status": "nobody's"})
            await client.call("rpc.ping")
        async for seen in scrapes(two_workers.url):
            if seen.value("subscriptions") == SOCKETS:
                break
        assert seen.value("connections") == SOCKETS
        assert seen.value("sessions_connected") == SOCKETS
        assert seen.value("calls_total", method="rpc.ping", outcome="ok") == SOCKETS
        created = seen.value("calls_total", method="user.create", outcome="ok")
        assert created == seen.value("call_duration_seconds_count", method="user.create") == SOCKETS
        assert 1 <= seen.value("topics") <= 2


async def test_what_a_killed_worker_counted_stays_and_what_it_held_goes(
    two_workers: ServerProcess,
) -> None:
    victim, _survivor = await workers(two_workers)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(two_workers.connect()) for _ in range(SOCKETS)]
        for client in clients:
            await client.call("rpc.ping")
        async for before in scrapes(two_workers.url):
            if before.value("calls_total", method="rpc.ping", outcome="ok") == SOCKETS:
                break
        os.kill(victim, signal.SIGKILL)
        previous = before
        async for after in scrapes(two_workers.url, START_SECONDS):
            assert_nothing_shrank(previous, after)
            previous = after
            if after.value("connections") < SOCKETS and after.value("workers_ready") == 2:
                break
        assert after.value("calls_total", method="rpc.ping", outcome="ok") == SOCKETS
        assert after.value("connections_opened_total") == SOCKETS


def assert_nothing_shrank(before: Scrape, after: Scrape) -> None:
    now = after.kept
    shrunk = {key for key, value in before.kept.items() if now.get(key, 0.0) < value}
    assert not shrunk


async def test_workers_that_are_replaced_one_by_one_lose_no_count(
    two_workers: ServerProcess,
) -> None:
    old = await workers(two_workers)
    async with two_workers.connect() as client:
        for _ in range(SOCKETS):
            await client.call("rpc.ping")
    two_workers.process.send_signal(signal.SIGHUP)
    previous = await scrape(two_workers.url)
    async for seen in scrapes(two_workers.url, START_SECONDS):
        assert_nothing_shrank(previous, seen)
        previous = seen
        if not any(map(is_there, old)) and seen.value("workers_ready") == 2:
            break
    assert seen.value("calls_total", method="rpc.ping", outcome="ok") == SOCKETS


async def test_a_worker_that_ends_for_good_leaves_its_counts_only(
    two_workers: ServerProcess,
) -> None:
    await workers(two_workers)
    for _ in range(SOCKETS):
        async with two_workers.connect() as client:
            await client.call("rpc.ping")
    two_workers.process.send_signal(signal.SIGTTOU)
    async for seen in scrapes(two_workers.url):
        if seen.value("workers") == 1:
            break
    assert seen.value("workers_ready") == 1
    assert seen.value("calls_total", method="rpc.ping", outcome="ok") == SOCKETS
    assert seen.value("connections_opened_total") == SOCKETS


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_errors_are_counted_by_method_and_kind(server: Running, ada: Someone) -> None:
    before = await scrape(server.url)
    async with server.connect() as anonymous:
        with pytest.raises(ReplyError):
            await anonymous.call("user.list")
        await anonymous.ask("{")
    after = await scrape(server.url)
    labels = {"method": "user.list", "outcome": "unauthenticated"}
    assert after.value("calls_total", **labels) == before.value("calls_total", **labels) + 1
    labels = {"method": "none", "outcome": "parse_error"}
    assert after.value("calls_total", **labels) == before.value("calls_total", **labels) + 1


async def test_names_that_clients_make_up_are_one_row(server: Running, client: Client) -> None:
    with pytest.raises(ReplyError):
        await client.call("no.such")
    before = await scrape(server.url)
    for number in range(SOCKETS):
        with pytest.raises(ReplyError):
            await client.call(f"no.such.{number}")
    after = await scrape(server.url)
    assert after.samples.keys() == before.samples.keys()
    labels = {"method": "none", "outcome": "method_not_found"}
    counted = after.value("calls_total", **labels) - before.value("calls_total", **labels)
    assert counted == SOCKETS


async def test_a_call_whose_connection_went_away_is_abandoned(
    server: Running, dsn: str, ada: Someone
) -> None:
    before = await scrape(server.url)
    async with database(dsn) as psql, psql.transaction():
        await psql.execute("UPDATE users SET status = 'held' WHERE id = $1", ada.id)
        async with server.connect(ada.token) as client:
            await client.push("user.update", 1, set={"status": "never"})
            async for seen in scrapes(server.url):
                if seen.value("calls_in_flight") == before.value("calls_in_flight") + 1:
                    break
        async for seen in scrapes(server.url):
            if seen.value("calls_total", method="user.update", outcome="abandoned"):
                break


async def test_a_delivery_is_counted_for_each_socket_that_gets_it(
    server: Running, ada: Someone, grace: Someone, admin: Someone
) -> None:
    followers = (ada, grace, admin)
    for each in followers:
        await each.client.call("user.subscribe", where={"full_name": "Ada Counted"})
    before = await scrape(server.url)
    await ada.client.call("user.update", set={"full_name": "Ada Counted"})
    for each in followers:
        await each.client.notification("user.changed")
    after = await scrape(server.url)
    assert after.value("deliveries_total") == before.value("deliveries_total") + len(followers)
    # Presence is written a moment after who comes and goes, those of other tests among them.
    assert after.value("feed_changes_total") > before.value("feed_changes_total")
    assert after.value("sent_bytes_total") > before.value("sent_bytes_total") + 300
    assert 0 <= after.value("feed_delay_seconds") < 5


async def test_deliveries_stay_counted_when_nobody_follows_any_more(
    server: Running, ada: Someone
) -> None:
    before = await scrape(server.url)
    followed = await ada.client.call("user.subscribe", where={"status": "counted"})
    await ada.client.call("user.update", set={"status": "counted"})
    await ada.client.notification("user.changed")
    await ada.client.call("subscription.close", subscription=followed["subscription"])
    after = await scrape(server.url)
    assert after.value("deliveries_total") == before.value("deliveries_total") + 1
    assert after.value("topics") == before.value("topics")


async def test_a_subscription_that_the_server_ends_is_counted_by_its_reason(
    server: Running, dsn: str, ada: Someone
) -> None:
    before = await scrape(server.url)
    await ada.client.call("user.subscribe")
    async with database(dsn) as psql:
        await psql.execute("UPDATE users SET role = 'admin' WHERE id = $1", ada.id)
    told = await ada.client.notification("subscription.closed")
    after = await scrape(server.url)
    counted = [
        each.value("subscriptions_closed_total", reason=told["reason"]) for each in (before, after)
    ]
    assert counted[1] == counted[0] + 1


async def test_who_cannot_resume_is_a_reset(server: Running, ada: Someone) -> None:
    before = await scrape(server.url)
    position = (await ada.client.call("rpc.ping"))["position"]
    resumed = await ada.client.call("user.subscribe", after=position)
    assert not resumed["reset"]
    assert (await scrape(server.url)).value("resets_total") == before.value("resets_total")
    other = re.sub(r"[0-9a-f]", lambda digit: "1" if digit[0] == "0" else "0", position, count=1)
    assert (await ada.client.call("user.subscribe", after=other))["reset"]
    assert (await scrape(server.url)).value("resets_total") == before.value("resets_total") + 1


async def test_who_waits_for_a_database_connection_is_seen(dsn: str) -> None:
    async with serving(settings_for(dsn, pool_size=2)) as server:
        pool = server.services.use(Database).engine.pool
        assert pool is not None
        async with AsyncExitStack() as stack:
            for _ in range(2):
                await stack.enter_async_context(pool.acquire())
            async with server.connect() as client:
                await client.push(
                    "session.create", 1, email="nobody@example.org", password="long enough"
                )
                async for seen in scrapes(server.url):
                    if seen.value("pool_waiting"):
                        break
        assert seen.value("pool_connections_in_use") == seen.value("pool_limit") == 2


async def test_a_refused_handshake_and_a_close_are_counted(server: Running) -> None:
    before = await scrape(server.url)
    refused = await get(server.url, Authorization="Bearer nonsense")
    assert refused.status_code == 200, "no token is needed, and none is looked at"
    with pytest.raises(Exception, match="401"):
        async with server.connect("nonsense"):
            pass
    async with server.connect() as client:
        await client.socket.close(1000)
    async with server.connect() as client:
        await client.send(b"binary")
        assert (await client.closed())[0] == 1003
    async for after in scrapes(server.url):
        if after.value("connections_closed_total", code="1003"):
            break
    refusals = [
        each.value("connections_refused_total", kind="unauthenticated") for each in (before, after)
    ]
    assert refusals[1] == refusals[0] + 1
    closed = [each.value("connections_closed_total", code="1000") for each in (before, after)]
    assert closed[1] == closed[0] + 1


async def test_a_code_with_two_reasons_is_one_row(server: Running, ada: Someone) -> None:
    before = await scrape(server.url)
    await ada.client.call("session.delete")
    assert (await ada.client.closed())[0] == 4401
    async for after in scrapes(server.url):
        closed = [each.value("connections_closed_total", code="4401") for each in (before, after)]
        if closed[1] > closed[0]:
            break
    assert closed[1] == closed[0] + 1
    rows = [line.split()[0] for line in after.text.splitlines() if not line.startswith("#")]
    assert len(rows) == len(set(rows))
    assert after.value("connections_closed_total", code="other") == 0


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [({}, 200), ({"X-Forwarded-For": "127.0.0.1"}, 403), ({"Via": "x"}, 403)],
)
async def test_without_a_token_only_this_machine_may_read(
    server: Running, forwarded: dict[str, str], status: int
) -> None:
    response = await get(server.url, **forwarded)
    assert response.status_code == status
    if status == 403:
        assert "VICTORYVAULT_METRICS_TOKEN" in response.text


async def test_a_trusted_proxy_says_who_asks(dsn: str) -> None:
    async with serving(settings_for(dsn, trusted_proxies=("127.0.0.1",))) as server:
        assert (await get(server.url, **{"X-Forwarded-For": "203.0.113.7"})).status_code == 403
        assert (await get(server.url)).status_code == 200


async def test_with_a_token_whoever_has_it_may_read(dsn: str) -> None:
    async with serving(settings_for(dsn, metrics_token="the token")) as server:
        assert (await get(server.url)).status_code == 401
        assert (await get(server.url, Authorization="Bearer other")).status_code == 401
        assert (await get(server.url, Authorization="Bearer the token")).status_code == 200


async def test_names_and_units_are_as_prometheus_wants_them(server: Running) -> None:
    seen = await scrape(server.url)
    for name, family in seen.families.items():
        assert name.startswith(("victoryvault_", "process_"))
        assert family.documentation.endswith(".")
        assert not name.endswith(("_ms", "_milliseconds", "_kb"))
        assert re.search("seconds|bytes", name) or family.type != "histogram"
        assert (family.type == "counter") == (f"# TYPE {name}_total counter" in seen.text)
    assert {"process_cpu_seconds", "process_resident_memory_bytes"} <= seen.families.keys()
