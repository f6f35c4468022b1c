"""Clients that others wrote, unmodified, against the real command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import database
from tests.interoperability.programs import COMMON, JAVA, Program, mono
from tests.process import process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from tests.process import ServerProcess

COMPRESSING = [program for program in COMMON if program.compresses]


def names(programs: Sequence[Program]) -> list[str]:
    return [program.name for program in programs]


@pytest.fixture(scope="module")
async def plain(dsn: str) -> AsyncIterator[ServerProcess]:
    async with process(dsn) as server:
        yield server


@pytest.fixture(scope="module")
async def compressing(dsn: str) -> AsyncIterator[ServerProcess]:
    async with process(dsn, VICTORYVAULT_PERMESSAGE_DEFLATE="true") as server:
        yield server


async def check(program: Program, server: ServerProcess, dsn: str) -> None:
    """That it said what it did, did what it said, and that the server saw nothing odd in it."""
    written = "SELECT count(*) FROM users WHERE full_name = $1 AND status = 'here'"
    logged = len(server.log)
    async with database(dsn) as connection:
        before = await connection.fetchval(written, program.name)
        assert await program.run(server.rpc) == f"{program.name} was told of here\n"
        assert await connection.fetchval(written, program.name) == before + 1
    assert server.log[logged:] == []


@pytest.mark.parametrize("program", COMMON, ids=names(COMMON))
async def test_a_program_of_this_library_calls_and_is_told(
    program: Program, plain: ServerProcess, dsn: str
) -> None:
    await check(program, plain, dsn)


@pytest.mark.parametrize("program", COMPRESSING, ids=names(COMPRESSING))
async def test_it_does_where_frames_may_be_compressed(
    program: Program, compressing: ServerProcess, dsn: str
) -> None:
    await check(program, compressing, dsn)


async def test_a_program_on_java_s_own_client_calls_and_is_told(
    plain: ServerProcess, dsn: str
) -> None:
    await check(JAVA, plain, dsn)


async def test_a_program_on_mono_s_own_client_calls_and_is_told(
    plain: ServerProcess, dsn: str, tmp_path: Path
) -> None:
    await check(await mono(tmp_path), plain, dsn)
