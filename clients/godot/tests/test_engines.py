"""README, the example, and what needs no server, on real Godots."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import shutil
import sys
import urllib.request
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import methods
from game import ENGINES, FOLDER, START_SECONDS, begun, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.client import Client
    from tests.process import ServerProcess

BLOCK = re.compile(r"```gdscript\n(extends.*?)```", re.DOTALL)
SCENE = """[gd_scene load_steps=2 format=2]
[ext_resource path="res://main.gd" type="Script" id=1]
[node name="Main" type="Node"]
script = ExtResource( 1 )
"""
URL = "ws://127.0.0.1:8080/rpc"


@pytest.fixture(params=["3", "4"])
def version(request: pytest.FixtureRequest) -> str:
    number: str = request.param
    ENGINES[f"godot{number}"](FOLDER)  # skips, when it is not here
    return number


async def installed(folder: Path, version: str, main: str = "") -> list[str]:
    """The command for a project into which the addon was copied, once its editor has seen it."""
    shutil.copytree(FOLDER / "addons", folder / "addons")
    if main:
        (folder / "main.gd").write_text(main)
        (folder / "main.tscn").write_text(SCENE)
    engine = ENGINES[f"godot{version}"]
    if version == "4":
        return engine(folder, "res://main.tscn")
    config = 'config_version=4\n[application]\nrun/main_scene="res://main.tscn"\n'
    (folder / "project.godot").write_text(config)
    async with running(engine(folder, "--editor")) as editor:
        await registers(folder / "project.godot")
    assert "res://addons" not in editor.said, editor.said
    return engine(folder)


async def registers(config: Path) -> None:
    """The editor has found the class: it says so in this file, and nowhere else."""
    async with asyncio.timeout(START_SECONDS):
        while "VictoryVaultConnection" not in config.read_text():  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.05)


class Words:
    """What a game prints."""

    def __init__(self, stream: asyncio.StreamReader) -> None:
        self.stream = stream
        self.said = ""

    async def has(self, word: str) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                while word not in self.said and (line := await self.stream.readline()):
                    self.said += line.decode()
        except TimeoutError:
            pass
        assert word in self.said, self.said


@asynccontextmanager
async def running(command: list[str]) -> AsyncIterator[Words]:
    process = await begun(command, limit=2**20)
    assert process.stdout is not None
    words = Words(process.stdout)
    try:
        yield words
    finally:
        process.terminate()
        said, _ = await process.communicate()
        words.said += said.decode()


async def test_the_first_lines_of_the_readme_work(
    version: str, tmp_path: Path, server: ServerProcess, admin: Client
) -> None:
    newest, older = BLOCK.findall((FOLDER / "README.md").read_text())
    lines = (newest if version == "4" else older).replace(URL, server.rpc)
    async with running(await installed(tmp_path, version, lines)) as words:
        await words.has("Ada Lovelace")
        where = {"full_name": {"prefix": "Ada L"}}
        [ada] = (await admin.call("user.list", where=where))["users"]
        status = secrets.token_hex(8)
        await admin.call("user.update", id=ada["id"], set={"status": status})
        await words.has(status)
    assert "SCRIPT ERROR" not in words.said, words.said


async def test_the_scoreboard_counts(
    version: str, tmp_path: Path, server: ServerProcess, admin: Client
) -> None:
    script = (FOLDER / "examples" / "scoreboard.gd").read_text()
    assert len(script.splitlines()) < 60
    shutil.copytree(FOLDER / "examples", tmp_path / "examples")
    scene = tmp_path / "examples" / "scoreboard.tscn"
    scene.write_text(scene.read_text().replace(URL, server.rpc))
    player = (FOLDER / "tests" / "player.gd").read_text()
    await admin.call("user.update", set={"profile": {"points": 7}})
    async with running(await installed(tmp_path, version, player)) as words:
        await words.has("Demo  8")
        await words.has("Demo  9")
    assert "SCRIPT ERROR" not in words.said, words.said


async def test_every_script_is_tidy() -> None:
    gdlint = Path(sys.executable).with_name("gdlint")  # of the dev lock
    scripts = [each for each in FOLDER.rglob("*.gd") if "node_modules" not in each.parts]
    ended = await run([str(gdlint), *map(str, scripts)])
    assert ended.code == 0, ended.said


async def test_what_needs_no_server(version: str) -> None:
    engine = ENGINES[f"godot{version}"]
    arguments = ("tests/both.tscn",) if version == "3" else ("res://tests/both.gd",)
    ended = await run(engine(FOLDER, *arguments))
    assert ended.code == 0, ended.said
    assert "0 wrong" in ended.said
    assert "SCRIPT ERROR" not in ended.said, ended.said


async def test_the_table_of_methods_is_the_servers(server: ServerProcess) -> None:
    url = f"{server.url}/openrpc.json"
    document = await asyncio.to_thread(lambda: urllib.request.urlopen(url).read())  # noqa: S310
    made = methods.table(json.loads(document))
    # README's last line mends it
    assert made == (FOLDER / "addons" / "victoryvault" / "methods.gd").read_text()
