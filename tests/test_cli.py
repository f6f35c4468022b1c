"""The commands, as a user types them: what goes well, and one sentence where it does not."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from importlib.metadata import version
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from server.accounts import DEMO
from tests.client import ReplyError, connected
from tests.conftest import ROOT, Databases, free_port, listen, named, sign_up
from tests.lacking import lacks
from tests.process import ServerProcess, command, process

NOWHERE = "postgresql://nobody:hidden-password@127.0.0.1:9/nothing"


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A folder for an embedded PostgreSQL that its user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="victoryvault-tests-"))
    folder.chmod(0o755)
    yield folder / "data"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
async def dev(data: Path) -> AsyncIterator[ServerProcess]:
    async with process(None, "dev", "--data", str(data), "--port", str(free_port())) as server:
        yield server


async def test_dev_sets_everything_up_and_the_demo_sign_in_works(dev: ServerProcess) -> None:
    said = "".join(dev.said)
    assert DEMO.email in said
    assert DEMO.password in said
    async with dev.connect() as client:
        signed_in = await client.call("session.create", **DEMO._asdict())
        assert signed_in["user"]["role"] == "admin"
        assert len((await client.call("user.list"))["users"]) > 3


async def test_a_second_start_on_the_same_data_is_refused(dev: ServerProcess, data: Path) -> None:
    code, said = await command(None, "dev", "--data", str(data), "--port", str(free_port()))
    assert code == 1
    assert is_one_sentence(said)
    assert str(data) in said


async def test_commands_work_beside_a_running_server(dev: ServerProcess, data: Path) -> None:
    async with dev.connect() as client:
        someone = await sign_up(client)
        code, said = await command(None, "promote", someone.email, "--data", str(data))
        assert code == 0
        assert said.splitlines() == [
            f"No database is named, so the embedded one is used, in {data}.",
            f"{someone.email} is an admin.",
        ]
        await client.call("session.list", user=someone.id)
        own = await client.call("user.get", id=someone.id)
        assert own["user"]["role"] == "admin"
    code, said = await command(None, "migrate", "status", "--data", str(data))
    assert code == 0
    assert "pending" not in said
    code, said = await command(None, "doctor", "--data", str(data))
    assert code == 0, said
    assert "All migrations are applied." in said
    assert f"It answers at {data}.socket, database victoryvault: PostgreSQL " in said
    code, said = await command(None, "promote", "nobody@example.org", "--data", str(data))
    assert code == 1
    assert said.splitlines()[-1] == "victoryvault: No user has the email nobody@example.org."


async def test_openrpc_prints_what_the_server_serves(dev: ServerProcess) -> None:
    code, said = await command(NOWHERE, "openrpc")
    assert code == 0
    async with dev.connect() as client, httpx.AsyncClient() as http:
        assert json.loads(said) == await client.call("rpc.discover")
        assert json.loads(said) == (await http.get(f"{dev.url}/openrpc.json")).json()


async def test_data_survives_a_stop_and_a_kill(data: Path) -> None:
    folder = data.parent / "again"
    start = ("dev", "--data", str(folder), "--port", str(free_port()))
    async with process(None, *start) as server, server.connect() as client:
        someone = await sign_up(client)
        assert await server.stop() == 0
        assert server.log == []
    async with process(None, *start) as server:
        async with server.connect(someone.token) as client:
            await client.call("user.update", set={"status": "written"})
        server.kill()
        assert await server.ended() == -signal.SIGKILL
    async with process(None, *start) as server, server.connect(someone.token) as client:
        assert (await client.call("user.get", id=someone.id))["user"]["status"] == "written"


async def test_several_workers_serve_one_port(databases: Databases) -> None:
    dsn = await databases.create()
    start = ("serve", "--port", str(free_port()), "--workers", "2")
    async with process(dsn, *start) as server:
        async with server.connect() as client:
            someone = await sign_up(client)
        async with server.connect(someone.token) as client:
            assert await client.call("rpc.ping")
        assert await server.stop() == 0
    await databases.drop(dsn)


async def test_workers_stop_as_if_told_to_when_who_started_them_is_killed(dsn: str) -> None:
    async with process(dsn, "serve", "--port", str(free_port()), "--workers", "2") as server:
        async with server.connect() as client:
            server.kill()
            await client.notification("server.draining")
            assert await client.call("rpc.ping")
        assert await server.ended() == -signal.SIGKILL, "it ends when nobody can log any more"


def is_one_sentence(said: str) -> bool:
    """For a person: one line, with a way out, no traceback and no password."""
    lines = said.strip().splitlines()
    return (
        len(lines) == 1
        and lines[0].startswith("victoryvault: ")
        and lines[0].endswith(".")
        and "Traceback" not in said
        and "hidden-password" not in said
    )


async def test_a_taken_port_is_said_with_the_way_out(dsn: str) -> None:
    with listen() as taken:
        port = str(taken.getsockname()[1])
        code, said = await command(dsn, "serve", "--port", port)
    assert code == 1
    assert is_one_sentence(said)
    assert port in said
    assert "--port" in said


@pytest.mark.parametrize(
    "action", [("serve",), ("dev",), ("migrate", "forwards"), ("promote", "a@b")]
)
async def test_an_unreachable_database_is_said_with_the_way_out(action: tuple[str, ...]) -> None:
    port = ("--port", str(free_port())) if action[0] in {"serve", "dev"} else ()
    code, said = await command(NOWHERE, *action, *port)
    assert code == 1
    assert is_one_sentence(said)
    assert "127.0.0.1:9" in said
    assert "DATABASE_URL" in said


@pytest.mark.parametrize(
    "action", [("serve",), ("doctor",), ("migrate", "forwards"), ("promote", "a@b")]
)
async def test_a_database_url_that_cannot_be_read_is_said_without_it(
    action: tuple[str, ...],
) -> None:
    code, said = await command("postgresql://vault:hidden-password#x@127.0.0.1:9/x", *action)
    assert code == 1
    assert is_one_sentence(said)
    assert "cannot be read" in said


async def test_a_database_that_is_not_there_is_said_with_the_way_out(postgres: str) -> None:
    code, said = await command(named(postgres, "nothing"), "migrate", "forwards")
    assert code == 1
    assert is_one_sentence(said)
    assert "createdb" in said


async def test_data_of_another_postgresql_is_said_with_the_way_out(data: Path) -> None:
    old = data.parent / "old"
    old.mkdir()
    (old / "PG_VERSION").write_text("9\n")
    code, said = await command(None, "dev", "--data", str(old), "--port", str(free_port()))
    assert code == 1
    assert is_one_sentence(said)
    assert "PostgreSQL 9" in said
    assert "--data" in said


@pytest.mark.parametrize(
    "action", [("promote", "a@b"), ("migrate", "status"), ("migrate", "backwards", "1")]
)
async def test_looking_for_a_database_where_none_is_makes_none_and_says_what_does(
    data: Path, action: tuple[str, ...]
) -> None:
    nowhere = data.parent / "mistyped" / "data"
    code, said = await command(None, *action, "--data", str(nowhere))
    assert code == 1
    assert is_one_sentence(said)
    assert f"There is no database in {nowhere}" in said
    assert "migrate forwards" in said
    assert not nowhere.parent.exists()


async def test_a_setting_that_is_not_valid_is_named(dsn: str) -> None:
    code, said = await command(dsn, "serve", VICTORYVAULT_MAX_BATCH="many")
    assert code == 1
    assert is_one_sentence(said)
    assert "VICTORYVAULT_MAX_BATCH" in said


async def test_serving_warns_of_a_setting_that_is_none_and_serves(dsn: str) -> None:
    start = ("serve", "--port", str(free_port()))
    async with process(dsn, *start, VICTORYVAULT_MAX_BATCHES="3") as server:
        assert await server.stop() == 0
    (line,) = map(json.loads, server.log)
    assert (line["level"], line["event"]) == ("warning", "setting_ignored")
    assert "is VICTORYVAULT_MAX_BATCH meant?" in line["sentence"]


async def test_the_version_is_said() -> None:
    code, said = await command(NOWHERE, "--version")
    assert (code, said) == (0, f"VictoryVault {version('victoryvault')}\n")


@pytest.mark.parametrize(("host", "shown"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]")])  # noqa: S104
async def test_who_listens_on_every_address_is_given_one_that_a_browser_opens(
    dsn: str, host: str, shown: str
) -> None:
    port = str(free_port())
    async with process(dsn, "serve", "--host", host, "--port", port) as server:
        assert server.url == f"http://{shown}:{port}"


async def test_doctor_says_what_is_wrong_and_exits_with_1() -> None:
    code, said = await command(NOWHERE, "doctor")
    assert code == 1
    assert "FAIL" in said
    assert "hidden-password" not in said


async def test_the_names_of_the_first_backend_still_name_the_database(dsn: str) -> None:
    parts = urlsplit(dsn)
    elder = {
        "DB_USER": parts.username or "",
        "DB_HOST": parse_qs(parts.query)["host"][0],
        "DB_PORT": "5432",
        "DB_NAME": parts.path.strip("/"),
    }
    code, said = await command(None, "migrate", "status", **elder)
    assert code == 0, said
    assert "applied" in said


async def test_the_lines_with_curl_in_readme_answer(dev: ServerProcess) -> None:
    if not shutil.which("curl"):
        lacks("README's lines with curl need it: apt install curl")
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    answers = []
    for block in [block for block in blocks if "curl" in block]:
        lines = block.replace("http://127.0.0.1:8080", dev.url)
        shell = await asyncio.create_subprocess_exec(
            "sh", "-c", lines, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        said, _ = await shell.communicate()
        answers.append(json.loads(said)["result"])
    assert "limits" in answers[0]
    assert len(answers[1]["users"]) == 3


async def test_a_wrong_call_of_a_signed_in_demo_user_is_explained(dev: ServerProcess) -> None:
    async with dev.connect() as client:
        await client.call("session.create", **DEMO._asdict())
        with pytest.raises(ReplyError) as refused:
            await client.call("user.get", id="7")
    assert refused.value.message == "id is a UUID."


@pytest.mark.parametrize("path", ["/dev/account", "/rpc"])
async def test_dev_answers_nobody_who_came_by_a_name_that_is_not_ours(
    dev: ServerProcess, path: str
) -> None:
    """A page elsewhere can point its own name at this machine: DNS rebinding."""
    host = urlsplit(dev.url).netloc
    async with httpx.AsyncClient(base_url=dev.url, trust_env=False) as page:
        for name in ("evil.example", "evil.localhost.example", "127.0.0.1.evil.example"):
            there = name + host[host.index(":") :]
            response = await page.get(path, headers={"Host": there, "Origin": f"http://{there}"})
            assert response.status_code == 403
            assert "VICTORYVAULT_ALLOWED_ORIGINS" in response.text
        for ours in (host, "localhost", "[::1]:8080", "192.168.0.7", "game.local"):
            response = await page.get(path, headers={"Host": ours})
            assert response.status_code in {200, 426}


async def test_dev_opens_no_socket_to_a_name_that_is_not_ours(dev: ServerProcess) -> None:
    port = urlsplit(dev.url).port
    with pytest.raises(InvalidStatus, match="403"):
        async with connected(
            f"ws://evil.example:{port}/rpc",
            host="127.0.0.1",
            port=port,
            additional_headers={"Origin": f"http://evil.example:{port}"},
        ):
            pass
