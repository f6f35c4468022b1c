"""The Makefile where it cannot go on: one sentence with the way out."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

NOBODY = 65534
ELDER = """#!/bin/sh
exec python3 -c 'import sys; sys.version_info = (3, 10); exec(sys.argv[1])' "$2"
"""


@pytest.fixture
def checkout() -> Iterator[Path]:
    """What `make` looks at before it installs, in a folder that everybody may enter."""
    folder = Path(tempfile.mkdtemp(prefix="victoryvault-make-"))
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("requirements.lock", "requirements-dev.lock", "pyproject.toml"):
        (folder / name).touch()
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def make(folder: Path, *arguments: str, user: int | None = None) -> str:
    outside = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    done = subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env=outside,  # not that of the make which runs the tests
        user=user,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    return done.stdout


def test_a_folder_that_one_may_not_write_in_is_said(checkout: Path) -> None:
    said = make(checkout, "dev", user=None if os.geteuid() else NOBODY)
    assert said == f"You may not write in {checkout}; work in a copy of your own\n"


@pytest.mark.parametrize("target", [".venv/ready", ".venv/ready-dev"])
def test_an_environment_of_an_older_python_is_said(checkout: Path, target: str) -> None:
    checkout.chmod(0o755)
    python = checkout / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(ELDER)
    python.chmod(0o755)
    said = make(checkout, target)
    assert said == (
        "The Python of .venv is older than 3.11; delete that folder, and run make again\n"
    )


def test_an_older_python_is_said(checkout: Path) -> None:
    checkout.chmod(0o755)
    elder = checkout / "python"
    elder.write_text(ELDER)
    elder.chmod(0o755)
    assert "name one: make PYTHON=" in make(checkout, "dev", f"PYTHON={elder}")
