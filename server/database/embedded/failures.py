"""What can go wrong with the embedded PostgreSQL: always one sentence with the way out."""

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path


class EmbeddedError(Exception):
    """str(error) is one sentence with the way out, shown to the user as it is."""


@contextlib.contextmanager
def one_sentence(data: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise failure(data, f"{error.filename or 'PostgreSQL'}: {error.strerror}") from error
    except (subprocess.SubprocessError, RuntimeError) as error:  # RuntimeError: a loop of links
        raise failure(data, str(error)) from error


def failure(data: Path, why: str, see: str = "") -> EmbeddedError:
    if os.strerror(errno.ENOSPC) in why:
        return EmbeddedError(
            f"The disk that holds {data} is full: free some space, or start with another --data."
        )
    return EmbeddedError(
        f"PostgreSQL cannot use {data} ({why.rstrip('.')}): put that right{see}, or start with "
        "another --data."
    )
