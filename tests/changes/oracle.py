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
import json
import re
import shutil
import socket as sockets
import sys
import tempfile
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from server.database import embedded
from tests.changes.oracle_copy import CANARY, Copy, Spec, WrongError, read
from tests.changes.oracle_writers import GONE, ApiWriter, RightsWriter, SqlWriter, World
from tests.client import connected
from tests.conftest import PASSWORD, Someone, database, sign_up
from tests.contract import CONTRACT
from tests.process import ServerProcess, command, process

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
LONGEST_SECONDS = 20.0
"""Beyond its time, until enough was delivered on a machine that is busy."""
SETTLE_SECONDS = 15.0
PATIENCE = 30.0
RETRY_SECONDS = 0.05
BEFORE_THE_FIRST_KILL = 50
"""Commits."""
BETWEEN_KILLS = (200, 1500)
SESSION_ENDED = 4401
EMAIL = re.compile(rf"{CANARY}-(\d+)@")


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


def some_of(specs: Sequence[Spec], random: Random) -> list[Spec]:
    return random.sample(specs, random.choice((1, 2, 3)))


class Call(NamedTuple):
    method: str
    copy: Copy | None
    after: str | None
    must_reset: bool


class Subscriber:
    """One client: some copies, on one socket after the other, on any worker."""

    def __init__(
        self, world: World, workers: list[ServerProcess], token: str | None, random: Random
    ) -> None:
        self.world, self.workers, self.token, self.random = world, workers, token, random
        self.copies = [Copy(spec, world.pairs) for spec in some_of(SPECS, random)]
        self.resting: Copy | None = None
        """One that is not to be subscribed to for now."""
        self.calls: dict[int, Call] = {}
        self.ids = 0
        self.resumed = self.reset = self.parts = self.rights = self.ended = 0
        self.replies: dict[int, Any] = {}
        self.socket: ClientConnection | None = None
        self.worker: ServerProcess | None = None

    # the wire

    async def open(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.socket is None:
                self.worker = self.random.choice(self.workers)
                try:
                    await self.connect(self.worker)
                except GONE:
                    if self.worker in self.workers:
                        raise
                    await asyncio.sleep(RETRY_SECONDS)

    async def connect(self, worker: ServerProcess) -> None:
        at = urlsplit(worker.rpc)
        raw = sockets.socket()
        if self.random.random() < 0.5:
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        raw.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(raw, (at.hostname, at.port))
            self.socket = await connect(
                worker.rpc,
                sock=raw,
                compression=None,
                proxy=None,
                max_size=None,
                max_queue=1,
                open_timeout=PATIENCE,
                ping_interval=None,
                close_timeout=1,  # a send that meets the close waits so long, and reads nothing
                additional_headers={"Authorization": f"Bearer {self.token}"},
            )
        finally:
            if self.socket is None:
                raw.close()

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
        must_reset = copy is not None and self.must_reset(copy)
        self.calls[self.ids] = Call(method, copy, params.get("after"), must_reset)
        with contextlib.suppress(ConnectionClosed):  # why, the next frame says
            await self.socket.send(
                json.dumps({"jsonrpc": "2.0", "id": self.ids, "method": method, "params": params})
            )
        return self.ids

    def must_reset(self, copy: Copy) -> bool:
        return False

    async def mend(self) -> None:
        """To all copies that are not, it subscribes."""
        if self.socket is None:
            await self.open()
        asked = [call.copy for call in self.calls.values() if call.method == "user.subscribe"]
        for copy in self.copies:
            if copy.name is None and copy not in asked and copy is not self.resting:
                await self.ask("user.subscribe", copy, **copy.spec.params(copy.position))

    async def take(self) -> None:
        """The next frame, or that there is none any more."""
        assert self.socket is not None
        try:
            text = str(await self.socket.recv(decode=True))
        except ConnectionClosed as closed:
            self.was_closed(closed)
            await self.cut()
            return
        self.check_text(text)
        message = read(text)
        CONTRACT.check(message, {id_: call.method for id_, call in self.calls.items()})
        if "method" in message:
            self.notified(message["method"], message["params"])
        elif "error" in message:
            self.failed(self.calls.pop(message["id"]), message["error"])
        else:
            self.replied(message["id"], message["result"])

    def was_closed(self, closed: ConnectionClosed) -> None:
        if self.worker in self.workers:
            raise closed

    def check_text(self, text: str) -> None:
        if CANARY in text:
            raise WrongError(f"an email is on the wire: {text!r}")

    def failed(self, call: Call, error: dict[str, Any]) -> None:
        raise WrongError(f"{call} was answered {error}")

    def notified(self, method: str, params: dict[str, Any]) -> None:
        if method != "user.changed":
            raise WrongError(f"{method} came unasked: {params}")
        self.parts += bool(params.get("more"))
        copy = self.copy_of(method, params)
        copy.notified(params)
        self.arrived(copy)

    def copy_of(self, method: str, params: dict[str, Any]) -> Copy:
        name = params.get("subscription")
        found = [copy for copy in self.copies if copy.name == name]
        if name is None or not found:
            raise WrongError(f"{method} before its subscription's reply or after its end: {params}")
        return found[0]

    def replied(self, id_: int, result: Any) -> None:
        call = self.calls.pop(id_)
        copy = call.copy
        if call.method == "user.subscribe" and copy is not None:
            if call.must_reset and not result["reset"]:
                raise WrongError(f"resumed over a change of the role: {copy.spec} {call.after}")
            self.resumed += not result["reset"]
            self.reset += result["reset"] and call.after is not None
            copy.replied(result, call.after)
            self.arrived(copy)
        elif call.method == "subscription.close" and copy is not None:
            copy.cut()
        elif call.method == "subscription.sync":
            for each in self.copies:
                if each.is_complete and each.name is not None:
                    each.position = result["position"]
                    self.arrived(each)
        else:
            self.replies[id_] = result

    def arrived(self, copy: Copy) -> None:
        """Its position is a new one."""

    # what it does

    async def run(self) -> None:
        while not self.world.is_over:
            await self.mend()
            await self.listen(self.random.randint(1, 40))
            await self.random.choice(
                (self.drop, self.close_one, self.freeze, self.sync, self.sync)
            )()

    async def listen(self, frames: int) -> None:
        with contextlib.suppress(TimeoutError):
            for _ in range(frames):
                async with asyncio.timeout(IDLE_SECONDS):
                    await self.take()
                await self.mend()

    async def until(self, condition: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition():
                    await self.take()
                    await self.mend()
        except TimeoutError:
            calls = [(call.method, call.after) for call in self.calls.values()]
            copies = [(copy.spec, copy.name, copy.is_complete) for copy in self.copies]
            raise WrongError(f"waited in vain: {self}, {calls}, {copies}") from None

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
        self.resting = copy
        await self.ask("subscription.close", copy, subscription=copy.name)
        await self.until(lambda: copy.name is None)
        await self.listen(self.random.randint(0, 5))
        self.resting = None

    # the end

    async def finish(self) -> None:
        """To the state of now: told by itself, by a sync, or by a resume."""
        how = self.random.choice(("wait", "sync", "resume"))
        if how == "resume":
            await self.cut()
        await self.mend()
        await self.until(self.is_settled)
        if how == "sync":
            await self.sync()
            await self.until(self.is_settled)
        for copy in self.copies:
            found = await self.compare(copy)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_SECONDS if how == "wait" else 0.001):
                    while found:
                        await self.take()
                        await self.mend()
                        found = await self.compare(copy)
            if found:
                raise WrongError(f"stale at the end ({how}), {copy.spec}: " + "; ".join(found))

    def is_settled(self) -> bool:
        return not self.calls and all(copy.name and copy.is_complete for copy in self.copies)

    async def compare(self, copy: Copy) -> list[str]:
        rows: list[dict[str, Any]] = []
        params: dict[str, Any] = {"where": copy.spec.where, "order_by": ["id"], "limit": 40}
        while True:
            page = await self.page(params)
            rows += page["users"]
            if page["next"] is None:
                return copy.differences(rows)
            params["after"] = page["next"]

    async def page(self, params: dict[str, Any]) -> dict[str, Any]:
        """Asked for again when its worker was killed before it answered."""
        found: dict[str, Any] | None = None
        while found is None:
            id_ = await self.ask("user.list", **params)
            await self.until(partial(self.is_over, id_))
            found = self.replies.pop(id_, None)
        return found

    def is_over(self, id_: int) -> bool:
        """Whether a call was answered, or its line is gone."""
        return id_ not in self.calls


class Fickle(Subscriber):
    """One whose role changes and whose sessions end, and who then signs in again."""

    def __init__(
        self, world: World, workers: list[ServerProcess], who: Someone, random: Random
    ) -> None:
        super().__init__(world, workers, None, random)
        self.who = who
        self.session = ""
        self.is_leaving = self.has_ended = False
        self.own = Spec({"id": who.id})
        specs = some_of((*SPECS, self.own), random)
        if all(spec.fields is not None for spec in specs):
            specs.append(SPECS[0])
        self.copies = [Copy(spec, world.pairs, may_be_admins=True) for spec in specs]

    async def connect(self, worker: ServerProcess) -> None:
        self.is_leaving = self.has_ended = False
        if self.token is None:
            async with connected(worker.rpc, open_timeout=PATIENCE) as client:
                reply = await client.call("session.create", email=self.who.email, password=PASSWORD)
            self.token, self.session = reply["token"], reply["session"]["id"]
        try:
            await super().connect(worker)
        except InvalidStatus as refused:
            if refused.response.status_code != 401 or self.session not in self.world.ended:
                raise WrongError(f"{self.session} was refused: {refused}") from refused
            self.sign_out()

    async def mend(self) -> None:
        if self.socket is None or not self.is_leaving:
            await super().mend()

    def check_text(self, text: str) -> None:
        """No email drawn after a demotion was committed, until a promotion is begun.

        Nothing else can have it: it was written after it was drawn, so whatever snapshot it was
        read from has the demotion too; and those numbers are checked that are newer than the last
        demotion, so what was on its way since a promotion before that one is not. Emails drawn
        while COMMIT was being answered are let through.
        """
        if self.has_ended:
            raise WrongError(f"after session.ended came {text!r}")
        since = self.world.player_since
        if since is not None and any(int(each) > since for each in EMAIL.findall(text)):
            raise WrongError(f"an email of after the demotion ({since}) is on the wire: {text!r}")

    def must_reset(self, copy: Copy) -> bool:
        return copy.position is not None and self.world.flipped > copy.flips

    def arrived(self, copy: Copy) -> None:
        if copy.is_complete:
            copy.flips = self.world.flips

    def notified(self, method: str, params: dict[str, Any]) -> None:
        if method == "subscription.closed":
            self.lost(self.copy_of(method, params), params["reason"])
        elif method == "session.ended":
            if self.session not in self.world.ended:
                raise WrongError(f"{self.session} is not to end: {params}")
            if any(copy.name for copy in self.copies):
                raise WrongError("session.ended came before subscription.closed")
            self.has_ended = self.is_leaving = True
        else:
            super().notified(method, params)

    def lost(self, copy: Copy, reason: str) -> None:
        if reason == "rights_changed":
            self.rights += 1
            copy.flips = -1
        elif reason == "signed_out" and self.session in self.world.ended:
            self.is_leaving = True
        else:
            raise WrongError(f"{copy.spec} was closed: {reason}")
        copy.cut()

    def failed(self, call: Call, error: dict[str, Any]) -> None:
        kind = error["data"]["kind"]
        if kind in {"cancelled", "unauthenticated"} and self.session in self.world.ended:
            self.is_leaving = True
        elif not (
            call.method == "subscription.close"
            and kind == "not_found"
            and call.copy is not None
            and call.copy.name is None
        ):
            super().failed(call, error)

    def was_closed(self, closed: ConnectionClosed) -> None:
        if not self.has_ended:
            super().was_closed(closed)
        elif closed.rcvd is None or closed.rcvd.code != SESSION_ENDED:
            if self.worker in self.workers:
                raise WrongError(f"closed with {closed} after session.ended")
        else:
            self.sign_out()

    def sign_out(self) -> None:
        self.ended += 1
        self.token = None

    def __repr__(self) -> str:
        return f"fickle, {self.session} is ended: {self.session in self.world.ended}"

    def is_settled(self) -> bool:
        """What was ended has ended."""
        return self.session not in self.world.ended and super().is_settled()

    async def compare(self, copy: Copy) -> list[str]:
        """And it has the view of the role that was committed last."""
        found = await super().compare(copy)
        if copy.rows and copy.spec.fields is None and copy.spec != self.own:
            shows_emails = "email" in (copy.shown or ())
            if shows_emails != self.world.is_admin:
                found.append(f"emails are shown: {shows_emails}")
        return found


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
