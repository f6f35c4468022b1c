"""README's way to add a method, followed word by word."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from server import resources
from tests.client import ReplyError
from tests.conftest import ROOT, serving, settings_for, sign_up


@pytest.fixture
def greetings(tmp_path: Path) -> Iterator[None]:
    """The folder that README describes, where the resources are looked for."""
    (block,) = re.findall(r"```python\n(import msgspec\n.*?)```", README, re.DOTALL)
    folder = tmp_path / "greetings"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "methods.py").write_text(block)
    resources.__path__.append(str(tmp_path))
    yield
    resources.__path__.remove(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("server.resources.greetings")]:
        del sys.modules[name]


README = (ROOT / "README.md").read_text()


@pytest.mark.usefixtures("greetings")
async def test_a_folder_with_a_declared_method_is_served_checked_and_documented(dsn: str) -> None:
    async with serving(settings_for(dsn)) as server, server.connect() as client:
        with pytest.raises(ReplyError, match="unauthenticated"):
            await client.call("greeting.say", name="Ada")
        await sign_up(client)
        assert await client.call("greeting.say", name="Ada") == {"text": "Hello, Ada."}
        assert (await client.call("greeting.say", name="Ada", loudly=True))["text"] == "Hello, Ada!"
        with pytest.raises(ReplyError) as refused:
            await client.call("greeting.say", name=1)
        assert refused.value.data == {"kind": "invalid_params", "path": "name"}
        document = await client.call("rpc.discover")
        (described,) = [each for each in document["methods"] if each["name"] == "greeting.say"]
        assert described["summary"] == "Greets somebody."
        assert [each["name"] for each in described["params"]] == ["name", "loudly"]
