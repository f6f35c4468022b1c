"""Who runs the embedded PostgreSQL: oneself, or as root somebody else."""

import os
import shutil
from pathlib import Path

import pytest

from server.database.embedded import default_data, describe, start
from tests.database.processes import (
    NOBODY,
    Serve,
    as_root,
    ask,
    eventually,
    line_of,
    postmaster,
    proc,
    processes,
    refusal,
    runs_as,
    unprivileged,
)


async def test_without_being_root_everything_runs_as_oneself(place: Path, serve: Serve) -> None:
    options = unprivileged()
    mine = place / "mine"
    mine.mkdir()
    if options:
        os.chown(mine, NOBODY, NOBODY)
    server = serve(mine / "postgres", **options)
    word, dsn = line_of(server)
    assert word == "ready"
    assert await ask(dsn, "SELECT 1") == 1
    owner = NOBODY if options else os.geteuid()
    assert {runs_as(number) for number in processes(mine / "postgres")} == {owner}
    server.kill()
    eventually(lambda: not processes(mine / "postgres"), seconds=1.5)


@as_root
def test_as_root_postgres_runs_as_somebody_who_owns_the_data_only(place: Path, data: Path) -> None:
    with start(data):
        assert runs_as(postmaster(data)) != 0
    owned = {path.name for path in place.iterdir() if path.stat().st_uid != 0}
    assert owned == {"postgres", "postgres.socket"}
    here = place.stat()
    assert (here.st_mode & 0o777, here.st_uid) == (0o755, 0)


@as_root
def test_as_root_a_closed_directory_is_refused_and_stays_closed(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    sentence = refusal(closed / "postgres")
    assert f"may not enter {closed}" in sentence
    assert "--data /var/lib/victoryvault" in sentence
    assert closed.stat().st_mode & 0o777 == 0o700
    assert not list(closed.iterdir())
    assert default_data(closed).parent == Path("/var/lib/victoryvault")
    assert default_data(place) == place / ".victoryvault" / "postgres"


@as_root
def test_as_root_directories_made_on_the_way_are_open_whatever_the_umask(place: Path) -> None:
    before = os.umask(0o077)
    try:
        start(place / "way" / "postgres").stop()
    finally:
        os.umask(before)


@as_root
async def test_as_root_binaries_in_a_closed_directory_are_copied_to_an_open_one(
    place: Path, data: Path, serve: Serve
) -> None:
    found = describe(data).binaries
    if not (found and found.package):
        pytest.skip("PostgreSQL is not from a wheel here")
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    libraries = found.package.with_name(found.package.name + ".libs")
    for path in filter(Path.exists, (found.package, libraries)):
        shutil.copytree(path, closed / path.name)
    before = (
        f"sys.path.insert(0, '{closed}'); from server.database.embedded import binaries; "
        f"binaries.ROOT_BINARIES = Path('{place}/cache')"
    )
    server = serve(data, before=before)
    word, dsn = line_of(server)
    assert word == "ready"
    assert await ask(dsn, "SELECT 1") == 1
    command = proc(postmaster(data), "cmdline")
    assert command[0].startswith(f"{place}/cache/postgresql-{found.version}/")
    assert closed.stat().st_mode & 0o777 == 0o700
    server.communicate(timeout=10)
