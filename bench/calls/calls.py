"""The calls that are measured, as the wire has them, and what each is compared with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

PAGE = 50
STATUS = "in the lobby"


class Call(NamedTuple):
    method: str
    params: Callable[[UUID], dict[str, Any]]
    """Given the user that the call is about."""
    baseline: str
    """What does the same without the server, in a few words."""

    def message(self, user: UUID, id_: int) -> bytes:
        """The id stands last, where the stub of a server finds it."""
        request = {"jsonrpc": "2.0", "method": self.method, "params": self.params(user), "id": id_}
        return msgspec.json.encode(request)


PING, GET, LIST, UPDATE = "rpc.ping", "user.get", "user.list", "user.update"
CALLS = {
    call.method: call
    for call in (
        Call(PING, lambda _user: {}, "a bare socket on the same stack"),
        Call(GET, lambda user: {"id": user}, "its SELECT by id"),
        Call(LIST, lambda _user: {"limit": PAGE}, f"its SELECT … LIMIT {PAGE + 1}"),
        Call(
            UPDATE,
            lambda user: {"id": user, "set": {"status": STATUS}},
            "BEGIN; its UPDATE … RETURNING; COMMIT",
        ),
    )
}


def shares(users: list[UUID], slots: int) -> list[list[UUID]]:
    """For each call under way users of its own, so that no update waits for another's row."""
    return [users[slot::slots][:16] for slot in range(slots)]
