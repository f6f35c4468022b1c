"""Programs as the READMEs of their libraries have them. Each signs up, subscribes to itself, is
told of its own update, looks at two errors, ends, and says so in one line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.interoperability.tools import HERE, install_packages, need, run

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE = 30.0
"""Seconds for a program that takes one or two."""


class Program(NamedTuple):
    name: str
    """Of the library, and of the user that it makes."""
    command: tuple[str | Path, ...]
    needs: tuple[str, ...] = ()
    scheme: str = "ws"
    compresses: bool = False
    """Whether it offers permessage-deflate."""

    async def run(self, address: str, environment: Mapping[str, str] | None = None) -> str:
        """What it said; it had nothing to complain of. `address` is ws://… or wss://…"""
        need(*self.needs)
        if "node" in self.needs:
            await install_packages()
        address = address.replace("ws", self.scheme, 1)
        code, said, complaints = await run(
            *self.command, address, seconds=PATIENCE, environment=environment
        )
        assert (code, complaints) == (0, ""), said
        return said


def node(name: str, file: str) -> Program:
    return Program(name, ("node", HERE / "node" / file), ("node", "npm"), compresses=True)


def python(name: str, file: str, *, compresses: bool) -> Program:
    return Program(name, (sys.executable, HERE / "python" / file), compresses=compresses)


COMMON = (
    node("rpc-websockets", "rpc-websockets.mjs"),
    node("json-rpc-2.0", "json-rpc-2.0.mjs"),
    node("jayson", "jayson.mjs"),
    node("@open-rpc/client-js", "open-rpc.mjs"),
    node("vscode-ws-jsonrpc", "vscode-ws-jsonrpc.mjs"),
    python("websockets", "with_websockets.py", compresses=True),
    python("aiohttp", "with_aiohttp.py", compresses=True),
    python("jsonrpc-websocket", "with_jsonrpc_websocket.py", compresses=False),
    Program("curl", ("sh", HERE / "curl" / "program.sh"), ("curl",), scheme="http"),
)
"""These take a certificate of one's own from the environment."""
JAVA = Program("java.net.http", ("java", HERE / "java" / "Program.java"), ("java",))


async def mono(folder: Path) -> Program:
    """Compiled into the folder."""
    need("mono", "mcs")
    made = folder / "Program.exe"
    source = HERE / "mono" / "Program.cs"
    code, said, complaints = await run(
        *("mcs", "-r:System.Web.Extensions", f"-out:{made}", source), seconds=60
    )
    assert code == 0, said + complaints
    return Program("ClientWebSocket", ("mono", made), ("mono",))
