"""Writers ring when somebody listens for it, so that an idle feed need not look all the time.

A feed that has nothing to do holds a lock in share. The capture trigger tries to take it for
itself: when it cannot, the writer's COMMIT sends a NOTIFY. A feed that is busy reads all the time
anyway: it lets go of the lock, and writers neither ring nor wait for one another's NOTIFY.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from server.protocol.positions import Position

CHANNEL = "victoryvault"
LOCK = 0x76_61_75_6C_74
"""An advisory lock's key. It is shared by all that listen, and never held by a writer."""
RINGS = "current_setting('max_prepared_transactions') = '0'"
"""A transaction that is to be prepared refuses NOTIFY: where such may come, the clock has to do."""
RING = f"""
    IF NOT (pg_try_advisory_lock({LOCK}) AND pg_advisory_unlock({LOCK})) AND {RINGS} THEN
        PERFORM pg_notify('{CHANNEL}', '');
    END IF;"""
"""For a trigger, after the change is in the log."""
CLOSE_SECONDS = 0.02
"""Changes closer together than that are looked for, and do not ring."""
TAKE = f"""
    SELECT CASE WHEN {RINGS} AND pg_try_advisory_lock_shared({LOCK}) THEN pg_current_xact_id() END
    IS NOT NULL
"""
"""Its transaction comes after all that did not ring, and ends: so a snapshot afterwards has ended
them, or says that they run."""
LET_GO = f"SELECT pg_advisory_unlock_shared({LOCK})"


class Bell:
    """Of one connection of a feed, which hears of the NOTIFY itself."""

    def __init__(self, connection: Any, seconds: float) -> None:
        self.connection = connection
        self.seconds = seconds
        """A statement takes at most."""
        self.is_up = False
        self.busy_at = float("-inf")
        self.unheard: set[int] | None = None
        """Transactions that may have asked before it was up; None until a position says which."""

    async def tend(self, *, is_busy: bool, now: float) -> bool:
        """Takes it down while changes come close together, and hangs it up when they do not.

        Whether it was hung up just now: what was committed before that has to be looked for.
        """
        is_close = now - self.busy_at < CLOSE_SECONDS
        if is_busy:
            self.busy_at = now
        if self.is_up and is_busy and is_close:
            self.is_up = False
            await self.connection.fetchval(LET_GO, timeout=self.seconds)
        elif not self.is_up and not is_busy and not is_close:
            self.is_up = await self.connection.fetchval(TAKE, timeout=self.seconds)
            self.unheard = None
            return self.is_up
        return False

    def hears_all(self, position: Position) -> bool:
        """Whether all that comes after a position, read since it is up, will ring."""
        if not self.is_up:
            return False
        running = set(position.in_progress)
        self.unheard = running if self.unheard is None else self.unheard & running
        return not self.unheard
