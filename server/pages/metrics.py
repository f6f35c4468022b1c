"""`/metrics`, for Prometheus: the numbers of all workers together, whichever of them is asked.

The parts of the server count with plain integers, which are gathered when somebody asks and, for
the other workers, once a second. What was shown is on the board first: a counter never goes back.
"""

from __future__ import annotations

import asyncio
import contextvars
import hmac
import os
import time
from hashlib import sha256
from ipaddress import ip_address
from itertools import chain
from typing import TYPE_CHECKING

from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import CollectorRegistry
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from server.calls.tally import Durations
from server.pages.board import Board, Left
from server.pages.exposition import Exposition
from server.pages.figures import Figures

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from server.calls.context import Services
    from server.calls.tally import Tally
    from server.pages.figures import Door

EVERY_SECONDS = 1.0
FOLDER = "VICTORYVAULT_WORKERS_FOLDER"
"""Of the environment of worker processes: where they leave their numbers for each other."""
FORWARDED = ("forwarded", "x-forwarded-for", "via")
CLOSED = (
    "Metrics are for this machine only, until VICTORYVAULT_METRICS_TOKEN names a token to send as "
    "Authorization: Bearer.\n"
)
WRONG = "Send what VICTORYVAULT_METRICS_TOKEN names as Authorization: Bearer.\n"


class Metrics:
    """`start` it once, `stop` it at the end. Workers that share a `folder` are shown together."""

    def __init__(
        self,
        services: Services,
        door: Door,
        tally: Tally,
        *,
        address_of: Callable[[Request], str],
        folder: Path | None,
    ) -> None:
        self.token = services.settings.metrics_token or None
        self.address_of = address_of
        self.delays = Durations()
        self.figures = Figures(services, door, tally, self.delays)
        self.metrics = self.figures.metrics()
        self.folder = folder
        self.board: Board | None = None
        self._task: asyncio.Task[None] | None = None

    def routes(self) -> list[BaseRoute]:
        return [Route("/metrics", self.page)]

    def start(self) -> None:
        if self.folder is not None:
            self.board = Board(self.folder / self.layout, sum(each.size for each in self.metrics))
        self._task = asyncio.get_running_loop().create_task(
            self._run(), name="metrics", context=contextvars.Context()
        )

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self.board is not None:
            self.gather()
            self.board.close()
            self.board = None

    @property
    def layout(self) -> str:
        """The same for workers whose numbers mean the same: a newer version's may not."""
        meant = repr([(each.name, each.rows, each.bounds) for each in self.metrics])
        return sha256(meant.encode()).hexdigest()[:16]

    async def _run(self) -> None:
        due = time.monotonic() + EVERY_SECONDS
        while True:
            await asyncio.sleep(due - time.monotonic())
            now = time.monotonic()
            self.delays.add(max(0.0, now - due))
            due = now + EVERY_SECONDS
            if self.board is not None:
                self.gather()

    def gather(self) -> list[Left]:
        """The numbers of all workers, this one's as they are now."""
        self.figures.look()
        numbers = list(chain.from_iterable(each.read() for each in self.metrics))
        if self.board is None:
            return [Left(os.getpid(), numbers, is_alive=True)]
        kept = chain.from_iterable([each.kind.is_kept] * each.size for each in self.metrics)
        self.board.write(
            [
                number + before if is_kept else number
                for number, before, is_kept in zip(numbers, self.board.found, kept, strict=True)
            ]
        )
        return self.board.read()

    async def page(self, request: Request) -> Response:
        if self.token is not None:
            if not hmac.compare_digest(
                request.headers.get("authorization", "").encode(), f"Bearer {self.token}".encode()
            ):
                return PlainTextResponse(WRONG, 401, {"WWW-Authenticate": "Bearer"})
        elif not self.is_local(request):
            return PlainTextResponse(CLOSED, 403)
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Exposition(self.metrics, self.gather()))
        return Response(encode(registry), headers={"Content-Type": media_type})

    def is_local(self, request: Request) -> bool:
        """Whether it comes from this machine, and not through a proxy that nobody has named."""
        address = self.address_of(request)
        peer = request.client.host if request.client else ""
        if address == peer and any(name in request.headers for name in FORWARDED):
            return False
        try:
            return ip_address(address).is_loopback
        except ValueError:
            return False
