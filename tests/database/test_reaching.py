"""Why a database cannot be used, said in one sentence."""

from __future__ import annotations

import asyncio
import re

import pytest

from server.database.reaching import UnreachableError, check
from tests.conftest import Databases
from tests.process import command


async def test_a_database_without_tls_is_told_from_one_that_does_not_answer() -> None:
    async def refuse_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.write(b"N")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(refuse_tls, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        dsn = f"postgresql://vault:hidden-password@127.0.0.1:{port}/vault"
        with pytest.raises(UnreachableError, match=f"127.0.0.1:{port}, .* has no TLS") as refused:
            await check(f"{dsn}?sslmode=require")
    assert "hidden-password" not in str(refused.value)


async def test_an_sslmode_that_is_none_is_answered_by_those_there_are() -> None:
    with pytest.raises(UnreachableError, match=r"`sslmode` .* one of: disable, .*verify.full\.$"):
        await check("postgresql://vault@127.0.0.1:9/vault?sslmode=banana")


@pytest.mark.parametrize("action", [("doctor",), ("serve", "--port", "0"), ("migrate", "forwards")])
async def test_a_user_who_may_not_read_the_tables_is_told_so_and_not_that_they_lack(
    databases: Databases, action: tuple[str, ...]
) -> None:
    dsn = await databases.create()
    await databases.run("CREATE ROLE stranger LOGIN")
    try:
        code, said = await command(re.sub(r"//\w+@", "//stranger@", dsn), *action)
    finally:
        await databases.drop(dsn)
        await databases.run("DROP ROLE stranger")
    assert code == 1
    assert "The user stranger may not read the tables of victoryvault; grant it" in said
    assert "GRANT victoryvault TO stranger" in said
    assert "pending" not in said
    assert "Traceback" not in said
