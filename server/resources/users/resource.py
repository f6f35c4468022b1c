"""Users as a resource: everybody sees every user, and more of oneself, or as an admin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.calls.connection import Caller
from server.resources.resource import Resource
from server.resources.users.examples import SEEN
from server.resources.users.tables import LIVE
from server.resources.users.views import OWN_FIELDS, PUBLIC_FIELDS, UserView


def view_of_rows(caller: Caller, where: Mapping[str, Any]) -> str:
    """The owner's only when `where` names them and no more."""
    if caller.is_admin:
        return "admin"
    if where.keys() == {"id"} and str(where["id"]).lower() == str(caller.user):
        return "owner"
    return "public"


USERS = Resource(
    name="user",
    live=LIVE,
    shape=UserView,
    views={"public": PUBLIC_FIELDS, "owner": OWN_FIELDS, "admin": OWN_FIELDS},
    view_of=view_of_rows,
    example={"where": {"full_name": {"prefix": "Mary"}}},
    row=SEEN,
)
