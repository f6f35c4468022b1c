"""The change log: one table, partitioned by time, read from a position.

What comes after a position is what is visible now and was not then: changes of transactions that
had not begun, and of those that were running. One statement, one snapshot, whole transactions;
within a row, sequence is the order of commits, for it is drawn under the row's lock.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from sys import getsizeof
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from server.protocol.changes import Change
from server.protocol.positions import Position, from_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_CHANGES = 50_000
MAX_BYTES = 64 * 1024 * 1024
"""Beyond so many, a new snapshot is cheaper than what changed."""

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
CLOCK_STEP = timedelta(hours=1)

INCARNATION = """
    SELECT substr(md5(concat_ws('/', system_identifier, timeline.id, current_database(),
        (SELECT oid FROM pg_database WHERE datname = current_database()))), 1, 8)
    FROM pg_control_system(), (
        SELECT CASE WHEN NOT pg_is_in_recovery()
            THEN substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END AS id
    ) AS timeline
"""
"""The timeline is that of the WAL: the control file has a new one only after a checkpoint."""
HEAD = "SELECT pg_current_snapshot()::text"
COLUMNS = "sequence, xid::text AS xid, source, id::text AS id, before::text, after::text"
FAR = 1000
"""Transactions that have begun since the oldest unseen one: beyond, it is looked for by itself."""


def reading(unseen: str) -> str:
    """SQL of $1 xmax, $2 the oldest unseen, $3 those in progress, $4 when the unseen ones began."""
    return f"""
        WITH head AS MATERIALIZED (
            SELECT pg_current_snapshot()::text AS snapshot,
                (SELECT pruned::text FROM change_log) AS pruned, statement_timestamp() AS moment
        )
        SELECT head.*, unseen.* FROM head LEFT JOIN (
            {unseen} ORDER BY sequence LIMIT {MAX_CHANGES + 1}
        ) AS unseen ON true
        ORDER BY sequence
    """  # noqa: S608


def measuring(unseen: str) -> str:
    """SQL of the same arguments: how many changes there are, and how large, without their rows."""
    return f"""
        SELECT count(*) AS changes, coalesce(sum(bytes), 0) AS bytes FROM (
            SELECT coalesce(octet_length(before::text), 0)
                + coalesce(octet_length(after::text), 0) AS bytes
            FROM ({unseen} LIMIT {MAX_CHANGES + 1}) AS unseen
        ) AS measured
    """  # noqa: S608


IN_TIME = "at >= $4::timestamptz AND at < now() + interval '1 day'"
UNSEEN = f"""
    SELECT {COLUMNS} FROM changes WHERE xid >= $2::text::xid8 AND {IN_TIME}
        AND (xid >= $1::text::xid8 OR xid = ANY($3::text[]::xid8[]))
"""  # noqa: S608
UNSEEN_FAR = f"""
    SELECT {COLUMNS} FROM changes WHERE xid >= $1::text::xid8 AND {IN_TIME}
    UNION ALL
    SELECT {COLUMNS} FROM changes WHERE $2::text <> '' AND xid = ANY($3::text[]::xid8[])
"""  # noqa: S608
"""The same, without a look at all that others have written since a long transaction began."""
READ, READ_FAR = reading(UNSEEN), reading(UNSEEN_FAR)
MEASURE, MEASURE_FAR = measuring(UNSEEN), measuring(UNSEEN_FAR)

decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode


class GoneError(Exception):
    """The log no longer reaches back to the position, or too much has happened since."""


class Head:
    """The incarnation and the position that a connection sees."""

    def __init__(self, connection: Any, incarnation: str) -> None:
        self.connection = connection
        self.incarnation = incarnation

    @classmethod
    async def of(cls, connection: Any, seconds: float) -> Head:
        return cls(connection, await connection.fetchval(INCARNATION, timeout=seconds))

    async def position(self, seconds: float) -> Position:
        snapshot = await self.connection.fetchval(HEAD, timeout=seconds)
        return from_snapshot(self.incarnation, snapshot)


Fetch = Callable[..., Awaitable[list[Any]]]


class Read(NamedTuple):
    position: Position
    changes: list[Change]
    moment: datetime
    """Of the database's clock, not after the position."""


async def read(
    fetch: Fetch, after: Position, moment: datetime | None = None, *, measure: bool = False
) -> Read:
    """The position now, and all changes between, in sequence. Raises GoneError.

    With `measure`, what is too much is not fetched first.
    With the `moment` of `after`, partitions of days before it are not looked at for transactions
    that began later; a clock that was set back by less than an hour does no harm.
    """
    first_unseen = min((*after.in_progress, after.xmax))
    is_far = after.xmax - first_unseen > FAR
    is_recent = moment is not None and (is_far or not after.in_progress)
    since = moment - CLOCK_STEP if moment is not None and is_recent else LONG_AGO
    running = [str(xid) for xid in after.in_progress]
    arguments = (str(after.xmax), str(first_unseen), running, since)
    if measure:
        (size,) = await fetch(MEASURE_FAR if is_far else MEASURE, *arguments)
        if size["changes"] > MAX_CHANGES or size["bytes"] > MAX_BYTES:
            raise GoneError
    rows = await fetch(READ_FAR if is_far else READ, *arguments)
    snapshot, pruned = rows[0]["snapshot"], int(rows[0]["pruned"])
    if first_unseen <= pruned or len(rows) > MAX_CHANGES:
        raise GoneError
    changes = [change_of(row[3:]) for row in rows] if rows[0]["sequence"] is not None else []
    return Read(from_snapshot(after.incarnation, snapshot), changes, rows[0]["moment"])


class LoggedRow(Mapping[str, Any]):
    """A row as the log has it, decoded when somebody looks: most changes interest nobody here.

    Looking raises GoneError when it is deeper than can be read.
    """

    __slots__ = ("_values", "texts")

    def __init__(self, *texts: str) -> None:
        self.texts = texts
        """JSON objects; the later ones say what differs."""
        self._values: dict[str, Any] | None = None

    @property
    def values_now(self) -> dict[str, Any]:
        if self._values is None:
            try:
                values: dict[str, Any] = {}
                for text in self.texts:
                    values |= decode(text)
            except (msgspec.MsgspecError, RecursionError):
                raise GoneError from None
            self._values = values
        return self._values

    def forget(self) -> None:
        """What was decoded."""
        self._values = None

    def __getitem__(self, name: str) -> Any:
        return self.values_now[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_now)

    def __len__(self) -> int:
        return len(self.values_now)


def logged_rows(change: Change) -> list[LoggedRow]:
    return [row for row in (change.before, change.after) if isinstance(row, LoggedRow)]


def size_of(change: Change) -> int:
    """Bytes that its text takes."""
    return sum(getsizeof(row.texts[-1]) for row in logged_rows(change))


def forget(change: Change) -> None:
    for row in logged_rows(change):
        row.forget()


def may_differ(change: Change, name: str) -> bool:
    """Whether it may have changed a value. False is sure, and costs no decoding."""
    before = change.before
    return not isinstance(before, LoggedRow) or f'"{name}":' in before.texts[-1]


def change_of(row: Any) -> Change:
    sequence, xid, source, id_, before, after = row
    return Change(
        source,
        id_,
        None
        if before is None
        else LoggedRow(before)
        if after is None
        else LoggedRow(after, before),
        None if after is None else LoggedRow(after),
        int(xid),
        sequence,
    )


def unseen(changes: Iterable[Change], position: Position) -> list[Change]:
    return [change for change in changes if not position.has_seen(change.xid)]
