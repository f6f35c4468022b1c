"""All come back at once: after the network was cut, after the server was restarted, or anew."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.changes.contenders import ours
from bench.changes.crowd import GUILD_ROWS, clients, guild_of, in_guild, players
from bench.changes.orders import Client, Opened
from bench.changes.stage import Stage, staged
from bench.ground import GUILDS, Ground
from bench.processes import StartError
from bench.table import bold, figure, head, row

CHANGED = 200
EACH = CHANGED // GUILDS
"""Rows of each guild that were changed."""
RATE = 400
SOON = 0.3
SETTLE = 0.5
READING = f"""\
1 000 sockets that each follow a guild of {GUILD_ROWS} rows, ten a guild, leave; {CHANGED} rows are
written, {EACH} of each guild; then all connect at once, with a token, and subscribe with `after`.
Wall time from then until the last has its reply; CPU {SETTLE:g} s longer, with what comes after a
sign-in. Restarted, the server has nothing of the time before in memory, and reads the log. Anew is
the same crowd without `after`: snapshots."""


class Return(NamedTuple):
    seconds: float
    server: float
    """CPU seconds."""
    postgres: float
    resets: int
    changes: int


def measured(folder: Path, ground: Ground) -> Iterator[str]:
    yield from head(
        "1 000 clients come back",
        "until the last reply, s",
        "server's CPU-ms a client",
        "PostgreSQL's CPU-ms a client",
        "resets",
        "changes received",
    )
    rows, crowd = players(ground), clients(ground, lambda player: in_guild(guild_of(player)))
    with ours(folder, ground, rows) as server, staged(folder, server) as stage:
        stage.open(crowd)
        stage.close()
        opened = stage.open(crowd)
        positions = in_order(opened)
        stage.close()
        stage.write_unread(CHANGED, RATE)
        back = [resuming(client, after) for client, after in zip(crowd, positions, strict=True)]
        yield shown("cut off", came(stage, back), is_resume=True)
        yield shown("anew", came(stage, crowd), is_resume=False)
    with ours(folder, ground, rows) as server, staged(folder, server) as stage:
        yield shown("restarted", came(stage, back), is_resume=True)
    yield ""
    yield READING


def in_order(opened: list[Opened]) -> list[str]:
    """The readers' clients were shared one after the other."""
    return [each for turn in zip(*[one.positions for one in opened], strict=True) for each in turn]


def resuming(client: Client, after: str) -> Client:
    return Client(client.token, [{**each, "after": after} for each in client.subscriptions])


def came(stage: Stage, crowd: list[Client]) -> Return:
    begin = time.monotonic() + SOON
    before = stage.used()
    opened = stage.open(crowd, abreast=len(crowd), begin=begin)
    end = max(each.end for each in opened)
    after = stage.used_at(end + SETTLE)
    stage.close()
    return Return(
        end - begin,
        after.server - before.server,
        after.postgres - before.postgres,
        sum(each.resets for each in opened),
        sum(each.changes for each in opened),
    )


def shown(name: str, back: Return, *, is_resume: bool) -> str:
    number = GUILDS * GUILD_ROWS
    if is_resume and not back.resets and back.changes != EACH * number:
        raise StartError(f"{name}: {back.changes} changes were received, not {EACH * number}")
    return row(
        name,
        bold(back.seconds, 2),
        figure(1000 * back.server / number, 2),
        figure(1000 * back.postgres / number, 2),
        figure(back.resets),
        figure(back.changes),
    )
