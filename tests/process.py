"""The real command as a process of its own, to be looked at, stopped and killed by its id."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

from tests.client import Client, connected
from tests.conftest import ROOT, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

START_SECONDS = 30
DEFAULTS = {"VICTORYVAULT_MAX_CALLS_PER_SECOND": "0", "VICTORYVAULT_DRAIN_SECONDS": "1"}


class ServerProcess:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.url = ""
        self.said: list[str] = []
        self.log: list[str] = []
        self.readers = [
            asyncio.create_task(self._read(process.stdout, self.said)),
            asyncio.create_task(self._read(process.stderr, self.log)),
        ]
        self.heard = asyncio.Event()

    async def _read(self, stream: asyncio.StreamReader | None, lines: list[str]) -> None:
        while stream is not None and (line := await stream.readline()):
            lines.append(line.decode())
            if found := re.search(r"VictoryVault is at (http://\S+)", lines[-1]):
                self.url = found[1]
            self.heard.set()
        self.heard.set()

    async def listening(self) -> None:
        async with asyncio.timeout(START_SECONDS):
            while not self.url:
                if self.process.returncode is not None:
                    raise RuntimeError("".join(self.said + self.log))
                self.heard.clear()
                await self.heard.wait()

    @property
    def rpc(self) -> str:
        return f"{self.url.replace('http', 'ws', 1)}/rpc"

    def connect(
        self, token: str | None = None, **options: Any
    ) -> AbstractAsyncContextManager[Client]:
        return connected(self.rpc, token, **options)

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)

    async def ended(self) -> int:
        """The exit code, once it has ended and all it said was read."""
        async with asyncio.timeout(START_SECONDS):
            code = await self.process.wait()
            await asyncio.gather(*self.readers)
        return code

    async def stop(self) -> int:
        if self.process.returncode is None:
            self.process.terminate()
        return await self.ended()


async def spawn(
    dsn: str | None, *arguments: str, module: str = "server", **environment: str
) -> asyncio.subprocess.Process:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DB_")}
    environ.pop("DATABASE_URL", None)
    if dsn is not None:
        environ["DATABASE_URL"] = dsn
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        cwd=ROOT,
        env={**environ, **DEFAULTS, **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def command(
    dsn: str | None, *arguments: str, module: str = "server", **environment: str
) -> tuple[int, str]:
    """The exit code of one that ends by itself, and all that it said."""
    started = await spawn(dsn, *arguments, module=module, **environment)
    async with asyncio.timeout(START_SECONDS):
        said, log = await started.communicate()
    return started.returncode or 0, (said + log).decode()


@asynccontextmanager
async def process(
    dsn: str | None, *arguments: str, **environment: str
) -> AsyncIterator[ServerProcess]:
    """`victoryvault serve` (or other arguments) on a free port. Stopped at the end."""
    arguments = arguments or ("serve", "--port", str(free_port()))
    server = ServerProcess(await spawn(dsn, *arguments, **environment))
    try:
        await server.listening()
        yield server
    finally:
        await server.stop()
