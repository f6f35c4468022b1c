"""What is shipped: types that are the server's, README, examples."""

from __future__ import annotations

import asyncio
import importlib
import json
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections import deque
from pathlib import Path
from typing import Any

import pytest
from people import PATIENCE, make_users, sign_up
from server.calls.python import python

from tests.conftest import ROOT, Running, unique_email
from victoryvault_client import Connection
from victoryvault_client.wire import VERSION

FOLDER = ROOT / "clients" / "python"
EXAMPLES = sorted((FOLDER / "examples").glob("*.py"))


def run(*command: str, cwd: Path = FOLDER) -> str:
    done = subprocess.run(
        command, cwd=cwd, text=True, capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


def test_the_types_are_those_of_the_server() -> None:
    made = run(str(Path(sys.executable).with_name("victoryvault")), "client", "python")
    kept = FOLDER / "src" / "victoryvault_client" / "generated.py"
    assert kept.read_text() == made, "Run `make types`."


def test_what_is_wrong_does_not_pass_mypy_and_what_is_right_does() -> None:
    run(sys.executable, "-m", "mypy")
    run(sys.executable, "-m", "mypy", "clients/python/tests", cwd=ROOT)


USE = """
from vault import BlockingConnection, Connection

async def use(connection: Connection, script: BlockingConnection) -> str:
    async with connection.subscribe("trophy", fields=["points"]) as trophies:
        points: int = trophies.rows["x"]["points"]
    said = await connection.call("greeting.say", {"name": "Ada", "class": True})
    script.subscribe("user").rows["x"]["full_name"]
    await connection.call("greeting.say", {"name": 1})  # type: ignore[call-overload]
    return said["text"] + str(points)
"""


def test_a_server_with_methods_of_its_own_gets_types_of_its_own(tmp_path: Path) -> None:
    document = json.loads(run(str(Path(sys.executable).with_name("victoryvault")), "openrpc"))
    text, whole = {"type": "string"}, {"type": "integer"}
    trophy = {"type": "object", "properties": {"id": text, "version": whole, "points": whole}}
    trophy["required"] = ["id", "version", "points"]
    rows = {"type": "array", "items": {"$ref": "#/components/schemas/Trophy"}}
    snapshot = {"type": "object", "properties": {"trophies": rows, "reset": {"const": True}}}
    greeting = {"type": "object", "properties": {"text": text}, "required": ["text"]}
    document["components"]["schemas"] |= {"Trophy": trophy, "Greeting": greeting}
    named = {"name": "name", "required": True, "schema": text}
    odd = {"name": "class", "required": False, "schema": {"type": ["boolean", "null"]}}
    document["methods"] += [
        {
            "name": "greeting.say",
            "params": [named, odd],
            "result": {"name": "said", "schema": {"$ref": "#/components/schemas/Greeting"}},
            "x-writes": True,
        },
        {
            "name": "trophy.subscribe",
            "params": [],
            "result": {"name": "followed", "schema": {"oneOf": [snapshot]}},
            "x-writes": False,
        },
    ]
    (tmp_path / "vault.py").write_text(python(document))
    (tmp_path / "use.py").write_text(USE)
    run(sys.executable, "-m", "mypy", "--strict", "use.py", "vault.py", cwd=tmp_path)
    wrote = run(sys.executable, "-c", "import use, vault; print(vault.WRITES)", cwd=tmp_path)
    assert "'greeting.say': True" in wrote


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 60


def test_it_is_built_and_installed_where_nothing_else_is(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(FOLDER, source, ignore=shutil.ignore_patterns("*.egg-info", "build"))
    pip = ("-m", "pip", "--quiet", "--disable-pip-version-check")
    run(sys.executable, *pip, "wheel", "--no-deps", "-w", str(tmp_path), str(source))
    (wheel,) = tmp_path.glob("*.whl")
    assert VERSION in wheel.name
    assert "victoryvault_client/py.typed" in zipfile.ZipFile(wheel).namelist()
    run(sys.executable, "-m", "venv", str(tmp_path / "fresh"))
    fresh = str(tmp_path / "fresh" / "bin" / "python")
    run(fresh, *pip, "install", str(wheel))
    imported = "import victoryvault_client as here; print(here.__file__, here.Connection)"
    assert str(tmp_path) in run(fresh, "-I", "-W", "error", "-c", imported, cwd=tmp_path)


class Talking:
    """A program, and what it prints."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said = ""

    async def says(self, text: str) -> None:
        assert self.process.stdout is not None
        while text not in self.said:
            chunk = await asyncio.wait_for(self.process.stdout.read(65536), PATIENCE)
            assert chunk, self.said
            self.said += chunk.decode()


async def talking(*command: str) -> Talking:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-u", *command),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        preexec_fn=heed_interrupts,
    )
    return Talking(process)


def heed_interrupts() -> None:
    """A shell's background commands ignore them, and so would their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def test_the_first_lines_of_the_readme_work(server: Running) -> None:
    found = re.search(r"```python\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    assert found is not None
    async with Connection(server.rpc) as connection:
        await connection.call(
            "user.create",
            {
                "email": "demo@example.org",
                "password": "demo-password",
                "full_name": "Ada of the README",
            },
        )
        lines = found[1].replace("ws://127.0.0.1:8080/rpc", server.rpc)
        program = await talking("-c", lines)
        await program.says("Ada of the README")
        await connection.call("user.update", {"set": {"status": "read"}})
        await program.says("'status': 'read'")
        program.process.terminate()
        await program.process.wait()


async def test_the_presence_list_without_arguments_says_how_it_is_used() -> None:
    program = await talking(str(FOLDER / "examples" / "presence.py"))
    await program.says("usage: python presence.py EMAIL PASSWORD ")
    async with asyncio.timeout(PATIENCE):
        assert await program.process.wait() == 1


async def test_the_presence_list_says_who_comes_and_goes(server: Running, tag: str) -> None:
    async with Connection(server.rpc) as connection, Connection(server.rpc) as other:
        email = unique_email()
        await connection.call(
            "user.create", {"email": email, "password": "a long password", "full_name": f"{tag} me"}
        )
        program = await talking(
            str(FOLDER / "examples" / "presence.py"), email, "a long password", server.rpc
        )
        await program.says(f"{tag} me")
        await sign_up(other, f"{tag} you")
        await program.says(f"{tag} you has come")
        await other.close()
        await program.says(f"{tag} you has gone")
        program.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(PATIENCE):
            assert await program.process.wait() == 0


async def test_the_lobby_shows_who_is_there_and_moves_its_player(
    server: Running, admin: Connection, monkeypatch: pytest.MonkeyPatch, tag: str
) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setenv("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    pygame = pytest.importorskip("pygame")
    monkeypatch.syspath_prepend(str(FOLDER / "examples"))
    lobby = importlib.import_module("lobby")
    shown = deque[Any](maxlen=1)
    monkeypatch.setattr(
        pygame.display, "flip", lambda: shown.append(pygame.display.get_surface().copy())
    )

    (other,) = await make_users(admin, f"{tag} other", 1)
    await admin.call(
        "user.update",
        {"id": other, "set": {"profile": {"x": 100, "y": 50}, "status": "lobby"}},
    )
    where = {"full_name": f"{tag} player", "status": "lobby"}
    async with admin.subscribe("user", where=where) as seen:
        playing = asyncio.ensure_future(asyncio.to_thread(lobby.main, f"{tag} player", server.rpc))
        changes = aiter(seen)
        try:
            came = await asyncio.wait_for(anext(changes), PATIENCE)
            assert came["op"] == "enter"
            assert came["set"]["profile"] == {"x": 320, "y": 240}
            pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_RIGHT))
            moved = await asyncio.wait_for(anext(changes), PATIENCE)
            assert moved["op"] == "change"
            assert moved["set"]["profile"] == {"x": 336, "y": 240}
            assert shown[-1].get_at((100, 50)) != pygame.Color("white")
            assert shown[-1].get_at((100, 400)) == pygame.Color("white")
        finally:
            pygame.event.post(pygame.event.Event(pygame.QUIT))
            await playing
        gone = await asyncio.wait_for(anext(changes), PATIENCE)
        assert gone["op"] == "leave"
