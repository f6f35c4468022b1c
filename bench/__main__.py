"""`python -m bench [calls|changes|peers|all]`: prints Markdown tables. Linux only, minutes at most.

`all` are calls and changes: what is ours. `peers` fetches what others wrote.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from bench import machine
from bench.calls import command as calling
from bench.changes import command as changing
from bench.ground import Ground, prepared, scratch
from bench.peers import command as comparing
from bench.processes import StartError


class Part(NamedTuple):
    arguments: Callable[[list[str]], argparse.Namespace]
    run: Callable[[argparse.Namespace, Path, Ground], None]


PARTS = {
    "calls": Part(calling.arguments, calling.run),
    "changes": Part(changing.arguments, changing.run),
    "peers": Part(comparing.arguments, comparing.run),
}
ALL = ("calls", "changes")


def main() -> None:
    wanted = sys.argv[1:]
    kind = wanted.pop(0) if wanted and wanted[0] in {*PARTS, "all"} else "calls"
    parts = [PARTS[name] for name in (ALL if kind == "all" else (kind,))]
    options = [part.arguments(wanted) for part in parts]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is put away
    try:
        with ExitStack() as stack:
            folder = stack.enter_context(scratch())
            ground = stack.enter_context(prepared(folder, options[0].database))
            print(*machine.table(ground.postgres), sep="\n")
            for part, asked in zip(parts, options, strict=True):
                print(flush=True)
                part.run(asked, folder, ground)
    except StartError as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
