"""Every client holds every conversation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.transcripts.actors import CLIENTS, Actor, acting, prepared
from tests.transcripts.runner import Play, Stage, staged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CONVERSATIONS = {
    path.stem: json.loads(path.read_text())["steps"]
    for path in sorted((Path(__file__).parent / "conversations").glob("*.json"))
}


class Pair(NamedTuple):
    stage: Stage
    actor: Actor


@pytest.fixture(scope="module", params=CLIENTS)
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    """A client's actor, for all conversations."""
    await prepared(request.param)
    async with staged() as stage, acting(request.param, stage.port, stage.actors) as actor:
        yield Pair(stage, actor)


@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_a_client_holds_the_conversation(pair: Pair, name: str) -> None:
    play = Play(*pair)
    await play.play(CONVERSATIONS[name])
    await play.end()
