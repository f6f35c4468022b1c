"""What is written in C, compiled for the run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from bench.processes import StartError

HERE = Path(__file__).parent
SECONDS = 60


def compiled(source: str, target: Path, *options: str) -> Path:
    """Raises StartError when there is no compiler, or it refuses."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise StartError("there is no C compiler; on Debian: apt install gcc libc6-dev")
    command = [compiler, "-O2", *options, "-o", str(target), str(HERE / source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        raise StartError(f"{source} does not compile: {done.stderr}")
    return target
