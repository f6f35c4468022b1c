"""What these tests need that pip does not bring, and how one gets it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lacking import lacks

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
NODE = HERE / "node"
INSTALL = {
    "node": "Node.js 20 or newer; on Debian 13: apt install nodejs npm",
    "npm": "npm, which comes with Node.js",
    "java": "a JDK, 17 or newer; on Debian: apt install default-jdk-headless",
    "mono": "Mono; on Debian: apt install mono-mcs libmono-system-web-extensions4.0-cil",
    "mcs": "Mono's compiler; on Debian: apt install mono-mcs",
    "nginx": "nginx; on Debian: apt install nginx-light",
    "caddy": "Caddy; on Debian: apt install caddy",
    "curl": "curl; on Debian: apt install curl",
    "openssl": "OpenSSL; on Debian: apt install openssl",
}


def need(*commands: str) -> None:
    for command in commands:
        if find(command) is None:
            lacks(f"{command} is not here: install {INSTALL[command]}.")


def find(command: str) -> str | None:
    """Where it is; Debian has servers where only root looks."""
    return shutil.which(command, path=f"{os.environ['PATH']}:/usr/sbin")


async def run(
    *command: str | Path,
    seconds: float,
    where: Path = HERE,
    environment: Mapping[str, str] | None = None,
) -> tuple[int, str, str]:
    """The exit code of a command that ends by itself, what it said, and what it complained of."""
    started = await asyncio.create_subprocess_exec(
        *command,
        cwd=where,
        env={**os.environ, **(environment or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds):
            said, complaints = await started.communicate()
    except TimeoutError:
        started.kill()
        said, complaints = await started.communicate()
        complaints += f"\n{command[0]} did not end within {seconds} s".encode()
    return started.returncode or 0, said.decode(), complaints.decode()


async def install_packages() -> None:
    """node/node_modules, as package-lock.json has them; of test runs at one time, one installs."""
    need("node", "npm")
    lock, installed = NODE / "package-lock.json", NODE / "node_modules" / "installed"
    with (NODE / "package.json").open() as only_one:
        await asyncio.to_thread(fcntl.flock, only_one, fcntl.LOCK_EX)
        if installed.exists() and installed.read_bytes() == lock.read_bytes():
            return
        code, said, complaints = await run(
            *("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"), seconds=180, where=NODE
        )
        if code:
            lacks(f"npm ci in {NODE} failed:\n{said}{complaints}")
        shutil.copyfile(lock, installed)
