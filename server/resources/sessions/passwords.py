"""Passwords: argon2id in as many threads as cores, with a bounded queue before them.

An unknown email costs the same time as a wrong password. The threads stand back for the event
loop, so that a storm of sign-ins does not slow the calls of those who are in.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from server.protocol.errors import CallError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Answer = TypeVar("Answer")

COST = {"time_cost": 2, "memory_cost": 19 * 1024, "parallelism": 1}
"""What OWASP asks for at least: about 40 ms, 19 MiB."""
WAITING_PER_THREAD = 32
"""With 40 ms each, nobody waits much longer than a second. New passwords fill half of it only:
who has an account gets in, whatever happens at the other door."""
NICE = 10


class Passwords:
    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or os.cpu_count() or 1
        self.hasher = PasswordHasher(COST["time_cost"], COST["memory_cost"], COST["parallelism"])
        self.unknown = self.hasher.hash(secrets.token_hex())
        self.pool = ThreadPoolExecutor(self.threads, "passwords", initializer=stand_back)
        self.waiting = 0

    async def hash(self, password: str) -> str:
        """The PHC string to store. Raises CallError `too_many_attempts` when the queue is full."""
        return await self._run(lambda: self.hasher.hash(password), WAITING_PER_THREAD // 2)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether it is the password; takes as long when nothing is stored."""

        def check() -> bool:
            try:
                return self.hasher.verify(self.unknown if stored is None else stored, password)
            except (VerificationError, InvalidHashError):
                return False

        return await self._run(check, WAITING_PER_THREAD) and stored is not None

    async def _run(self, work: Callable[[], Answer], most: int) -> Answer:
        if self.waiting >= self.threads * most:
            raise CallError("too_many_attempts", retry_after_ms=1000)
        self.waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self.pool, work)
        finally:
            self.waiting -= 1

    def close(self) -> None:
        self.pool.shutdown(wait=False, cancel_futures=True)


def stand_back() -> None:
    """Lowers this thread's priority; where that is one for the whole process, it stays."""
    if hasattr(os, "setpriority") and os.uname().sysname == "Linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
