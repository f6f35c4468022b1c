"""Times on the wire: RFC 3339, UTC, always with six digits of a second."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta

Time = Annotated[
    str, Meta(extra_json_schema={"format": "date-time"}, description="RFC 3339, UTC, microseconds")
]


def written(when: datetime) -> str:
    """`when` has an offset."""
    return when.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def now() -> str:
    return written(datetime.now(UTC))
