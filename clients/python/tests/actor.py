"""The user of this client in the conversations of tests/transcripts. What it does stands there."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextvars import Context
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))  # also where it is not installed
from victoryvault_client import CallError, Change, Connection, Stored, Subscription

TURNS = 10
"""Of the loop: more than anything that follows at once takes."""


class StoppedLoop(asyncio.SelectorEventLoop):
    """A loop whose clock stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[asyncio.TimerHandle] = []
        super().__init__()

    def time(self) -> float:
        return self.now

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = super().call_at(when, callback, *args, context=context)
        self.timers = [*(each for each in self.timers if not each.cancelled()), timer]
        return timer

    async def forward(self, seconds: float) -> None:
        """To each timer that is due, in order, and then to the end."""
        end = self.now + seconds
        while due := [each for each in self.timers if not each.cancelled() and each.when() <= end]:
            first = min(due, key=asyncio.TimerHandle.when)
            self.timers.remove(first)
            self.now = max(self.now, first.when())
            await turns()
        self.now = end
        await turns()


async def turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


class Actor:
    def __init__(self, control: ClientConnection, loop: StoppedLoop) -> None:
        self.control = control
        self.loop = loop
        self.telling: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.connection = Connection("ws://nowhere")
        self.subscriptions: dict[str, Subscription[Any]] = {}
        self.iterations: dict[str, AsyncIterator[Change]] = {}
        self.calls: dict[str, asyncio.Task[None]] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    async def play(self) -> None:
        self.start(self.send())
        try:
            async for text in self.control:
                command = json.loads(text)
                about = {"name": command.pop("as")} if "as" in command else {}
                done = getattr(self, f"do_{command.pop('do')}")(**about, **command)
                if done is not None:
                    await done
                await turns()
                self.tell("did")
        except ConnectionClosed:
            pass
        finally:
            await self.connection.close()

    def tell(self, event: str, name: str | None = None, /, **members: Any) -> None:
        about = {} if name is None else {"as": name}
        self.telling.put_nowait({"event": event, **about, **members})

    async def send(self) -> None:
        while True:
            await self.control.send(json.dumps(await self.telling.get()))

    def start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def do_new(
        self,
        url: str,
        random: float,
        tokens: list[Any] | None = None,
        timeout_ms: float = 30_000,
        silence_ms: float = 45_000,
        answer_ms: float = 10_000,
    ) -> None:
        await self.connection.close()
        self.subscriptions, self.iterations, self.calls = {}, {}, {}
        fix(random)
        self.connection = Connection(
            url,
            token=None if tokens is None else self.giving(tokens),
            timeout=timeout_ms / 1000,
            silence=silence_ms / 1000,
            answer=answer_ms / 1000,
        )
        self.connection.on("state", lambda state: self.tell("state", state=state))
        self.connection.on("token", lambda token: self.tell("token", token=token))

    def giving(self, tokens: list[Any]) -> Callable[[], Awaitable[str | None]]:
        async def give() -> str | None:
            self.tell("asked")
            token = tokens.pop(0) if tokens else None
            if isinstance(token, dict):
                raise LookupError(token["fail"])  # noqa: TRY004
            return token

        return give

    def do_open(self) -> None:
        self.connection.open()

    def do_close(self) -> Awaitable[None]:
        return self.connection.close()

    def do_listen(self, to: Any) -> None:
        self.connection.on(to, lambda params: self.tell("notification", method=to, params=params))

    def do_call(self, name: str, method: Any, params: Any, timeout_ms: float | None = None) -> None:
        timeout = None if timeout_ms is None else timeout_ms / 1000

        async def call() -> None:
            try:
                result = await self.connection.call(method, params, timeout=timeout)
                self.tell("result", name, result=result)
            except CallError as error:
                self.tell("error", name, code=error.code, kind=error.kind, data=error.data)
            except asyncio.CancelledError:
                self.tell("error", name, code=499, kind="cancelled", data={})

        self.calls[name] = self.start(call())

    def do_cancel(self, name: str) -> None:
        self.calls[name].cancel()

    def do_subscribe(
        self, name: str, resource: Any, query: dict[str, Any], stored: Any = None
    ) -> None:
        copy = None if stored is None else Stored[Any](**stored)
        subscription = self.connection.subscribe(resource, **query, stored=copy)
        self.subscriptions[name] = subscription
        subscription.on_change(lambda changes: self.tell("changes", name, changes=changes))

        async def ready() -> None:
            try:
                await subscription.ready()
                self.tell("ready", name)
            except CallError as error:
                self.tell("failed", name, code=error.code, kind=error.kind)

        self.start(ready())

    def do_unsubscribe(self, name: str) -> None:
        self.subscriptions[name].close()

    def do_iterate(self, name: str, of: str) -> None:
        self.iterations[name] = aiter(self.subscriptions[of])

    def do_next(self, name: str) -> None:
        async def take() -> None:
            try:
                change = await anext(self.iterations[name])
                self.tell("change", name, change=change)
            except StopAsyncIteration:
                self.tell("ended", name, kind=None)
            except CallError as error:
                self.tell("ended", name, kind=error.kind)

        self.start(take())

    def do_look(self, name: str | None = None) -> None:
        if name is None:
            reason = self.connection.reason
            told = {"code": reason.code, "kind": reason.kind} if reason else {}
            self.tell(
                "connection", state=self.connection.state, **{"code": None, "kind": None, **told}
            )
            return
        seen = self.subscriptions[name]
        self.tell(
            "rows",
            name,
            rows=sorted(seen.rows.values(), key=lambda row: row["id"]),
            position=seen.position,
            is_live=seen.is_live,
            error=seen.error.kind if seen.error else None,
        )

    def do_forward(self, ms: float) -> Awaitable[None]:
        return self.loop.forward(ms / 1000)


def fix(number: float) -> None:
    random.random = lambda: number


async def main(address: str, loop: StoppedLoop) -> None:
    async with connect(address, compression=None, ping_interval=None, proxy=None) as control:
        await Actor(control, loop).play()


if __name__ == "__main__":
    stopped = StoppedLoop()
    stopped.run_until_complete(main(sys.argv[-1], stopped))
