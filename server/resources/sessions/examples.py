"""Mary's session, as the contract's examples show it."""

from __future__ import annotations

from uuid import UUID

from server.calls.schemas import MOMENT
from server.resources.sessions.rows import SessionView
from server.resources.users.examples import MARY

TOKEN = "3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"  # noqa: S105 - of nobody
EXPIRES_AT = "2026-12-24T12:00:00.000000Z"
SESSION = SessionView(
    id=UUID("019ab5c2-7a41-7000-8000-000000000002"),
    user=MARY.id,
    created_at=MOMENT,
    last_seen=MOMENT,
    expires_at=EXPIRES_AT,
    address="127.0.0.1",
    client="ExampleGame/1.0",
    online=True,
    current=True,
)
