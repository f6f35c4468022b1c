"""What the embedded PostgreSQL refuses: with one sentence, and without touching anything."""

from pathlib import Path

import pytest

from server.database.embedded import describe
from tests.database.processes import Serve, as_root, line_of, on_linux, refusal, unprivileged


def test_data_of_another_major_is_refused_with_both_majors_and_the_way_out(place: Path) -> None:
    (place / "PG_VERSION").write_text("13\n")
    binaries = describe(place).binaries
    assert binaries
    sentence = refusal(place)
    for part in ("by PostgreSQL 13", f"this is PostgreSQL {binaries.major}", "pg_dump", "--data"):
        assert part in sentence
    assert describe(place).problem == sentence


def test_a_file_is_refused(place: Path) -> None:
    (place / "file").write_text("x")
    assert "is a file" in refusal(place / "file")
    assert "is a file" in refusal(place / "file" / "postgres")


def test_a_directory_with_something_else_in_it_is_refused_and_left_alone(place: Path) -> None:
    (place / "letters.txt").write_text("x")
    assert "is not empty and holds no PostgreSQL database" in refusal(place)
    assert [path.name for path in place.iterdir()] == ["letters.txt"]


def test_a_broken_database_is_refused_with_what_postgres_says(data: Path, place: Path) -> None:
    (data / "global" / "pg_control").rename(place / "pg_control")
    try:
        sentence = refusal(data)
    finally:
        (place / "pg_control").rename(data / "global" / "pg_control")
    assert "could not find the database system" in sentence
    assert str(place / "postgres.log") in sentence


@on_linux
@as_root
def test_a_full_disk_is_refused(place: Path, serve: Serve) -> None:
    # A file system of its own, in a namespace of its own, gone with the server.
    small = f"mount --make-rprivate / && mount -t tmpfs -o size=8m,mode=755 none {place}"
    private = "import ctypes; assert ctypes.CDLL(None).unshare(0x20000) == 0"
    mounted = f"subprocess.run('{small}', shell=True, check=True)"
    server = serve(place / "postgres", before=f"{private}; {mounted}")
    word, sentence = line_of(server)
    if not word:
        pytest.skip("this root may not mount")
    assert word == "refused"
    assert f"The disk that holds {place / 'postgres'} is full" in sentence


def test_a_directory_that_may_not_be_written_is_refused(place: Path, serve: Serve) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o555)
    server = serve(closed / "postgres", **unprivileged())
    word, sentence = line_of(server)
    assert word == "refused"
    assert "Permission denied" in sentence
    assert "--data" in sentence
