"""The types of what a resource's methods take and give, made from its fields and its row."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_type_hints
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from server.calls.schemas import Place
from server.protocol.filters import FieldType
from server.resources.resource import ALWAYS, Resource
from server.resources.wheres import where_of

MOST_WORDS = 100

Name = Annotated[
    str, Meta(description="The same for all who ask for the same and may see the same")
]
Version = Annotated[int, Meta(description="The row's, after the change")]
Reached = Annotated[Place | None, Meta(description="Null while parts are still to come")]
More = Annotated[bool, Meta(description="Whether parts follow, as notifications")]
Partial = Annotated[
    bool, Meta(description="Further parts follow", extra_json_schema={"const": True})
]
Snapshot = Annotated[bool, Meta(extra_json_schema={"const": True})]
Since = Annotated[bool, Meta(extra_json_schema={"const": False})]
Next = Annotated[str | None, Meta(description="The `after` of the next page; null at the end")]
Reason = Annotated[
    Literal["deleted", "filter", "forbidden"],
    Meta(description="Gone, does not match any more, or may not be seen any more"),
]


class Leave(msgspec.Struct, tag_field="op", tag="leave"):
    """A row that is in the subscription no longer."""

    id: UUID
    version: Version
    reason: Reason


class Asking:
    """The types of the params of `list` and `subscribe`."""

    def __init__(self, resource: Resource) -> None:
        seen = dict.fromkeys(name for view in resource.views.values() for name in view)
        fields = {name: resource.live.types[name] for name in seen}
        sortable = [name for name, kind in fields.items() if kind is not FieldType.JSON]
        ways = [way for name in sortable for way in (name, f"-{name}")]
        self.where = where_of(resource.name, fields)
        self.order_by = words(ways, 'Fields, "-" before one for descending; ties by `id`')
        self.fields = words(list(fields), "Those to have; `id` and `version` always are")


def words(choice: list[str], description: str) -> Any:
    word = Annotated[str, Meta(extra_json_schema={"enum": choice})]
    many = list[word]
    return Annotated[many, Meta(max_length=MOST_WORDS, description=description)]


class Giving:
    """The types of their replies, and of the notification."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        name, plural, row = resource.name, resource.plural, resource.shape
        kinds: dict[str, Any] = get_type_hints(row, include_extras=True)
        kept = {key: kinds.pop(key) for key in ALWAYS}
        some = {key: kind | UnsetType for key, kind in kinds.items()}
        part = self.struct("Part", f"A {name}, with the fields that were asked for.", kept | some)
        set_ = self.struct("Set", f"Fields of a {name}, with what they are now.", some)
        told = {"id": UUID, "version": Version, "set": set_}
        enter = self.struct("Enter", f"A {name} that was not in it: all that one sees.", told)
        change = self.struct("Change", f"A {name} that was in it: only what differs.", told)
        many = list[enter | change | Leave]  # type: ignore[valid-type]
        changes = Annotated[many, Meta(description="In order, at most one of each row")]
        named = {"subscription": Name, "position": Reached}
        self.page = self.struct(
            "Page",
            f"A page of {plural}.",
            {plural: list[row], "next": Next},  # type: ignore[valid-type]
        )
        self.snapshot = self.struct(
            "Snapshot",
            f"All {plural} that match.",
            {**named, "reset": Snapshot, plural: list[part], "more": More},  # type: ignore[valid-type]
        )
        self.resumed = self.struct(
            "Resumed",
            f"What has changed in the {plural} since `after`, at most once for each.",
            {**named, "reset": Since, "changes": changes, "more": More},
        )
        self.changed = self.struct(
            "Changed",
            f"What to do to one's copy of the {plural}.",
            {**named, "changes": changes, "more": Partial | UnsetType},
        )

    def struct(self, word: str, description: str, members: dict[str, Any]) -> Any:
        """Members that may be unset are left out by default."""
        tag = {"tag_field": "op", "tag": word.lower()} if word in {"Enter", "Change"} else {}
        made = msgspec.defstruct(
            self.resource.name.capitalize() + word,
            [
                (name, kind, UNSET) if UnsetType in getattr(kind, "__args__", ()) else (name, kind)
                for name, kind in members.items()
            ],
            kw_only=True,
            **tag,  # type: ignore[arg-type]
        )
        made.__doc__ = description
        return made
