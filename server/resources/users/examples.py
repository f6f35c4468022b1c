"""Mary, as the contract's examples show her: just signed up."""

from __future__ import annotations

from uuid import UUID

from msgspec import Raw, structs

from server.calls.schemas import MOMENT
from server.resources.users.views import UserView

EMAIL = "mary@example.org"
FULL_NAME = "Mary Somerville"
PASSWORD = "a long password"  # noqa: S105 - of nobody
SEEN = UserView(
    id=UUID("019ab5c2-7a40-7000-8000-000000000001"),
    full_name=FULL_NAME,
    status="",
    profile=Raw(b"{}"),
    version=1,
    created_at=MOMENT,
    updated_at=MOMENT,
)
"""By others, and in lists."""
MARY = structs.replace(SEEN, email=EMAIL, role="player")
"""By herself."""
