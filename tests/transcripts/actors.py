"""How the actor of each client is started, and the talk with it."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections import defaultdict, deque
from contextlib import asynccontextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tests.client import PATIENCE
from tests.conftest import ROOT
from tests.lacking import lacks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection

    from websockets.asyncio.server import ServerConnection

TYPESCRIPT = ROOT / "clients" / "typescript"
GODOT = ROOT / "clients" / "godot"
START_SECONDS = 60
CHROMIUM = (
    *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--disable-quic", "--no-first-run", "--disable-sync", "--disable-component-update"),
    "--disable-background-networking",
)

PACKAGES = {"node": "nodejs npm"}
"""Of Debian, where they are not called as their program is."""
STATES = {
    "idle": {"connecting"},
    "connecting": {"open", "waiting", "closed"},
    "open": {"waiting", "closed"},
    "waiting": {"connecting", "closed"},
    "closed": {"connecting"},
}
"""What may follow what; `new` begins with idle."""


def python(port: int, folder: str) -> list[str]:
    return [sys.executable, "clients/python/tests/actor.py", f"ws://127.0.0.1:{port}/control"]


def node(port: int, folder: str) -> list[str]:
    return ["node", "clients/typescript/tests/actor.mjs", f"ws://127.0.0.1:{port}/control"]


def browser(port: int, folder: str) -> list[str]:
    page = f"http://127.0.0.1:{port}/tests/actor.html?control=ws://127.0.0.1:{port}/control"
    return [*CHROMIUM, f"--user-data-dir={folder}", page]


def godot(port: int, folder: str) -> list[str]:
    script = "res://tests/actor.gd"
    control = f"ws://127.0.0.1:{port}/control"
    return ["godot3-server", "--path", str(GODOT), "--script", script, control]


def godot4(port: int, folder: str) -> list[str]:
    control = f"ws://127.0.0.1:{port}/control"
    run = "clients/godot/tests/browser/godot4.py"
    return [sys.executable, run, "clients/godot", "res://tests/actor4.gd", control]


CLIENTS: dict[str, Callable[[int, str], list[str]]] = {
    "python": python,
    "node": node,
    "browser": browser,
    "godot": godot,
    "godot4": godot4,
}


async def prepared(client: str) -> None:
    """Builds what is to be built. Skips the client whose tools are not here."""
    if client in {"node", "browser"}:
        if not (TYPESCRIPT / "node_modules").exists():
            lacks("`make clients` installs what the TypeScript client is built with.")
        build = await asyncio.create_subprocess_exec("node", "scripts/build.mjs", cwd=TYPESCRIPT)
        assert await build.wait() == 0
    if client == "godot4" and not (GODOT / "tests" / "browser" / "node_modules").exists():
        lacks("`make clients` installs the Godot 4 that runs in a browser.")
    program = CHROMIUM[0] if client == "godot4" else CLIENTS[client](0, "")[0]
    if shutil.which(program) is None:
        lacks(f"{program} is not here; on Debian: apt install {PACKAGES.get(program, program)}.")


class Actor:
    """What the user of one client does, and sees."""

    def __init__(self, control: ServerConnection) -> None:
        self.control = control
        self.did = asyncio.Event()
        self.told = asyncio.Event()
        self.state = "idle"
        self.wrong: str | None = None
        self.is_gone = False
        self.events = defaultdict[tuple[str, str | None], deque[dict[str, Any]]](deque)
        """By what they are and whom they are about, in their order."""

    async def listen(self) -> None:
        """Hears the actor, until it is gone."""
        async for text in self.control:
            event = json.loads(text)
            name = event.pop("event")
            if name == "did":
                self.did.set()
                continue
            if name == "state":
                self.follow(event["state"])
            self.events[name, event.get("as")].append(event)
            self.told.set()
        self.wrong, self.is_gone = "The actor has ended.", True
        self.did.set()
        self.told.set()

    def follow(self, state: str) -> None:
        if state not in STATES[self.state]:
            self.wrong = f"{state} followed {self.state}."
        self.state = state

    def check(self) -> None:
        assert self.wrong is None, self.wrong

    async def do(self, command: dict[str, Any]) -> None:
        """Returns once it is done."""
        self.did.clear()
        await self.control.send(json.dumps(command))
        async with asyncio.timeout(PATIENCE):
            await self.did.wait()
        if command["do"] == "new" and not self.is_gone:  # what came before is of the last one
            self.events.clear()
            self.state, self.wrong = "idle", None
        self.check()

    async def see(self, name: str, about: str | None) -> dict[str, Any]:
        """The next one that it tells."""
        queue = self.events[name, about]
        try:
            async with asyncio.timeout(PATIENCE):
                while not queue:
                    self.check()
                    self.told.clear()
                    await self.told.wait()
        except TimeoutError:
            told = self.unseen()
            raise AssertionError(f"No {name} was told of {about}, but {told}.") from None
        return queue.popleft()

    def unseen(self, besides: Collection[str] = ()) -> list[dict[str, Any]]:
        """What was told and not seen yet, but for events of these names."""
        return [
            {"event": name, **event}
            for (name, _), events in self.events.items()
            if name not in besides
            for event in events
        ]


async def arrived(came: asyncio.Queue[Actor], process: asyncio.subprocess.Process) -> Actor:
    """The actor that this process is, once it has come."""
    coming = asyncio.ensure_future(came.get())
    ending = asyncio.ensure_future(process.wait())
    await asyncio.wait({coming, ending}, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    ending.cancel()
    if coming.done():
        return coming.result()
    coming.cancel()
    raise RuntimeError(f"The actor does not come; its exit code is {process.returncode}.")


@asynccontextmanager
async def acting(client: str, port: int, came: asyncio.Queue[Actor]) -> AsyncIterator[Actor]:
    """The actor of this client, once it is at the control socket of this port."""
    with TemporaryDirectory(prefix="victoryvault-actor-", ignore_cleanup_errors=True) as folder:
        command = CLIENTS[client](port, folder)
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=None if client in {"python", "node"} else asyncio.subprocess.DEVNULL,
        )
        try:
            yield await arrived(came, process)
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
