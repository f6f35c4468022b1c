"""A server that is attacked: its memory, its sockets and its log are looked at."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.client import Client
from tests.process import ServerProcess, process
from tests.sockets.raw import (
    TEXT,
    Raw,
    frame,
)
from tests.specification.rules import call, ping

SECONDS = 1
"""Of the handshake's and of sending's timeout."""
MOST = 20
"""Connections of one address."""
MEGABYTE = 2**20
CHUNK = 2**18
REPLY = MEGABYTE
"""Bytes of the largest reply."""
IN_FLIGHT = 32
CONTROL_FRAMES = 10
ALIVE = frame(TEXT, ping().encode())
LARGE_CALL = frame(TEXT, call("rpc.discover", "[]").encode())
TIMEOUT = str(SECONDS)
LISTENS = "0A"


class Attacked:
    """A server whose memory and log are looked at."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.port = int(server.url.rpartition(":")[2])
        self.files = Path(f"/proc/{server.process.pid}")

    def status(self, name: str) -> int:
        """Bytes."""
        for line in (self.files / "status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
        raise KeyError(name)

    @property
    def sockets(self) -> int:
        """Connections of clients that it has not let go."""
        lines = [line.split() for line in (self.files / "net/tcp").read_text().splitlines()[1:]]
        return sum(
            int(local.rpartition(":")[2], 16) == self.port and state != LISTENS and inode != "0"
            for _, local, _, state, _, _, _, _, _, inode, *_ in lines
        )

    def forget_peak(self) -> int:
        (self.files / "clear_refs").write_text("5")
        return self.status("VmRSS")

    @property
    def faults(self) -> list[str]:
        """What the log has of things that went wrong here, and not at the client's."""
        return [line for line in self.server.log if "exception" in line or "Traceback" in line]


@asynccontextmanager
async def attacked(dsn: str, **environment: str) -> AsyncIterator[Attacked]:
    async with process(dsn, **environment) as server:
        found = Attacked(server)
        async with server.connect() as client:
            for method in ("rpc.ping", "rpc.discover", "system.info"):
                await client.call(method)
        yield found
    assert found.faults == []


@asynccontextmanager
async def growing_by_at_most(server: Attacked, size: int) -> AsyncIterator[None]:
    """At its peak, not only at the end."""
    before = server.forget_peak()
    yield
    grown = server.status("VmHWM") - before
    print(f"RSS grew by {grown / MEGABYTE:.2f} MB")  # noqa: T201 - shown with -s and when it fails
    assert grown <= size


async def pour(raw: Raw, data: bytes, total: int) -> int:
    """Sends it again and again, until so many bytes were taken or the server has had enough."""
    sent = 0
    with suppress(OSError, TimeoutError):
        while sent < total:
            await raw.send(data)
            sent += len(data)
    return sent


async def is_well(server: Attacked) -> None:
    async with server.server.connect() as client:
        assert await client.call("rpc.ping")
    assert server.faults == []


async def waits_of(client: Client, is_over: Callable[[], bool], least: int = 200) -> list[float]:
    waits: list[float] = []
    while not is_over() or len(waits) < least:
        began = time.perf_counter()
        await client.call("rpc.ping")
        waits.append(time.perf_counter() - began)
    return waits


def percentile(values: list[float], percent: int) -> float:
    return sorted(values)[len(values) * percent // 100]
