"""`victoryvault`: run the server, and look after its database.

What goes wrong on the way up is one sentence with the way out, and an exit code that is not 0.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from contextlib import contextmanager
from importlib import metadata
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from server.settings import Settings, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")]
Data = Annotated[
    Path | None, typer.Option(help="Folder of the embedded PostgreSQL.", show_default=False)
]

commands = typer.Typer(
    help=(__doc__ or "").splitlines()[0],
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
migrate = typer.Typer(help="Migrations of the database.", no_args_is_help=True)
commands.add_typer(migrate, name="migrate")
client = typer.Typer(
    help="Types for clients, made from the OpenRPC document.", no_args_is_help=True
)
commands.add_typer(client, name="client")


def show_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        typer.echo(f"VictoryVault {metadata.version('victoryvault')}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=show_version, is_eager=True, help="Say the version.")
]


@commands.callback()
def heed(*, version: Version = False) -> None:
    """What goes before a command."""


def run() -> None:
    """The console script."""
    commands()


def fail(sentence: str) -> NoReturn:
    typer.echo(f"victoryvault: {sentence}", err=True)
    raise typer.Exit(1)


def load(data: Path | None = None) -> Settings:
    try:
        return Settings.load(**({} if data is None else {"data": str(data)}))
    except SettingsError as error:
        fail(str(error))


def load_to_serve(data: Path | None) -> Settings:
    """Logs from here on, first what of the environment is ignored."""
    import structlog

    from server import logs
    from server.doctor import ignored

    settings = load(data)
    logs.configure(settings.log_format, settings.log_level)
    for sentence in ignored(settings):
        structlog.get_logger().warning("setting_ignored", sentence=sentence)
    return settings


@contextmanager
def database(settings: Settings, *, share: bool, make: bool = True) -> Iterator[Settings]:
    """The settings with a database in them that answers; an embedded one runs meanwhile.

    The environment names it too: for `piccolo_conf`, and for worker processes.
    """
    from server.database.embedded import EmbeddedError
    from server.database.locate import located
    from server.database.reaching import UnreachableError, check

    try:
        with located(settings, share=share, make=make) as dsn:
            asyncio.run(check(dsn))
            os.environ["DATABASE_URL"] = dsn
            yield settings.model_copy(update={"database_url": dsn})
    except (EmbeddedError, UnreachableError) as error:
        fail(str(error))


@contextmanager
def database_of(data: Path | None, *, make: bool = False) -> Iterator[Settings]:
    """For a command that ends by itself, and says first which database it is for."""
    from server.database.locate import describe

    settings = load(data)
    with database(settings, share=True, make=make) as named:
        typer.echo(describe(settings))
        yield named


@commands.command()
def dev(host: Host = "127.0.0.1", port: Port = 8080, data: Data = None) -> None:
    """Serve with everything set up: a database, its migrations, and demo data."""
    from server.accounts import DEMO, add_demo_users
    from server.database.engine import is_away
    from server.pages.demo import Dev
    from server.pages.stranger import change_scores
    from server.serving import bind, serve_again, serve_one

    settings = load_to_serve(data)
    with listening(host, port, bind) as listener, database(settings, share=False) as named:
        migrated = migrated_forwards()
        address = address_of(listener)
        if migrated:
            typer.echo(f"The database is set up ({len(migrated)} migrations).")
        account = None
        if settings.dsn is not None:
            typer.echo("No demo users: the database is yours, not the embedded one.")
        elif asyncio.run(add_demo_users(named)):
            account = DEMO
            typer.echo(f"Sign in as {DEMO.email} with the password {DEMO.password!r}.")
        calls = f"{address.replace('http', 'ws', 1)}/rpc"
        said = f"VictoryVault is at {address}  (calls: {calls}). Ctrl-C stops it."
        at_once = named.model_copy(update={"drain_seconds": 1})

        def change_meanwhile() -> None:
            if account is None or named.dsn is None:
                return
            try:
                asyncio.run(change_scores(named.dsn))
            except Exception as error:
                if not is_away(error):
                    raise

        code = serve_again(
            lambda: serve_one(at_once, listener, lambda: typer.echo(said), Dev(account)),
            change_meanwhile,
        )
        if code:
            raise typer.Exit(code)
        typer.echo("Stopped.")


@commands.command()
def serve(
    host: Host = "127.0.0.1",
    port: Port = 8080,
    workers: Annotated[int, typer.Option(min=1, help="Processes that serve.")] = 1,
    data: Data = None,
) -> None:
    """Serve on a database whose migrations are applied."""
    from server.serving import bind, serve_many, serve_one

    settings = load_to_serve(data)
    with listening(host, port, bind) as listener, database(settings, share=False) as named:
        refuse_pending()
        said = f"VictoryVault is at {address_of(listener)}"
        if workers == 1:
            serve_one(named, listener, lambda: typer.echo(said))
        else:
            typer.echo(said)
            serve_many(named, listener, workers)
        typer.echo("Stopped.")


def address_of(listener: socket.socket) -> str:
    """Where it is reached from this machine."""
    host, port = listener.getsockname()[:2]
    if ip_address(host).is_unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def listening(host: str, port: int, bind: Any) -> Iterator[socket.socket]:
    try:
        listener = bind(host, port)
    except socket.gaierror:
        fail(f"{host} is no address of this machine; give another with --host.")
    except OSError as error:
        fail(
            f"Port {port} of {host} cannot be used ({os.strerror(error.errno or 0).lower()}); "
            "give another with --port."
        )
    with listener:
        yield listener


def migrated_forwards() -> list[str]:
    from server.database.migrations import MigrationError, Migrations

    try:
        return asyncio.run(Migrations().forwards())
    except MigrationError as error:
        fail(f"{error}; nothing was changed.")


def refuse_pending() -> None:
    pending = [each for each, done in asyncio.run(migration_status()).items() if not done]
    if pending:
        fail(
            f"The database lacks {len(pending)} migrations; "
            "`victoryvault migrate forwards` applies them."
        )


async def migration_status() -> dict[str, bool]:
    from server.database.migrations import Migrations

    return await Migrations().status()


@migrate.command()
def forwards(data: Data = None) -> None:
    """Apply the migrations that are pending."""
    with database_of(data, make=True):
        done = migrated_forwards()
    typer.echo("\n".join([f"Applied {each}" for each in done]) or "Nothing is pending.")


@migrate.command()
def backwards(
    to: Annotated[str, typer.Argument(help="The last migration to undo: its id, 1 or all.")],
    data: Data = None,
) -> None:
    """Undo migrations, the newest first. Data in what they made is lost."""
    from server.database.migrations import MigrationError, Migrations

    with database_of(data):
        try:
            undone = asyncio.run(Migrations().backwards(to))
        except MigrationError as error:
            fail(f"{error}; `victoryvault migrate status` lists the ids.")
    typer.echo("\n".join([f"Undid {each}" for each in undone]) or "Nothing was to undo.")


@migrate.command()
def new(
    description: Annotated[str, typer.Argument(help="A few words for the file.")],
    data: Data = None,
) -> None:
    """Write the migration for what changed in the tables, and in what is captured of them."""
    from server import resources
    from server.changes import capture
    from server.database.migrations import Migrations

    with database_of(data, make=True):
        migrations = Migrations()
        asyncio.run(migrations.new(description))
        for live in resources.live_tables():
            if not all(map(migrations.has, capture.functions(live))):
                up = capture.statements(live)
                down = migrations.undoing(up[0], capture.removal(live))
                path = migrations.write(f"capture of {live.name}", up, down)
                typer.echo(f"Wrote {path.name}, for the changes of {live.name} to be captured.")


@migrate.command()
def status(data: Data = None) -> None:
    """Say which migrations are applied."""
    with database_of(data):
        found = asyncio.run(migration_status())
    for each, done in found.items():
        typer.echo(f"{'applied' if done else 'pending'}  {each}")
    if not all(found.values()):
        typer.echo("`victoryvault migrate forwards` applies what is pending.")


@commands.command()
def promote(email: str, data: Data = None) -> None:
    """Make a user an admin."""
    from server import accounts

    with database_of(data) as named:
        refuse_pending()
        if not asyncio.run(accounts.promote(named, email)):
            fail(f"No user has the email {email}.")
    typer.echo(f"{email} is an admin.")


@commands.command()
def openrpc() -> None:
    """Print the OpenRPC document."""
    from msgspec import json

    typer.echo(json.format(json.encode(document()), indent=2).decode())


def document() -> dict[str, Any]:
    from server import resources
    from server.calls.openrpc import Document

    return Document(resources.registry()).body


@client.command("typescript")
def client_typescript() -> None:
    """Print the types that the TypeScript client keeps as src/generated.ts."""
    from server.calls.typescript import typescript

    typer.echo(typescript(document()), nl=False)


@client.command("python")
def client_python() -> None:
    """Print the types that the Python client keeps as generated.py."""
    from server.calls.python import python

    typer.echo(python(document()), nl=False)


@commands.command()
def doctor(data: Data = None) -> None:
    """Say what is configured, what is reachable, what is missing and what to do."""
    from server.doctor import examine

    settings = load(data)
    findings = asyncio.run(examine(settings))
    for finding in findings:
        typer.echo(f"{'ok  ' if finding.is_good else 'FAIL'}  {finding.sentence}")
    if not all(finding.is_good for finding in findings):
        sys.exit(1)
