"""How long to wait before coming back."""

from __future__ import annotations

import random

MOST_SECONDS = 15.0
FIRST_SECONDS = 0.2


def jitter(tries: int) -> float:
    """Seconds before attempt `tries`: full jitter, so that not all come back at once."""
    most: float = min(MOST_SECONDS, FIRST_SECONDS * 2 ** min(tries, 16))
    return random.random() * most  # noqa: S311 - no secret
