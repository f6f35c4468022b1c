"""The examples of the OpenRPC document, told as one story to a real server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from server.resources.presence.attendance import Attendance
from tests.conftest import Running
from tests.contract import DOCUMENT

EXAMPLES = {
    each["name"]: each["examples"][0]
    for each in json.loads(DOCUMENT.read_text())["methods"]
    if "result" in each
}
STORY = (
    *("user.create", "session.list", "user.get", "user.list"),
    *("user.subscribe", "subscription.list", "subscription.sync", "subscription.explain"),
    *("subscription.close", "presence.subscribe", "presence.list"),
    *("rpc.ping", "rpc.cancel", "system.info", "rpc.discover"),
    *("session.delete", "session.create", "session.resume", "session.renew"),
    *("user.update", "user.set_password", "user.delete"),
)
ABRIDGED = {
    "system.info": {"limits", "description", "version"},
    "rpc.discover": {"info", "servers", "methods", "components"},
}
"""Members that an example only begins, or that another release says otherwise."""
MADE = re.compile(
    r"(?P<id>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    r"|(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)"
    r"|(?P<subscription>[a-z]+\.[0-9a-f]{32})"
    r"|(?P<position>[0-9a-f]{8}\.[0-9a-f]+(-[0-9a-f]+)*)"
    r"|(?P<token>[A-Za-z0-9_-]{43})"
)
"""What a server makes: another one has others."""


class Story:
    def __init__(self) -> None:
        self.real: dict[str, str] = {}
        """What the server says, for what the examples say."""

    def asked(self, value: Any) -> Any:
        match value:
            case str():
                return self.real.get(value, value)
            case list():
                return [self.asked(each) for each in value]
            case dict():
                return {name: self.asked(each) for name, each in value.items()}
        return value

    def learn(self, example: Any, said: Any) -> None:
        for left, right in pairs(example, said):
            if MADE.fullmatch(left):
                self.real[left] = right


def pairs(example: Any, said: Any) -> Iterator[tuple[str, str]]:
    """Texts in the same places of both."""
    if isinstance(example, str) and isinstance(said, str):
        yield example, said
    elif isinstance(example, list) and isinstance(said, list):
        for left, right in zip(example, said, strict=False):
            yield from pairs(left, right)
    elif isinstance(example, dict) and isinstance(said, dict):
        for name in example.keys() & said.keys():
            yield from pairs(example[name], said[name])


def shape(value: Any) -> Any:
    """With what a server makes as the kind of thing that it is."""
    match value:
        case str() if found := MADE.fullmatch(value):
            return f"<{found.lastgroup}>"
        case list():
            return [shape(each) for each in value]
        case dict():
            return {name: shape(each) for name, each in value.items()}
    return value


async def test_every_example_is_true(server: Running) -> None:
    assert sorted(STORY) == sorted(EXAMPLES), "each of them has its place in the story"
    story = Story()
    agent = EXAMPLES["session.list"]["result"]["value"]["sessions"][0]["client"]
    ends = STORY.index("session.delete") + 1
    for chapter in (STORY[:ends], STORY[ends:]):
        async with server.connect(user_agent_header=agent) as client:
            for name in chapter:
                example = EXAMPLES[name]
                params = {each["name"]: story.asked(each["value"]) for each in example["params"]}
                while server.services.use(Attendance).coming:
                    await client.call("rpc.ping")
                said = await client.call(name, **params)
                expected = example["result"]["value"]
                story.learn(expected, said)
                for each in ABRIDGED.get(name, ()):
                    said[each] = expected[each]
                assert shape(said) == shape(expected), name
