"""The peers, fetched once into the user's cache: never a dependency of this project."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import msgspec

from bench.processes import StartError

SERVERS = Path(__file__).parent / "servers"
SECONDS = 300
NPM = ("ci", "--ignore-scripts", "--no-fund", "--no-audit", "--loglevel=error", "--fetch-retries=1")
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries=1")
STAMP = "installed"
REQUIREMENTS = "requirements.txt"
LOCK = "package-lock.json"


def cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "victoryvault-bench"


def node(server: str) -> list[str]:
    """The command of a server that Node runs. Raises StartError when it cannot be had."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        raise StartError("there is no Node.js with npm")
    folder = cache() / "node"
    if not is_fresh(folder, LOCK):
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", LOCK, ".npmrc"):
            shutil.copy(SERVERS / name, folder)
        ran("npm", npm, *NPM, cwd=folder)
        stamp(folder, LOCK)
    shutil.copy(SERVERS / server, folder)  # beside node_modules, where Node looks
    return [program, str(folder / server)]


def python(server: str) -> list[str]:
    """The same of one in Python."""
    return [str(programs() / "python"), str(SERVERS / server)]


def programs() -> Path:
    """A folder with what pip has installed there, nats-server too. Raises StartError."""
    folder = cache() / "python{}.{}".format(*sys.version_info)
    if not is_fresh(folder, REQUIREMENTS):
        try:
            venv.create(folder, clear=True, with_pip=True)
        except (OSError, subprocess.SubprocessError) as error:
            raise StartError(f"{sys.executable} cannot make environments: {error}") from None
        ran("pip", str(folder / "bin/python"), *PIP, "-r", str(SERVERS / REQUIREMENTS), cwd=folder)
        stamp(folder, REQUIREMENTS)
    return folder / "bin"


def is_fresh(folder: Path, name: str) -> bool:
    """Whether what `name` lists was installed there."""
    written = folder / STAMP
    return written.exists() and written.read_text() == digest(name)


def stamp(folder: Path, name: str) -> None:
    (folder / STAMP).write_text(digest(name))


def digest(name: str) -> str:
    return hashlib.sha256((SERVERS / name).read_bytes()).hexdigest()


def ran(name: str, *command: str, cwd: Path) -> None:
    """Raises StartError with the last that it said."""
    try:
        done = subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StartError(f"{name} could not install the peers: {error}") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().rpartition("\n")[2]
        raise StartError(f"{name} could not install the peers: {said}")


def version_of(package: str) -> str:
    """As it is written down to be installed."""
    locked = msgspec.json.decode((SERVERS / LOCK).read_bytes())["packages"]
    if found := locked.get(f"node_modules/{package}"):
        return str(found["version"])
    pinned = re.search(rf"^{package}==(\S+)", (SERVERS / REQUIREMENTS).read_text(), re.MULTILINE)
    return pinned[1] if pinned else ""
