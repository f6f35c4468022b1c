# ruff: noqa: S311 - chance that can be repeated
"""The oracle: hot rows, hostile subscribers, two workers; every copy must equal a fresh list.

    python -m tests.changes.oracle --seconds 300 --seed 7 [--subscribers 12] [--read HOW] [--kill]

starts a PostgreSQL and two workers of its own, and says how many changes were delivered. Every
third subscriber is the fickle one, whose role changes and whose sessions end. `--read` has the
workers read the log wrongly (serial, xmin, order) or miss that roles change (rights), and then it
must fail; or with a small ring and small replies (small), and then it must not. With `--kill` one
worker after the other is killed and started anew. On failure the seed is said; what the scheduler
did meanwhile is not in it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shutil
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed

from server.database import embedded
from tests.changes.oracle_copy import WrongError
from tests.changes.oracle_fickle import Fickle
from tests.changes.oracle_subscriber import PATIENCE, Subscriber
from tests.changes.oracle_writers import ApiWriter, RightsWriter, SqlWriter, World
from tests.conftest import Someone, database, sign_up
from tests.process import ServerProcess, command, process

if TYPE_CHECKING:
    pass

LONGEST_SECONDS = 20.0
"""Beyond its time, until enough was delivered on a machine that is busy."""
BEFORE_THE_FIRST_KILL = 50
"""Commits."""
BETWEEN_KILLS = (200, 1500)


class Outcome(NamedTuple):
    delivered: int
    commits: int
    resumed: int
    parts: int
    reset: int
    """Of those that asked to resume."""
    rights: int
    """Subscriptions that were closed because the role had changed."""
    ended: int
    """Sockets that were closed or refused because their session had ended."""
    kills: int


class Workers:
    """Two of them. One may be killed, and another takes its place."""

    def __init__(self, stack: AsyncExitStack, dsn: str, options: dict[str, str]) -> None:
        self.stack, self.dsn, self.options = stack, dsn, options
        self.live: list[ServerProcess] = []
        self.all: list[ServerProcess] = []

    async def start(self, *arguments: str) -> None:
        started = process(self.dsn, *arguments, **self.options)
        self.all.append(await self.stack.enter_async_context(started))
        self.live.append(self.all[-1])

    async def kill(self, world: World, random: Random) -> None:
        await world.until(BEFORE_THE_FIRST_KILL, PATIENCE)
        while not world.is_over:
            gone = self.live.pop(random.randrange(len(self.live)))
            gone.kill()
            await gone.ended()
            same = ("serve", "--port", str(urlsplit(gone.url).port))
            await self.start(*random.choice(((), same)))
            await world.until(random.randint(*BETWEEN_KILLS), PATIENCE)

    def said(self) -> list[str]:
        return [line for worker in self.all for line in worker.log]


async def run(
    dsn: str, seed: int, *, seconds: float, subscribers: int = 10, writers: int = 5,
    how: str | None = None, kills: bool = False, least: int = 0,
) -> Outcome:  # fmt: skip
    """For so long, and on until `least` changes were delivered. Raises WrongError at the first
    broken promise."""
    random = Random(seed)
    world = World(random)
    options = {"VICTORYVAULT_SIGN_IN_ATTEMPTS_PER_MINUTE": "0"}
    if how is not None:
        options |= {"module": "tests.changes.oracle_worker", "ORACLE_READ": how}
    if how == "small":
        options["VICTORYVAULT_MAX_REPLY_BYTES"] = "20000"
    async with AsyncExitStack() as stack:
        workers = Workers(stack, dsn, options)
        for _ in range(2):
            await workers.start()
        psqls = [await stack.enter_async_context(database(dsn)) for _ in range(writers + 1)]
        await world.fill(psqls[0], random)
        boss, reader, fickle = [await someone(world, workers.live[0]) for _ in range(3)]
        await psqls[0].execute("UPDATE users SET role = 'admin' WHERE id = $1", boss.id)
        await psqls[0].execute('DELETE FROM sessions WHERE "user" = $1', fickle.id)
        world.player_since = world.emails
        clients = [
            Fickle(world, workers.live, fickle, Random(random.random()))
            if index % 3 == 0
            else Subscriber(world, workers.live, reader.token, Random(random.random()))
            for index in range(subscribers)
        ]
        rights = RightsWriter(world, psqls[0], Random(random.random()), fickle.id)
        works: list[SqlWriter | ApiWriter] = [
            rights,
            *[SqlWriter(world, psql, Random(random.random())) for psql in psqls[1:]],
        ]
        works.append(ApiWriter(world, workers.live, boss.token, Random(random.random())))
        try:
            async with asyncio.TaskGroup() as group:
                for each in (*works, *clients):
                    group.create_task(each.run())
                if kills:
                    group.create_task(workers.kill(world, random))
                group.create_task(end(world, seconds, clients, least))
            await rights.settle()
            async with asyncio.TaskGroup() as group:
                for client in clients:
                    group.create_task(client.finish())
        except* (WrongError, ConnectionClosed, TimeoutError) as wrong:
            first = wrong.exceptions[0]
            said = workers.said()[-3:]
            raise WrongError(f"seed {seed}: {type(first).__name__} {first} {said}") from first
        finally:
            world.is_over = True
            for client in clients:
                await client.cut()
        failed = [line for line in workers.said() if "failed" in line]
        if failed:
            raise WrongError(f"seed {seed}: the workers said {failed}")
    return Outcome(
        delivered=sum(copy.delivered for client in clients for copy in client.copies),
        commits=world.commits,
        resumed=sum(client.resumed for client in clients),
        parts=sum(client.parts for client in clients),
        reset=sum(client.reset for client in clients),
        rights=sum(client.rights for client in clients),
        ended=sum(client.ended for client in clients),
        kills=len(workers.all) - len(workers.live),
    )


async def someone(world: World, worker: ServerProcess) -> Someone:
    async with worker.connect() as client:
        return await sign_up(client, email=world.email())


async def end(world: World, seconds: float, clients: list[Subscriber], least: int) -> None:
    await asyncio.sleep(seconds)
    with contextlib.suppress(TimeoutError):  # what was delivered is told, and asserted, then
        async with asyncio.timeout(LONGEST_SECONDS):
            while sum(copy.delivered for client in clients for copy in client.copies) < least:
                await world.until(1, LONGEST_SECONDS)
    world.is_over = True
    await world.committed()


async def migrated(dsn: str, seed: int, **given: Any) -> Outcome:
    await command(dsn, "migrate", "forwards")
    return await run(dsn, seed, **given)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--subscribers", type=int, default=10)
    parser.add_argument("--read", choices=("serial", "xmin", "order", "rights", "small"))
    parser.add_argument("--kill", action="store_true")
    given = parser.parse_args()
    seed = Random().getrandbits(32) if given.seed is None else given.seed
    options = {
        "seconds": given.seconds,
        "subscribers": given.subscribers,
        "how": given.read,
        "kills": given.kill,
    }
    folder = Path(tempfile.mkdtemp(prefix="victoryvault-oracle-"))
    folder.chmod(0o755)
    try:
        with embedded.start(folder / "data") as running:
            outcome = asyncio.run(migrated(running.dsn, seed, **options))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(f"seed {seed}: {outcome}\n")


if __name__ == "__main__":
    main()
