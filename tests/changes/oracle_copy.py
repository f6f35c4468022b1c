"""What a client holds of a subscription, by protocol §5 alone, and what must never happen to it."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

SECRET = {"email", "role"}
CANARY = "canary"
"""Every email has it, before its number, and nothing else does."""


class WrongError(AssertionError):
    """The server broke a promise."""


class Spec(NamedTuple):
    """What is asked for."""

    where: dict[str, Any]
    fields: tuple[str, ...] | None = None
    interval_ms: int = 0
    limit: int = 1000
    sees_pairs: bool = False
    """Whether both rows of a pair, or none, are in it, with their status."""

    def params(self, after: str | None) -> dict[str, Any]:
        params: dict[str, Any] = {"where": self.where, "limit": self.limit}
        if self.fields is not None:
            params["fields"] = self.fields
        if self.interval_ms:
            params["interval_ms"] = self.interval_ms
        return params if after is None else {**params, "after": after}

    def shown(self, row: dict[str, Any]) -> dict[str, Any]:
        """Of a listed row, what a copy promises to have."""
        if self.fields is None:
            return row
        return {name: row[name] for name in ("id", *self.fields)}


class Copy:
    def __init__(
        self, spec: Spec, pairs: list[tuple[str, str]], *, may_be_admins: bool = False
    ) -> None:
        self.spec = spec
        self.pairs = pairs
        self.may_be_admins = may_be_admins
        self.shown: set[str] | None = None
        """What its rows show, all of them the same; None before the first."""
        self.name: str | None = None
        """S, while it is subscribed to."""
        self.rows: dict[str, dict[str, Any]] = {}
        self.newest: dict[str, int] = {}
        """The highest version that was ever seen of a row."""
        self.position: str | None = None
        self.flips = 0
        """Changes of the caller's role that had begun when the position came."""
        self.is_complete = False
        self.delivered = 0

    def replied(self, reply: dict[str, Any], after: str | None) -> None:
        self.name = reply["subscription"]
        if reply["reset"]:
            self.rows, self.shown = {}, None
            for row in reply["users"]:
                self.check_whole(row["id"], row)
                self.check_version(row["id"], row["version"])
                self.rows[row["id"]] = row
        elif after is None:
            raise WrongError(f"resumed what was new: {reply}")
        else:
            self.apply(reply["changes"])
        self.arrived(reply)

    def notified(self, params: dict[str, Any]) -> None:
        self.apply(params["changes"])
        if len({each["id"] for each in params["changes"]}) != len(params["changes"]):
            raise WrongError(f"two changes of one row in one notification: {params}")
        self.arrived(params)

    def arrived(self, frame: dict[str, Any]) -> None:
        self.is_complete = not frame.get("more")
        if self.is_complete:
            if not isinstance(frame["position"], str):
                raise WrongError(f"the last part has no position: {frame}")
            self.position = frame["position"]
            self.check_pairs()

    def cut(self) -> None:
        """The connection is gone; a copy that is not complete is worth nothing."""
        self.name = None
        if not self.is_complete:
            self.position = None

    def apply(self, changes: list[dict[str, Any]]) -> None:
        for each in changes:
            id_, held = each["id"], each["id"] in self.rows
            self.delivered += 1
            if held == (each["op"] == "enter"):
                state = "held" if held else "not held"
                raise WrongError(f"{each} of a row that is {state}: {self.rows.get(id_)}")
            self.check_version(id_, each["version"])
            if each["op"] == "leave":
                del self.rows[id_]
                continue
            if held:
                self.check_shown(id_, each["set"])
            else:
                self.check_whole(id_, each["set"])
            row = self.rows.setdefault(id_, {"id": id_})
            row.update(each["set"], version=each["version"])

    def check_version(self, id_: str, version: int) -> None:
        if version < self.newest.get(id_, 0):
            raise WrongError(f"{id_} went back from {self.newest[id_]} to {version}")
        self.newest[id_] = version

    def check_whole(self, id_: str, row: dict[str, Any]) -> None:
        """Of a row that is new here: one view for all rows."""
        self.check_shown(id_, row)
        shown = row.keys() - {"id", "version"}
        if self.shown is None:
            self.shown = shown
        if self.shown != shown:
            raise WrongError(f"{id_} shows {sorted(shown)}, the others {sorted(self.shown)}")

    def check_shown(self, id_: str, row: dict[str, Any]) -> None:
        if row.keys() & SECRET and not self.may_be_admins:
            raise WrongError(f"{id_} shows {row.keys() & SECRET}")
        if self.shown is not None and row.keys() - {"id", "version", *self.shown}:
            raise WrongError(f"{id_} shows {sorted(row)}, the others {sorted(self.shown)}")
        fields = self.spec.fields
        if fields is not None and row.keys() - {"id", "version", *fields}:
            raise WrongError(f"{id_} shows {list(row)}, and {fields} were asked for")

    def check_pairs(self) -> None:
        if not self.spec.sees_pairs:
            return
        for left, right in self.pairs:
            tags = {self.rows.get(id_, {}).get("status") for id_ in (left, right)}
            if len(tags) != 1:
                raise WrongError(f"a torn transaction: {left} and {right} have {tags}, {self.spec}")

    def differences(self, listed: list[dict[str, Any]]) -> list[str]:
        """Between the copy and what `user.list` says."""
        fresh = {row["id"]: canonical(self.spec.shown(row)) for row in listed}
        mine = {id_: canonical(self.spec.shown(row)) for id_, row in self.rows.items()}
        return [
            f"{id_}: copy {mine.get(id_)!r}, list {fresh.get(id_)!r}"
            for id_ in sorted(fresh.keys() | mine.keys())
            if fresh.get(id_) != mine.get(id_)
        ]


def canonical(row: dict[str, Any]) -> bytes:
    return json.dumps(row, sort_keys=True, separators=(",", ":")).encode()


def read(text: str | bytes) -> Any:
    """As JavaScript reads it: 1.0 is 1."""
    return json.loads(text, parse_float=number)


def number(text: str) -> float:
    value = float(text)
    return int(value) if value.is_integer() else value
