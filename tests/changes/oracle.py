# ruff: noqa: S311 - chance that can be repeated
"""The oracle: hot rows, hostile subscribers, two workers; every copy must equal a fresh list.

    python -m tests.changes.oracle --seconds 300 --seed 7 [--subscribers 12] [--read HOW]

starts a PostgreSQL and two workers of its own, and says how many changes were delivered. `--read`
has the workers read the log wrongly (serial, xmin, order), and then it must fail; or with a small
ring and small replies (small), and then it must not. On failure the seed is said; what the
scheduler did meanwhile is not in it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import shutil
import socket as sockets
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from server.database import embedded
from tests.changes.oracle_copy import CANARY, Copy, Spec, WrongError, read
from tests.changes.oracle_writers import ApiWriter, SqlWriter, World
from tests.client import PATIENCE
from tests.conftest import database, sign_up
from tests.process import ServerProcess, command, process

# no two are the same subscription, for one client may have both
SPECS = (
    Spec({}, sees_pairs=True),
    Spec({}, ("status",), sees_pairs=True),
    Spec({"status": {"prefix": "tag"}}, sees_pairs=True),
    Spec({"all": []}, limit=7, sees_pairs=True),
    Spec({}, ("status", "full_name"), interval_ms=150, sees_pairs=True),
    Spec({"status": "lobby"}),
    Spec({"status": {"in": ["lobby", "away"]}}, ("profile", "version"), limit=3),
    Spec({"full_name": {"prefix": "Ad"}}, ("status",)),
    Spec({"profile.x": {"gte": 1}}, ("profile",), interval_ms=70),
    Spec({"profile.x": None}, ("full_name",)),
    Spec({"not": {"profile.x": "x"}}, limit=11, interval_ms=50),
    Spec({"any": [{"status": "playing"}, {"profile.n": {"lt": 3}}]}, ("status",), 100),
)
IDLE_SECONDS = 0.1
FROZEN_SECONDS = 2.0
SETTLE_SECONDS = 8.0


class Outcome(NamedTuple):
    delivered: int
    commits: int
    resumed: int
    parts: int


class Subscriber:
    """One client: some copies, on one socket after the other, on any worker."""

    def __init__(
        self, world: World, workers: list[ServerProcess], token: str, random: Random
    ) -> None:
        self.world, self.workers, self.token, self.random = world, workers, token, random
        self.copies = [
            Copy(spec, world.pairs) for spec in random.sample(SPECS, random.choice((1, 2, 3)))
        ]
        self.calls: dict[int, tuple[str, Copy | None, Any]] = {}
        """What was asked under an id, for which copy, after which position."""
        self.ids = 0
        self.resumed = self.parts = 0
        self.replies: dict[int, Any] = {}
        self.socket: ClientConnection | None = None

    # the wire

    async def open(self) -> None:
        url = self.random.choice(self.workers).rpc
        at = urlsplit(url)
        raw = sockets.socket()
        if self.random.random() < 0.5:
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, (at.hostname, at.port))
        self.socket = await connect(
            url,
            sock=raw,
            compression=None,
            proxy=None,
            max_size=None,
            max_queue=1,
            ping_interval=None,
            additional_headers={"Authorization": f"Bearer {self.token}"},
        )
        for copy in self.copies:
            await self.subscribe(copy)

    async def cut(self) -> None:
        """Without a goodbye."""
        if self.socket is not None:
            self.socket.transport.abort()
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await self.socket.recv()
        self.socket = None
        self.calls.clear()
        for copy in self.copies:
            copy.cut()

    async def ask(self, method: str, copy: Copy | None = None, /, **params: Any) -> int:
        assert self.socket is not None
        self.ids += 1
        self.calls[self.ids] = (method, copy, params.get("after"))
        await self.socket.send(
            json.dumps({"jsonrpc": "2.0", "id": self.ids, "method": method, "params": params})
        )
        return self.ids

    async def subscribe(self, copy: Copy) -> None:
        await self.ask("user.subscribe", copy, **copy.spec.params(copy.position))

    async def take(self) -> None:
        """The next frame."""
        assert self.socket is not None
        text = await self.socket.recv()
        if CANARY in str(text):
            raise WrongError(f"an email is on the wire: {text!r}")
        message = read(text)
        if "method" in message:
            self.notified(message["method"], message["params"])
        elif "error" in message:
            raise WrongError(f"{self.calls.get(message['id'])} was answered {message}")
        else:
            self.replied(message["id"], message["result"])

    def notified(self, method: str, params: dict[str, Any]) -> None:
        name = params.get("subscription")
        found = [copy for copy in self.copies if copy.name == name]
        if not found:
            raise WrongError(f"{method} before its subscription's reply or after its end: {params}")
        if method != "user.changed":
            raise WrongError(f"{method} came unasked: {params}")
        self.parts += bool(params.get("more"))
        found[0].notified(params)

    def replied(self, id_: int, result: Any) -> None:
        method, copy, after = self.calls.pop(id_)
        if method == "user.subscribe" and copy is not None:
            self.resumed += not result["reset"]
            copy.replied(result, after)
        elif method == "subscription.close" and copy is not None:
            copy.cut()
        elif method == "subscription.sync":
            for each in self.copies:
                if each.is_complete and each.name is not None:
                    each.position = result["position"]
        else:
            self.replies[id_] = result

    # what it does

    async def run(self) -> None:
        while not self.world.is_over:
            if self.socket is None:
                await self.open()
            await self.listen(self.random.randint(1, 40))
            await self.random.choice(
                (self.drop, self.close_one, self.freeze, self.sync, self.sync)
            )()

    async def listen(self, frames: int) -> None:
        with contextlib.suppress(TimeoutError):
            for _ in range(frames):
                async with asyncio.timeout(IDLE_SECONDS):
                    await self.take()

    async def until(self, condition: Any, seconds: float = PATIENCE) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                await self.take()

    async def drop(self) -> None:
        await self.cut()
        if self.random.random() < 0.5:
            await self.world.until(self.random.randint(1, 60), FROZEN_SECONDS)

    async def freeze(self) -> None:
        await self.world.until(self.random.randint(20, 300), FROZEN_SECONDS)

    async def sync(self) -> None:
        await self.ask("subscription.sync")

    async def close_one(self) -> None:
        copy = self.random.choice(self.copies)
        if copy.name is None or self.calls:
            return
        await self.ask("subscription.close", copy, subscription=copy.name)
        await self.until(lambda: copy.name is None)
        await self.listen(self.random.randint(0, 5))
        await self.subscribe(copy)

    # the end

    async def finish(self) -> None:
        """To the state of now: told by itself, by a sync, or by a resume."""
        how = self.random.choice(("wait", "sync", "resume"))
        if how == "resume":
            await self.cut()
        if self.socket is None:
            await self.open()
        await self.until(lambda: not self.calls and all(copy.is_complete for copy in self.copies))
        if how == "sync":
            await self.sync()
            await self.until(lambda: not self.calls)
        for copy in self.copies:
            found = await self.compare(copy)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_SECONDS if how == "wait" else 0.001):
                    while found:
                        await self.take()
                        found = await self.compare(copy)
            if found:
                raise WrongError(f"stale at the end ({how}), {copy.spec}: " + "; ".join(found))

    async def compare(self, copy: Copy) -> list[str]:
        rows: list[dict[str, Any]] = []
        params: dict[str, Any] = {"where": copy.spec.where, "order_by": ["id"], "limit": 40}
        while True:
            id_ = await self.ask("user.list", **params)
            await self.until(lambda asked=id_: asked in self.replies)
            page = self.replies.pop(id_)
            rows += page["users"]
            if page["next"] is None:
                return copy.differences(rows)
            params["after"] = page["next"]


async def run(
    dsn: str, seed: int, *, seconds: float, subscribers: int = 10, writers: int = 5,
    how: str | None = None,
) -> Outcome:  # fmt: skip
    """Raises WrongError at the first broken promise."""
    random = Random(seed)
    world = World(random)
    broken = {} if how is None else {"module": "tests.changes.oracle_worker", "ORACLE_READ": how}
    if how == "small":
        broken["VICTORYVAULT_MAX_REPLY_BYTES"] = "20000"
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(process(dsn, **broken)) for _ in range(2)]
        psqls = [await stack.enter_async_context(database(dsn)) for _ in range(writers)]
        await world.fill(psqls[0], random)
        boss, reader = [
            await sign_up(
                await stack.enter_async_context(workers[0].connect()), email=f"{CANARY}-{who}@x.org"
            )
            for who in ("boss", "reader")
        ]
        await psqls[0].execute("UPDATE users SET role = 'admin' WHERE id = $1", boss.id)
        await boss.client.call("session.resume", token=boss.token)
        clients = [
            Subscriber(world, workers, reader.token, Random(random.random()))
            for _ in range(subscribers)
        ]
        works: list[SqlWriter | ApiWriter] = [
            SqlWriter(world, psql, Random(random.random())) for psql in psqls
        ]
        works.append(ApiWriter(world, boss.client, Random(random.random())))
        try:
            async with asyncio.TaskGroup() as group:
                for each in (*works, *clients):
                    group.create_task(each.run())
                group.create_task(end(world, seconds))
            async with asyncio.TaskGroup() as group:
                for client in clients:
                    group.create_task(client.finish())
        except* (WrongError, ConnectionClosed, TimeoutError) as wrong:
            said = [line for worker in workers for line in worker.log]
            first = wrong.exceptions[0]
            raise WrongError(f"seed {seed}: {type(first).__name__} {first} {said[-3:]}") from first
        finally:
            world.is_over = True
            for client in clients:
                await client.cut()
        said = [line for worker in workers for line in worker.log if "failed" in line]
        if said:
            raise WrongError(f"seed {seed}: the workers said {said}")
    return Outcome(
        sum(copy.delivered for client in clients for copy in client.copies),
        world.commits,
        sum(client.resumed for client in clients),
        sum(client.parts for client in clients),
    )


async def end(world: World, seconds: float) -> None:
    await asyncio.sleep(seconds)
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
    parser.add_argument("--read", choices=("serial", "xmin", "order", "small"))
    given = parser.parse_args()
    seed = Random().getrandbits(32) if given.seed is None else given.seed
    options = {"seconds": given.seconds, "subscribers": given.subscribers, "how": given.read}
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
