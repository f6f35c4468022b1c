"""What the documentation says is what the tables say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from server import resources
from server.database.embedded.data_directory import socket_directory
from server.protocol import closing
from server.protocol.errors import KINDS
from server.settings import Limits, markdown
from tests.conftest import ROOT

PROTOCOL = (ROOT / "docs/protocol.md").read_text()
OPERATIONS = (ROOT / "docs/operations.md").read_text()
README = (ROOT / "README.md").read_text()


def test_the_page_of_settings_is_made_from_their_table() -> None:
    assert (ROOT / "docs/settings.md").read_text().rstrip() == markdown(), "run `make docs`"


@pytest.mark.parametrize("name", Limits.model_fields)
def test_each_limit_is_in_the_protocol(name: str) -> None:
    assert f"`{name}`" in PROTOCOL


@pytest.mark.parametrize("kind", KINDS)
def test_each_error_is_in_the_protocol_with_its_code(kind: str) -> None:
    line = next(line for line in PROTOCOL.splitlines() if f"`{kind}`" in line and "·" in line)
    before = line[: line.index(f"`{kind}`")]
    assert re.findall(r"-?\b\d{3,5}\b", before)[-1] == str(KINDS[kind].code)


def test_each_close_code_is_in_the_protocol() -> None:
    codes = [each.code for each in vars(closing).values() if isinstance(each, closing.Closing)]
    section = PROTOCOL[PROTOCOL.index("Close codes:") :]
    assert {str(code) for code in codes} <= set(re.findall(r"\b\d{4}\b", section))


@pytest.mark.parametrize("method", [each.name for each in resources.methods()])
def test_each_method_is_in_the_protocol_and_explains_itself(method: str) -> None:
    assert f"`{method}`" in PROTOCOL or f"`{method} {{id}}`" in PROTOCOL
    (found,) = [each for each in resources.methods() if each.name == method]
    assert found.description.split("\n")[0].endswith(".")


def test_readme_names_the_commands_that_ci_runs() -> None:
    for command in ("make dev", "make test", "make check"):
        assert command in README


def test_operations_reads_the_environment_before_each_command_that_needs_the_database() -> None:
    blocks = [
        block
        for block in re.findall(r"```sh\n(.*?)```", OPERATIONS, re.DOTALL)
        if "/bin/victoryvault " in block
    ]
    assert len(blocks) == 2
    for block in blocks:
        before, _, _after = block.partition("/bin/victoryvault ")
        assert "set -a; . /etc/victoryvault.env; set +a\n" in before
        assert OPERATIONS.index("\nDATABASE_URL=") < OPERATIONS.index(block)


def test_operations_backs_up_through_the_socket_that_the_embedded_postgresql_has() -> None:
    socket = socket_directory(Path("/here/.victoryvault/postgres")).relative_to("/here")
    assert f'pg_dump --format=custom --host="$PWD/{socket}" ' in OPERATIONS


def test_readme_says_how_to_install_each_client() -> None:
    clients = README[README.index("## Clients") : README.index("## Make")]
    for words in ("npm ci`, then `npm install", "--experimental-websocket", "{ WebSocket }"):
        assert words in clients
    assert "pip install ./clients/python" in clients
    python = (ROOT / "clients/python/README.md").read_text()
    assert python.index("pip install") < python.index("```python")
