"""Writers on the same hot rows: by SQL as psql would, and through the API."""

from __future__ import annotations

import asyncio
import contextlib
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
from websockets.exceptions import ConnectionClosed, InvalidMessage

from tests.changes.oracle_copy import CANARY, WrongError
from tests.client import Client, ReplyError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.process import ServerProcess

STATUSES = ("lobby", "playing", "away", "")
NAMES = ("Ada", "Adam", "Grace", "Zoë", "z")
HELD_SECONDS = 0.4
"""A long transaction ends after some commits of others, or after this when they wait for it."""
FICKLE_SECONDS = 0.5
STEP = 1_000_000
"""A row that is inserted again starts above every version it had."""
INSERT = """INSERT INTO users (id, email, full_name, status, profile, version)
    VALUES ($1, $2, $3, $4, $5::jsonb, $6)"""

LIVE_SESSIONS = 'SELECT id::text FROM sessions WHERE "user" = $1 AND expires_at > now() ORDER BY id'
ENDINGS = (
    "DELETE FROM sessions WHERE id = $1",
    "UPDATE sessions SET expires_at = now() WHERE id = $1",
)
GONE = (ConnectionError, ConnectionClosed, InvalidMessage)
"""What a client sees of a worker that was killed."""


class UndoneError(Exception):
    """To roll back."""


class World:
    """The rows, and what the writers did to them."""

    def __init__(self, random: Random, *, hot: int = 14, pairs: int = 4, cold: int = 60) -> None:
        ids = sorted(str(UUID(int=random.getrandbits(128), version=4)) for _ in range(hot + cold))
        random.shuffle(ids)
        self.hot, self.cold = ids[:hot], ids[hot:]
        made = [str(UUID(int=random.getrandbits(128), version=4)) for _ in range(2 * pairs)]
        self.pairs = list(zip(made[::2], made[1::2], strict=True))
        self.commits = 0
        self.inserts = 0
        self.emails = 0
        """How many were drawn; each has its number."""
        self.player_since: int | None = None
        """The number of emails when the fickle one's demotion had been committed; None from before
        a promotion begins."""
        self.is_admin = False
        """Whether the fickle one is, by the last commit."""
        self.flips = 0
        """The number of the last change of their role that was begun."""
        self.flipped = 0
        """The number of the last one that was committed."""
        self.ended: set[str] = set()
        """Their sessions that were ended, from before that begins."""
        self.moved = asyncio.Condition()
        self.is_over = False

    async def committed(self) -> None:
        self.commits += 1
        async with self.moved:
            self.moved.notify_all()

    async def until(self, more: int, seconds: float) -> None:
        """Until others have committed so often."""
        target = self.commits + more
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self.moved:
                await self.moved.wait_for(lambda: self.commits >= target or self.is_over)

    def email(self) -> str:
        self.emails += 1
        return f"{CANARY}-{self.emails}@example.org"

    async def insert(self, psql: Any, id_: str, status: str, random: Random) -> None:
        self.inserts += 1
        values = (random.choice(NAMES), status, profile(random), self.inserts * STEP)
        await psql.execute(INSERT, id_, self.email(), *values)

    async def fill(self, psql: Any, random: Random) -> None:
        for id_ in (*self.hot, *self.cold):
            await self.insert(psql, id_, random.choice(STATUSES), random)
        for pair in self.pairs:
            for id_ in pair:
                await self.insert(psql, id_, "tag-0", random)


def profile(random: Random) -> str:
    padding = random.choice(("", "", "p" * 400, "p" * 4000))
    x = random.choice(("0", "1", "1.5", "-2.25", '"x"', "null", "[1, 0.5]"))
    return f'{{"x": {x}, "pad": "{padding}", "n": {random.randrange(9)}}}'


class SqlWriter:
    def __init__(self, world: World, psql: Any, random: Random) -> None:
        self.world, self.psql, self.random = world, psql, random
        self.kinds: list[Callable[[], Awaitable[None]]] = [
            *[self.update] * 6,
            *[self.tag] * 4,
            *[self.several] * 3,
            *[self.savepoints] * 2,
            self.rollback,
            self.remove,
            *[self.again] * 2,
            self.replace,
            self.nothing,
            *[self.late] * 2,
        ]

    async def run(self) -> None:
        while not self.world.is_over:
            kind = self.random.choice(self.kinds)
            try:
                async with self.psql.transaction():
                    await kind()
            except (asyncpg.DeadlockDetectedError, asyncpg.UniqueViolationError, UndoneError):
                continue
            await self.world.committed()

    def some(self, most: int) -> list[str]:
        return sorted(self.random.sample(self.world.hot, self.random.randint(1, most)))

    async def change(self, id_: str) -> None:
        column, value = self.random.choice(
            (
                ("status", self.random.choice(STATUSES)),
                ("status", self.random.choice(STATUSES)),
                ("full_name", self.random.choice(NAMES)),
                ("profile", profile(self.random)),
                ("email", self.world.email()),
                ("role", self.random.choice(("player", "admin"))),
            )
        )
        cast = "::text::jsonb" if column == "profile" else ""
        await self.psql.execute(
            f"UPDATE users SET {column} = $2{cast} WHERE id = $1",  # noqa: S608 - names above
            id_,
            value,
        )

    async def update(self) -> None:
        await self.change(self.random.choice(self.world.hot))

    async def nothing(self) -> None:
        id_ = self.random.choice(self.world.hot)
        await self.psql.execute("UPDATE users SET status = status WHERE id = $1", id_)

    async def tag(self) -> None:
        """The same into both rows of a pair, or both gone, or both there again."""
        pair = self.random.choice(self.world.pairs)
        tag = f"{self.random.choice(('tag', 'tag', 'other'))}-{self.random.getrandbits(40)}"
        held = await self.psql.fetch(
            "SELECT id FROM users WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE", pair
        )
        if len(held) != len(pair):
            raise UndoneError  # they were replaced while this waited: it holds the old ones
        for id_ in pair:
            await self.psql.execute("UPDATE users SET status = $2 WHERE id = $1", id_, tag)
        match self.random.randrange(12):
            case 0:
                raise UndoneError
            case 1:
                await self.psql.execute("DELETE FROM users WHERE id = ANY($1::uuid[])", pair)
                for id_ in pair:
                    await self.world.insert(self.psql, id_, tag, self.random)
            case 2:
                await self.world.until(3, HELD_SECONDS)

    async def several(self) -> None:
        for id_ in self.some(5):
            await self.change(id_)

    async def savepoints(self) -> None:
        for id_ in self.some(4):
            with contextlib.suppress(UndoneError):
                async with self.psql.transaction():
                    await self.change(id_)
                    if self.random.random() < 0.5:
                        raise UndoneError

    async def rollback(self) -> None:
        await self.several()
        raise UndoneError

    async def remove(self) -> None:
        await self.psql.execute("DELETE FROM users WHERE id = ANY($1::uuid[])", self.some(2))

    async def again(self) -> None:
        """Rows that have gone are inserted again, with the id they had."""
        rows = await self.psql.fetch("SELECT id::text FROM users")
        there = {row[0] for row in rows}
        for id_ in sorted(set(self.world.hot) - there)[:2]:
            await self.world.insert(self.psql, id_, self.random.choice(STATUSES), self.random)

    async def replace(self) -> None:
        """Deleted and inserted within one transaction."""
        id_ = self.random.choice(self.world.hot)
        if await self.psql.fetch("DELETE FROM users WHERE id = $1 RETURNING id", id_):
            await self.world.insert(self.psql, id_, self.random.choice(STATUSES), self.random)

    async def late(self) -> None:
        """Begins early, commits late, and writes last to a row that others wrote meanwhile."""
        await self.change(self.random.choice(self.world.cold))
        await self.world.until(self.random.randint(3, 15), HELD_SECONDS)
        await self.change(self.random.choice(self.world.hot))


class RightsWriter(SqlWriter):
    """The fickle one is promoted and demoted, and their sessions end."""

    def __init__(self, world: World, psql: Any, random: Random, user: str) -> None:
        super().__init__(world, psql, random)
        self.user = user

    async def run(self) -> None:
        while not self.world.is_over:
            for action in (self.flip, self.end_session, self.flip):
                await self.world.until(self.random.randint(5, 200), FICKLE_SECONDS)
                await action()

    async def settle(self) -> None:
        """The last role, and a last session that ends.

        From here on no email is drawn: a list may have the rights of a moment before.
        """
        await self.end_session()
        if self.random.random() < 0.5:
            await self.flip()
        if self.world.player_since is not None:
            self.world.player_since = self.world.emails

    async def flip(self) -> None:
        is_promoted = not self.world.is_admin
        self.world.flips += 1
        if is_promoted:
            self.world.player_since = None
        try:
            async with self.psql.transaction():
                await self.flip_among_others("admin" if is_promoted else "player")
        except asyncpg.DeadlockDetectedError:
            return
        if not is_promoted:
            self.world.player_since = self.world.emails
        self.world.is_admin, self.world.flipped = is_promoted, self.world.flips
        await self.world.committed()

    async def flip_among_others(self, role: str) -> None:
        """With other writes before it, or after it, or held open, or by itself."""
        how = self.random.randrange(5)
        if how == 0:
            await self.several()
        await self.psql.execute("UPDATE users SET role = $2 WHERE id = $1", self.user, role)
        if how == 1:
            await self.several()
        if how == 2:
            await self.world.until(self.random.randint(2, 8), HELD_SECONDS)

    async def end_session(self) -> None:
        rows = await self.psql.fetch(LIVE_SESSIONS, self.user)
        if not rows:
            return
        session = self.random.choice(rows)[0]
        self.world.ended.add(session)
        await self.psql.execute(self.random.choice(ENDINGS), session)
        await self.world.committed()


class ApiWriter:
    """An admin, on any worker. What was sent and not answered is sent again, and written once."""

    def __init__(
        self, world: World, workers: list[ServerProcess], token: str, random: Random
    ) -> None:
        self.world, self.workers, self.token, self.random = world, workers, token, random
        self.version: int | None = None
        """Of the admin's own row. Nobody else writes it, so that it counts the writes."""

    async def run(self) -> None:
        call = self.call()
        while not self.world.is_over:
            worker = self.random.choice(self.workers)
            try:
                async with worker.connect(self.token) as client:
                    while not self.world.is_over:
                        await self.write(client, *call)
                        call = self.call()
            except GONE:
                if worker in self.workers:
                    raise

    def call(self) -> tuple[str, dict[str, Any]]:
        key = {"retry_key": str(UUID(int=self.random.getrandbits(128)))}
        id_ = self.random.choice(self.world.hot)
        values: dict[str, Any] = {"status": self.random.choice(STATUSES)}
        if self.random.random() < 0.5:
            values["profile"] = read_profile(self.random)
        if self.random.random() < 0.03:
            return "user.delete", {"id": id_, **key}
        if self.random.random() < 0.2:
            return "user.update", {"set": values, **key}
        return "user.update", {"id": id_, "set": values, **key}

    async def write(self, client: Client, method: str, params: dict[str, Any]) -> None:
        try:
            reply = await client.call(method, **params)
        except ReplyError as error:
            if error.kind not in {"not_found", "unavailable", "version_conflict"}:
                raise
            return
        if "id" not in params:
            version = reply["user"]["version"]
            if self.version is not None and version != self.version + 1:
                raise WrongError(f"written {version - self.version} times, and asked for once")
            self.version = version
        await self.world.committed()


def read_profile(random: Random) -> dict[str, Any]:
    return {"x": random.choice((0, 1, 0.5, "x", None)), "n": random.randrange(9)}
