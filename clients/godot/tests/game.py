"""A game that does what a test says: Godot with the actor of the transcripts, on a real server."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.client import PATIENCE, ReplyError
from tests.lacking import lacks
from tests.transcripts.runner import staged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.transcripts.actors import Actor

FOLDER = Path(__file__).parent.parent
BROWSER = FOLDER / "tests" / "browser"
START_SECONDS = 60
LONG = 60.0
"""Seconds for what takes many messages."""


class Ended(NamedTuple):
    code: int
    said: str


def godot3(folder: Path, *arguments: str) -> list[str]:
    if shutil.which("godot3-server") is None:
        lacks("godot3-server is not here; on Debian: apt install godot3-server.")
    return ["godot3-server", "--path", str(folder), *arguments]


def godot4(folder: Path, *arguments: str) -> list[str]:
    if not (BROWSER / "node_modules").exists():
        lacks("Godot 4 is not here: npm ci --prefix clients/godot/tests/browser.")
    if shutil.which("chromium") is None:
        lacks("chromium, in which Godot 4 runs, is not here; on Debian: apt install chromium.")
    return [sys.executable, str(BROWSER / "godot4.py"), str(folder), *arguments]


ENGINES = {"godot3": godot3, "godot3-web": godot3, "godot4": godot4}
"""The second is 3 with the socket that games in a browser have."""


def acting(engine: str, control: str) -> list[str]:
    if engine == "godot4":
        return godot4(FOLDER, "res://tests/actor4.gd", control)
    sockets = ["web"] if engine == "godot3-web" else []
    return godot3(FOLDER, "--script", "res://tests/actor.gd", *sockets, control)


async def begun(command: list[str], **options: Any) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        **options,
    )


async def run(command: list[str]) -> Ended:
    """One that ends by itself."""
    process = await begun(command)
    try:
        async with asyncio.timeout(START_SECONDS):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    return Ended(process.returncode or 0, said.decode())


class Game:
    """What its player does, and sees."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.names = (f"n{number}" for number in itertools.count())

    async def do(self, command: str, **members: Any) -> None:
        await self.actor.do({"do": command, **members})

    async def connect(self, url: str, **options: Any) -> None:
        """A connection of its own, in place of the one before."""
        await self.do("new", url=url, **options)

    async def begin(self, method: str, /, **params: Any) -> str:
        """The name of a call."""
        name = next(self.names)
        await self.do("call", method=method, params=params, **{"as": name})
        return name

    async def reply(self, name: str) -> Any:
        """The result of the call. Raises ReplyError."""
        events = self.actor.events
        async with asyncio.timeout(LONG):
            while not events["result", name] and not events["error", name]:
                self.actor.check()
                self.actor.told.clear()
                await self.actor.told.wait()
        if events["error", name]:
            raise ReplyError({"message": "", **events["error", name].popleft()})
        return events["result", name].popleft()["result"]

    async def call(self, method: str, /, **params: Any) -> Any:
        return await self.reply(await self.begin(method, **params))

    async def subscribe(self, stored: Any = None, **query: Any) -> str:
        """The name of a subscription to users."""
        name = next(self.names)
        given = {"stored": stored} if stored else {}
        await self.do("subscribe", resource="user", query=query, **given, **{"as": name})
        return name

    async def ready(self, name: str) -> str:
        async with asyncio.timeout(LONG):
            await self.actor.see("ready", name)
        return name

    async def unsubscribe(self, name: str) -> None:
        await self.do("unsubscribe", **{"as": name})

    async def look(self, name: str) -> Any:
        """Rows, position, is_live, error."""
        await self.do("look", **{"as": name})
        return await self.actor.see("rows", name)

    async def reaches(self, state: str) -> None:
        while (await self.actor.see("state", None))["state"] != state:
            pass

    async def reason(self) -> tuple[int, str]:
        await self.do("look")
        seen = await self.actor.see("connection", None)
        return seen["code"], seen["kind"]

    async def sees(self, name: str, holds: Callable[[Any], bool]) -> Any:
        """The subscription, once it holds; asks the game again until it does."""
        async with asyncio.timeout(LONG):
            while not holds(seen := await self.look(name)):
                pass
        return seen

    def changes(self, name: str) -> list[Any]:
        """All that were told since the last time."""
        told = self.actor.events["changes", name]
        return [change for _ in range(len(told)) for change in told.popleft()["changes"]]


@asynccontextmanager
async def playing(engine: str) -> AsyncIterator[Game]:
    async with staged() as stage:
        command = acting(engine, f"ws://127.0.0.1:{stage.port}/control")
        process = await begun(command, cwd=FOLDER)
        said = asyncio.create_task(process.stdout.read())  # type: ignore[union-attr]
        coming = asyncio.create_task(stage.actors.get())
        try:
            async with asyncio.timeout(START_SECONDS):
                await asyncio.wait({said, coming}, return_when=asyncio.FIRST_COMPLETED)
            assert coming.done(), (await said).decode()
            game = Game(coming.result())
            yield game
            await game.actor.control.close()
            async with asyncio.timeout(PATIENCE):
                await process.wait()
        finally:
            coming.cancel()
            if process.returncode is None:
                process.terminate()
                await process.wait()
            words = (await said).decode()
        assert "SCRIPT ERROR" not in words, words


def by_id(rows: Any) -> dict[str, Any]:
    return {row["id"]: row for row in rows}
