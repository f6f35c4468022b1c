"""What a connection that does nothing holds of the server's memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from bench.changes.contenders import ours
from bench.changes.crowd import clients, guild_of, in_guild, own, players
from bench.changes.orders import Client
from bench.changes.stage import staged
from bench.ground import Ground
from bench.table import bold, figure, head, row
from bench.usage import resident

FIRST = 50
"""Connections that are there before, so that what all share is too."""
REST = 2.0
READING = f"""\
1 000 sockets, each signed in as another user, with two subscriptions: its own row and its guild of
ten. Resident memory of the server, less what it had with {FIRST} of them."""


def measured(folder: Path, ground: Ground) -> Iterator[str]:
    yield from head("connections", "memory, MiB", "KiB a connection", words=1)
    crowd = clients(ground, lambda player: in_guild(guild_of(player)))
    both = [
        Client(client.token, [own(ground, player), *client.subscriptions])
        for player, client in enumerate(crowd)
    ]
    with ours(folder, ground, players(ground)) as server, staged(folder, server) as stage:
        stage.open(both[:FIRST])
        time.sleep(REST)
        before = resident(server.pid)
        yield row(figure(FIRST), figure(before / 2**20, 1), "")
        stage.open(both[FIRST:])
        time.sleep(REST)
        after = resident(server.pid)
        each = (after - before) / 1024 / (len(both) - FIRST)
        yield row(figure(len(both)), figure(after / 2**20, 1), bold(each, 1))
    yield ""
    yield READING
