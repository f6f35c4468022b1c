"""Real PostgreSQL, real uvicorn, real sockets.

One PostgreSQL for the run; a database for each test file, copied from a migrated template; a
server for each test file. Within a file the tests make users of their own.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from uvicorn import Server

from server import logs, resources
from server.app import build
from server.calls.context import Services
from server.calls.openrpc import Document
from server.database import embedded
from server.resources.sessions import passwords
from server.serving import bind, configured, tune
from server.settings import Settings
from tests.client import Client, connected
from tests.contract import CONTRACT

ROOT = Path(__file__).parent.parent
logs.configure("json", "warning")

PORTS = range(20000, 32768)
PASSWORD = "correct horse battery"


def named(dsn: str, name: str) -> str:
    """The same server's database of another name."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The DSN of a PostgreSQL of our own, in a folder that goes with the run."""
    folder = Path(tempfile.mkdtemp(prefix="victoryvault-tests-"))
    folder.chmod(0o755)
    try:
        with embedded.start(folder / "data") as running:
            yield running.dsn
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(postgres: str) -> str:
    """The name of a database with all migrations applied, by the command that users run."""
    environment = {**os.environ, "DATABASE_URL": postgres}
    subprocess.run(
        [sys.executable, "-m", "server", "migrate", "forwards"],
        env=environment,
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    )
    return urlsplit(postgres).path.strip("/")


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hundreds of accounts need not cost 40 ms each, but where that is what is tested."""
    before = dict(passwords.COST)
    passwords.COST.update(time_cost=1, memory_cost=64)
    yield
    passwords.COST.update(before)


class Databases:
    def __init__(self, postgres: str, template: str) -> None:
        self.postgres = postgres
        self.template = template

    async def run(self, statement: str) -> None:
        connection = await asyncpg.connect(named(self.postgres, "postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def create(self, *, empty: bool = False) -> str:
        """The DSN of a new database."""
        name = f"test_{secrets.token_hex(6)}"
        source = "template0" if empty else self.template
        await self.run(f"CREATE DATABASE {name} TEMPLATE {source}")
        return named(self.postgres, name)

    async def drop(self, dsn: str) -> None:
        await self.run(f"DROP DATABASE {urlsplit(dsn).path.strip('/')} WITH (FORCE)")


@pytest.fixture(scope="session")
def databases(postgres: str, template: str) -> Databases:
    return Databases(postgres, template)


@pytest.fixture(scope="module")
async def dsn(databases: Databases) -> AsyncIterator[str]:
    """A database of this test file's own."""
    name = await databases.create()
    yield name
    await databases.drop(name)


class Running(NamedTuple):
    """A server that listens."""

    port: int
    services: Services
    uvicorn: Server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def rpc(self) -> str:
        return f"ws://127.0.0.1:{self.port}/rpc"

    def connect(
        self, token: str | None = None, **options: Any
    ) -> AbstractAsyncContextManager[Client]:
        return connected(self.rpc, token, **options)


def listen() -> socket.socket:
    """On a free port below those that the system gives to clients."""
    while True:
        try:
            return bind("127.0.0.1", secrets.choice(PORTS))
        except OSError:
            continue


def free_port() -> int:
    with listen() as listener:
        port: int = listener.getsockname()[1]
        return port


def settings_for(dsn: str, **changed: Any) -> Settings:
    given: dict[str, Any] = {"_env_file": None, "max_calls_per_second": 0, **changed}
    return Settings(database_url=dsn, **given)


class QuietServer(Server):
    """uvicorn without its signal handlers, which are pytest's here."""

    def capture_signals(self) -> Any:
        return nullcontext()

    async def main_loop(self) -> None:
        """Ends when it is told to, instead of looking ten times a second."""
        self.stopping = asyncio.Event()
        await self.on_tick(0)
        await self.stopping.wait()


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Running]:
    """A worker in this loop, on a free port.

    Piccolo's tables have one engine a process: a second worker beside one that is under test is a
    `process` of its own.
    """
    listener = listen()
    tune(listener, settings)
    bound = {table: table._meta._db for table in resources.tables()}
    app = build(settings)
    CONTRACT.learn(app.state.services.use(Document).body)
    uvicorn = QuietServer(configured(app, settings))
    task = asyncio.create_task(uvicorn.serve([listener]))
    while not hasattr(uvicorn, "stopping"):
        if task.done():
            raise RuntimeError("the server did not start")
        await asyncio.sleep(0.005)
    try:
        yield Running(listener.getsockname()[1], app.state.services, uvicorn)
    finally:
        uvicorn.should_exit = True
        uvicorn.stopping.set()
        await task
        for table, engine in bound.items():
            table._meta._db = engine


@pytest.fixture(scope="module")
async def server(dsn: str) -> AsyncIterator[Running]:
    """A worker for this test file, with no limit on how often to call."""
    async with serving(settings_for(dsn)) as running:
        yield running


@pytest.fixture
async def client(server: Running) -> AsyncIterator[Client]:
    """An anonymous socket."""
    async with server.connect() as connected_client:
        yield connected_client


def unique_email() -> str:
    return f"{secrets.token_hex(6)}@example.org"


class Someone(NamedTuple):
    """A signed-in user with a socket."""

    client: Client
    id: str
    email: str
    token: str
    session: str


async def sign_up(client: Client, **params: Any) -> Someone:
    email = params.pop("email", None) or unique_email()
    created = await client.call(
        "user.create", **{"email": email, "full_name": "Ada", "password": PASSWORD, **params}
    )
    return Someone(client, created["user"]["id"], email, created["token"], created["session"]["id"])


@pytest.fixture
async def ada(server: Running) -> AsyncIterator[Someone]:
    async with server.connect() as socket:
        yield await sign_up(socket)


@pytest.fixture
async def grace(server: Running) -> AsyncIterator[Someone]:
    async with server.connect() as socket:
        yield await sign_up(socket, full_name="Grace")


@pytest.fixture
async def admin(server: Running, dsn: str) -> AsyncIterator[Someone]:
    async with server.connect() as socket:
        someone = await sign_up(socket, full_name="Admin")
        async with database(dsn) as connection:
            await connection.execute("UPDATE users SET role = 'admin' WHERE id = $1", someone.id)
        await socket.call("session.resume", token=someone.token)
        yield someone


@asynccontextmanager
async def database(dsn: str) -> AsyncIterator[Any]:
    """A connection that is not the server's: what psql would do."""
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()
