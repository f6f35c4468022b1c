"""One who subscribes, drops, freezes and resumes by chance, and holds every copy to the promise."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket as sockets
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.changes.oracle_copy import CANARY, Copy, Spec, WrongError, read
from tests.changes.oracle_writers import GONE, World
from tests.contract import CONTRACT
from tests.process import ServerProcess

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
SETTLE_SECONDS = 15.0
PATIENCE = 30.0
RETRY_SECONDS = 0.05


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
