"""`dev`: a supervisor and a worker process. The worker may end in any way; the server goes on."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.conftest import Databases, free_port
from tests.database.processes import eventually
from tests.process import ServerProcess, process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.client import Client

SCORED = {"profile.score": {"gte": 0}}


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="victoryvault-serving-"))
    folder.chmod(0o755)  # as root PostgreSQL runs as somebody else
    yield folder / "data"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def dev(data: Path) -> AsyncIterator[ServerProcess]:
    async with process(None, "dev", "--data", str(data), "--port", str(free_port())) as server:
        yield server


async def post(server: ServerProcess, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        return await http.post(path, headers=headers)


async def signed_in(server: ServerProcess, client: Client) -> None:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        account = (await http.get("/dev/account")).json()["account"]
    await client.call("session.create", **account)


def worker_of(server: ServerProcess) -> int:
    """The child that is no PostgreSQL's supervisor."""
    parent = server.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    (worker,) = [
        int(child)
        for child in children
        if "supervisor.py" not in Path(f"/proc/{child}/cmdline").read_text()
    ]
    return worker


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_rows_are_changed_by_somebody_else(dev: ServerProcess) -> None:
    async with dev.connect() as client:
        await signed_in(dev, client)
        begun = await client.call("user.subscribe", where=SCORED)
        assert len(begun["users"]) == 100
        assert (await post(dev, "/dev/scores")).json() == {"changed": 100}
        told = await client.notification("user.changed")
        assert [change["op"] for change in told["changes"]] == ["change"] * 100
        before = {user["id"]: user["profile"]["score"] for user in begun["users"]}
        after = {change["id"]: change["set"]["profile"]["score"] for change in told["changes"]}
        assert all(before[player] != score for player, score in after.items())


async def test_a_restart_is_another_process_and_rows_change_while_there_is_none(
    dev: ServerProcess,
) -> None:
    async with dev.connect() as client:
        await signed_in(dev, client)
        begun = await client.call("user.subscribe", where=SCORED)
        worker = (await post(dev, "/dev/restart")).json()["worker"]
        assert worker == worker_of(dev)
        await client.notification("server.draining")
        assert (await client.closed())[0] == 1012
    async with dev.connect() as client:
        await signed_in(dev, client)
        assert worker_of(dev) != worker
        assert not is_alive(worker)
        resumed = await client.call("user.subscribe", where=SCORED, after=begun["position"])
        assert not resumed["reset"]
        assert len(resumed["changes"]) == 100
    assert await dev.stop() == 0
    assert dev.log == []


async def test_a_worker_that_is_killed_has_a_successor(dev: ServerProcess) -> None:
    async with dev.connect() as client:
        worker = worker_of(dev)
        os.kill(worker, signal.SIGKILL)
        await client.closed()
    async with dev.connect() as client:
        assert await client.call("rpc.ping")
        assert worker_of(dev) != worker


async def test_a_worker_does_not_outlive_its_supervisor(dev: ServerProcess) -> None:
    async with dev.connect() as client:
        assert await client.call("rpc.ping")
        worker = worker_of(dev)
        dev.kill()
        await client.closed()
    assert await dev.ended() == -signal.SIGKILL
    eventually(lambda: not is_alive(worker))


async def test_ctrl_c_at_a_terminal_which_reaches_both_ends_both(dev: ServerProcess) -> None:
    async with dev.connect() as client:
        for pid in (worker_of(dev), dev.process.pid):
            os.kill(pid, signal.SIGINT)
        await client.notification("server.draining")
        assert (await client.closed())[0] == 1012
    assert await dev.ended() == 0
    assert dev.said[-1] == "Stopped.\n"
    assert dev.log == []


@pytest.mark.parametrize("path", ["/dev/scores", "/dev/restart"])
async def test_pages_of_another_origin_may_not_press_the_buttons(
    dev: ServerProcess, path: str
) -> None:
    refused = await post(dev, path, Origin="http://example.org")
    assert refused.status_code == 403
    assert refused.json()["error"]["kind"] == "forbidden"


async def test_on_a_database_of_ones_own_nobody_is_signed_in_and_nothing_is_written(
    databases: Databases,
) -> None:
    dsn = await databases.create()
    async with (
        process(dsn, "dev", "--port", str(free_port())) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        assert (await http.get("/dev/account")).json() == {"account": None}
        assert (await http.post("/dev/scores")).status_code == 404
    await databases.drop(dsn)
