"""Every metric of a worker, as a table: `/metrics`, docs/operations.md and its tests follow it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Protocol

from server.calls.connection import Connections
from server.calls.openrpc import Document
from server.calls.tally import ABANDONED, BOUNDS, METHOD_ERROR, NO_METHOD
from server.changes.feed import Feed
from server.changes.hub import Hub
from server.database.engine import Database
from server.pages.exposition import Kind, Metric
from server.protocol import closing
from server.protocol.errors import KINDS
from server.resources.sessions.passwords import Passwords

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Collection, Iterable

    from server.calls.context import Services
    from server.calls.tally import Durations, Tally

PREFIX = "victoryvault_"
OK = "ok"
OUTCOMES = (OK, *KINDS, METHOD_ERROR, ABANDONED)
LOST = 1006
"""Of a connection that ended without a close."""
CODES = tuple(
    dict.fromkeys(
        (
            *(each.code for each in vars(closing).values() if isinstance(each, closing.Closing)),
            closing.NO_CODE,
            LOST,
        )
    )
)
"""Each once: a code may have several reasons."""
OTHER = "other"
ALWAYS = frozenset({OK, "internal_error", "unavailable", "timeout"})
"""Shown while they are 0 too, so that an alert sees the first one."""
REASONS = ("rights_changed", "signed_out", "position_gone", "unavailable")


class Door(Protocol):
    """What is counted where clients come in."""

    opened: int
    closed: Counter[int]
    refused: Counter[str]
    sent_bytes: int

    @property
    def open(self) -> Collection[Any]:
        """Sockets."""


class Figures:
    """Of one worker. `look` first: what takes a walk over all sockets is taken once a round."""

    def __init__(self, services: Services, door: Door, tally: Tally, delays: Durations) -> None:
        self.door = door
        self.tally = tally
        self.delays = delays
        self.version: str = services.use(Document).about["version"]
        self.connections = services.use(Connections)
        self.feed = services.use(Feed)
        self.hub = services.use(Hub)
        self.database = services.use(Database)
        self.passwords = services.use(Passwords)
        self.slow = self.calls = self.behind = self.lag = self.sent_bytes = 0
        self.subscriptions = self.deliveries = 0

    def look(self) -> None:
        self.slow = self.calls = self.behind = self.lag = 0
        self.sent_bytes = self.door.sent_bytes + self.hub.sent_bytes
        for socket in self.door.open:
            self.slow += socket.outbox.is_slow
            self.calls += len(socket.running)
            self.sent_bytes += socket.line.written
            for subscription in socket.following.behind:
                self.behind += 1
                lag = self.feed.position.xmax - subscription.where_it_is.xmax
                self.lag = max(self.lag, lag)
        self.subscriptions, self.deliveries = 0, self.hub.deliveries
        for topic in self.hub.topics.values():
            self.subscriptions += len(topic.subscriptions)
            self.deliveries += topic.deliveries
            self.sent_bytes += topic.sent_bytes

    def metrics(self) -> list[Metric]:
        return [*self.of_server(), *self.of_connections(), *self.of_calls(), *self.of_changes()]

    def of_server(self) -> list[Metric]:
        database, feed = self.database, self.feed
        return [
            largest("info", "The version that runs.", lambda: 1, version=self.version),
            gauge("workers", "Workers that run.", lambda: 1),
            gauge(
                "workers_ready",
                "Workers that can serve: /ready says so.",
                lambda: feed.healthy and not self.connections.is_draining,
            ),
            Metric(
                f"{PREFIX}loop_delay_seconds",
                Kind.HISTOGRAM,
                "How late a worker came to what was due, looked at once a second.",
                lambda: numbers(self.delays),
                bounds=BOUNDS,
            ),
            Metric(
                "process_cpu_seconds",
                Kind.COUNTER,
                "Total user and system CPU time spent in seconds, by all workers.",
                lambda: [time.process_time()],
            ),
            gauge(
                "pool_connections",
                "Database connections in the pool.",
                lambda: database.usage.connections,
            ),
            gauge(
                "pool_connections_in_use",
                "Those that somebody uses.",
                lambda: database.usage.in_use,
            ),
            gauge(
                "pool_limit", "Database connections the pool may have.", lambda: database.pool_size
            ),
            gauge(
                "pool_waiting",
                "Queries that wait for a connection.",
                lambda: database.usage.waiting,
            ),
            gauge(
                "passwords_waiting",
                "Passwords to be hashed or verified.",
                lambda: self.passwords.waiting,
            ),
        ]

    def of_connections(self) -> list[Metric]:
        door = self.door
        return [
            gauge("connections", "Sockets that are open.", lambda: len(door.open)),
            counter("connections_opened", "Sockets that were opened.", lambda: door.opened),
            Metric(
                f"{PREFIX}connections_closed",
                Kind.COUNTER,
                "Sockets that were closed, by close code, whoever closed.",
                self.closed,
                ("code",),
                (*((str(code),) for code in CODES), (OTHER,)),
                is_shown_at_zero=is_always,
            ),
            counters(
                "connections_refused",
                "Handshakes and POSTs that were refused before any call, by kind of error.",
                door.refused,
                "kind",
                tuple(KINDS),
            ),
            gauge(
                "sessions_connected",
                "Sessions with a socket; one with sockets on two workers counts twice.",
                lambda: len(self.connections.by_session),
            ),
            gauge("slow_readers", "Sockets that do not keep up.", lambda: self.slow),
            counter("sent_bytes", "Bytes of frames given to the network.", lambda: self.sent_bytes),
        ]

    def closed(self) -> Iterable[float]:
        known = [self.door.closed[code] for code in CODES]
        return [*known, self.door.closed.total() - sum(known)]

    def of_calls(self) -> list[Metric]:
        tally = self.tally
        rows = tuple(
            (method, outcome)
            for method in (*tally.succeeded, NO_METHOD)
            for outcome in OUTCOMES
            if (method, outcome) != (NO_METHOD, OK)
        )
        return [
            Metric(
                f"{PREFIX}calls",
                Kind.COUNTER,
                "Calls that ended, by method and by ok or the kind of their error.",
                lambda: [
                    tally.succeeded[row[0]] if row[1] == OK else tally.failed[row] for row in rows
                ],
                ("method", "outcome"),
                rows,
                is_shown_at_zero=is_always,
            ),
            gauge("calls_in_flight", "Calls of sockets under way.", lambda: self.calls),
            Metric(
                f"{PREFIX}call_duration_seconds",
                Kind.HISTOGRAM,
                "From the message to the reply, of methods that wait for something.",
                lambda: [each for one in tally.durations.values() for each in numbers(one)],
                ("method",),
                tuple((name,) for name in tally.durations),
                BOUNDS,
            ),
        ]

    def of_changes(self) -> list[Metric]:
        feed, hub = self.feed, self.hub
        return [
            gauge("subscriptions", "Subscriptions that are followed.", lambda: self.subscriptions),
            gauge("subscriptions_behind", "Those that catch up or wait.", lambda: self.behind),
            counters(
                "subscriptions_closed",
                "Subscriptions that the server has ended, by reason.",
                hub.closed,
                "reason",
                REASONS,
            ),
            largest("lag_transactions", "Of the subscription farthest behind.", lambda: self.lag),
            gauge("topics", "Different subscriptions, each matched once.", lambda: len(hub.topics)),
            counter("deliveries", "Notifications given to sockets.", lambda: self.deliveries),
            counter(
                "resets",
                "Subscriptions that could not resume, but began anew.",
                lambda: feed.resets,
            ),
            counter(
                "feed_changes",
                "Changes read from the log; each worker reads all.",
                lambda: feed.changes,
            ),
            counter(
                "feed_failures", "Times that the log could not be read.", lambda: feed.failures
            ),
            largest(
                "feed_delay_seconds",
                "Since the log was last read: all that was committed before is published.",
                lambda: asyncio.get_running_loop().time() - feed.read_at,
            ),
        ]


def numbers(durations: Durations) -> list[float]:
    return [*durations.counts, durations.seconds]


def is_always(row: tuple[str, ...]) -> bool:
    return row[-1] in ALWAYS


def counter(name: str, said: str, read: Any) -> Metric:
    return Metric(PREFIX + name, Kind.COUNTER, said, lambda: [read()])


def counters(
    name: str, said: str, counted: Counter[str], label: str, values: tuple[str, ...]
) -> Metric:
    """One for each value of the label."""
    return Metric(
        PREFIX + name,
        Kind.COUNTER,
        said,
        lambda: [counted[value] for value in values],
        (label,),
        tuple((value,) for value in values),
        is_shown_at_zero=is_always,
    )


def gauge(name: str, said: str, read: Any) -> Metric:
    return Metric(PREFIX + name, Kind.GAUGE, said, lambda: [read()])


def largest(name: str, said: str, read: Any, **labels: str) -> Metric:
    return Metric(
        PREFIX + name,
        Kind.LARGEST,
        said,
        lambda: [read()],
        tuple(labels),
        (tuple(labels.values()),),
    )
