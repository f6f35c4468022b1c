"""The model that the hub, the ring and the subscriptions are held against.

The log is one in memory and the clock is the test's own; all else is what the server runs.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from copy import copy, deepcopy
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from server.changes.hub import Hub
from server.changes.ring import Batch, Ring
from server.changes.subscription import Subscription
from server.protocol.changes import Selection, entries, merged
from server.protocol.filters import EVERYTHING, FieldType, parse
from server.protocol.frames import Frame
from server.protocol.positions import Position
from server.protocol.positions import parse as parse_position
from tests.changes.world import (
    TABLE,
    Rows,
    Transaction,
    World,
    apply_strictly,
    seen,
)

FIELDS = {"id": FieldType.ID, "team": FieldType.TEXT, "score": FieldType.NUMBER}
INTERVAL = 1.0


class Kind(NamedTuple):
    """What one can subscribe to."""

    id: str
    selection: Selection
    interval: float = 0.0
    max_bytes: int = 1_000_000


def selection(
    where: dict[str, Any], fields: tuple[str, ...] = ("team", "score"), **more: Any
) -> Selection:
    return Selection(
        parse(where, FIELDS, max_values=9), more.pop("rule", EVERYTHING), fields, **more
    )


RED = {"team": "red"}
HIGH = parse({"score": {"gte": 1}}, FIELDS, max_values=9)
KINDS = (
    Kind("all", selection({})),
    Kind("parts", selection({}), max_bytes=150),
    Kind("red", selection(RED)),
    Kind("high", selection(RED, rule=HIGH)),
    Kind("scores", selection({}, ("score",), has_version=False)),
    Kind("slow", selection(RED), interval=INTERVAL),
    Kind("slow scores", selection({}, ("score",), has_version=False), interval=INTERVAL),
)
IDS = ("a", "b")
VALUES = st.none() | st.fixed_dictionaries(
    {"team": st.sampled_from(["red", "blue"]), "score": st.integers(0, 1)}
)


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time passes when it is told to."""

    now = 0.0

    def time(self) -> float:
        return self.now


class Reader:
    """A connection with one subscription, and the client's copy at its other end."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.rows: Rows = {}
        self.position: Position | None = None
        self.subscription: Subscription | None = None
        self.waiting: list[Frame] = []
        """Given to it, and not yet sent: as an outbox keeps them to the end of the turn."""
        self.is_slow = False
        self.joins = False
        self.is_behind = False
        self.is_in = False
        self.is_closed = False

    @property
    def straight(self) -> Callable[[bytes], None] | None:
        return None if self.is_slow or self.joins else self.receive_wired

    def offer(self, frame: Frame) -> bool:
        if self.is_slow:
            return False
        self.put(frame)
        return True

    def put(self, frame: Frame) -> None:
        self.waiting.append(frame)

    def flush(self) -> None:
        waiting, self.waiting = self.waiting, []
        for frame in waiting:
            self.receive(frame.payload)

    def receive_wired(self, wired: bytes) -> None:
        self.receive(wired[wired.index(b'{"') :])

    def receive(self, payload: bytes) -> None:
        params = json.loads(payload)["params"]
        assert params["changes"]
        apply_strictly(self.rows, params["changes"])
        if params.get("more"):
            assert params["position"] is None
            return
        position = parse_position(params["position"])
        assert self.position is not None
        assert self.position.is_within(position)
        assert position != self.position
        self.position = position

    def fall_behind(self, subscription: Subscription) -> None:
        if subscription is self.subscription:
            self.is_behind = True

    def close(self, id_: str, reason: str) -> None:
        assert (id_, reason) == (self.kind.id, "position_gone")
        self.is_closed = True


class Machine(RuleBasedStateMachine):
    transactions = Bundle("transactions")
    new = Bundle("new")
    """Readers with rows, whose subscription is not in the hub yet."""
    following = Bundle("following")
    away = Bundle("away")
    choices: tuple[Kind, ...] = KINDS

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.hub = Hub()
        self.hub.flush = self.flush
        self.clock = Clock()
        self.readers: list[Reader] = []

    def teardown(self) -> None:
        self.clock.close()

    def flush(self) -> None:
        for reader in self.readers:
            reader.flush()

    def turn(self, work: Callable[[], object]) -> None:
        """Within a turn of the loop, and then whatever is due."""

        async def run() -> None:
            work()
            for _ in range(2):
                await asyncio.sleep(0)

        self.clock.run_until_complete(run())

    @initialize(
        target=new,
        picks=st.lists(st.integers(0, 4), min_size=1, max_size=2),
        rows=st.fixed_dictionaries(dict.fromkeys(IDS, VALUES)),
    )
    def start(self, picks: list[int], rows: dict[str, Any]) -> Any:
        self.kinds = [self.choices[pick % len(self.choices)] for pick in picks]
        for id_, values in rows.items():
            self.write_alone(id_, values)
        self.feed_loses()
        return multiple(self.look(0), self.look(1))

    @rule(target=transactions, id_=st.sampled_from(IDS), values=VALUES)
    def begin(self, id_: str, values: Any) -> Transaction:
        transaction = self.world.begin()
        self.world.write(transaction, id_, values)
        return transaction

    @rule(transaction=transactions, id_=st.sampled_from(IDS), values=VALUES)
    def write(self, transaction: Transaction, id_: str, values: Any) -> None:
        self.world.write(transaction, id_, values)

    @rule(transaction=consumes(transactions), commit=st.sampled_from([True, True, True, False]))
    def end(self, transaction: Transaction, commit: bool) -> None:
        self.world.end(transaction, commit=commit)

    @rule(id_=st.sampled_from(IDS), values=VALUES)
    def write_alone(self, id_: str, values: Any) -> None:
        transaction = self.world.begin()
        self.world.write(transaction, id_, values)
        self.world.end(transaction, commit=True)

    @rule(id_=st.sampled_from(IDS), values=VALUES)
    def write_and_read(self, id_: str, values: Any) -> None:
        self.write_alone(id_, values)
        self.feed_reads()

    @rule()
    def feed_reads(self) -> None:
        position = self.world.snapshot()
        assert self.hub.position is not None
        assert self.ring is not None
        batch = Batch(position, self.world.unseen(self.hub.position))
        self.ring.append(batch)
        self.turn(lambda: self.hub.publish(batch, self.ring, position))

    @rule()
    def feed_loses(self) -> None:
        position = self.world.snapshot()
        self.ring = Ring(position)
        self.turn(lambda: self.hub.publish(None, self.ring, position))
        for reader in [each for each in self.readers if each.is_closed]:
            self.start_anew(reader)

    def start_anew(self, reader: Reader) -> None:
        """As a client does whose subscription was closed."""
        self.withdraw(reader)
        self.read_rows(reader)
        self.enter(reader)

    @rule(seconds=st.sampled_from([INTERVAL / 2, INTERVAL]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds
        self.turn(lambda: None)

    @rule(target=new, which=st.integers(0, 1))
    def look(self, which: int) -> Reader:
        kind = self.kinds[which % len(self.kinds)]
        reader = Reader(kind)
        self.read_rows(reader)
        return reader

    def read_rows(self, reader: Reader) -> None:
        reader.position = self.world.snapshot()
        reader.rows = self.world.at(reader.position, reader.kind.selection)
        self.follow(reader, reader.position)

    def follow(self, reader: Reader, position: Position) -> None:
        if self.hub.position is None or not position.is_within(self.hub.position):
            self.feed_reads()
        kind = reader.kind
        topic = self.hub.topic(
            kind.id,
            table=TABLE,
            notification="thing.changed",
            selection=kind.selection,
            interval=kind.interval,
            max_bytes=kind.max_bytes,
            where={},
            resource=None,
        )
        reader.subscription = Subscription(topic, reader, position)
        self.readers.append(reader)

    @rule(target=following, reader=consumes(new))
    def enter(self, reader: Reader) -> Reader:
        assert reader.subscription is not None
        self.hub.enter(reader.subscription)
        reader.is_in = True
        if not self.hub.catch_up_now(reader.subscription):
            reader.is_behind = True
        return reader

    @rule(reader=consumes(new))
    def leave_before_entering(self, reader: Reader) -> None:
        self.leave(reader)

    @rule(target=away, reader=consumes(following))
    def leave(self, reader: Reader) -> Any:
        self.withdraw(reader)
        return multiple(reader) if reader.is_in else multiple()

    def withdraw(self, reader: Reader) -> None:
        assert reader.subscription is not None
        reader.subscription.position = reader.subscription.where_it_is
        self.hub.leave(reader.subscription)
        reader.flush()
        self.readers.remove(reader)
        reader.subscription, reader.is_behind, reader.is_slow = None, False, False
        reader.is_closed = False

    @rule(target=new, reader=consumes(away))
    def resume(self, reader: Reader) -> Reader:
        """As `Subscribing.resumed` does."""
        self.feed_reads()
        head, after = self.hub.position, reader.position
        assert head is not None
        assert after is not None
        assert self.ring is not None
        changes = self.ring.since(after)
        unseen = self.world.unseen(after)
        if changes is not None:
            assert changes == unseen
        found = entries(reader.kind.selection, merged(unseen))
        apply_strictly(reader.rows, found)
        reader.position, reader.is_in = head, False
        self.follow(reader, head)
        return reader

    @rule(reader=following)
    def become_slow_or_drain(self, reader: Reader) -> None:
        reader.is_slow = not reader.is_slow
        self.reroute(reader)
        self.drain(reader)

    @rule(reader=following)
    def follow_more_or_less(self, reader: Reader) -> None:
        reader.joins = not reader.joins
        self.reroute(reader)

    @rule()
    def the_turn_ends(self) -> None:
        self.flush()

    def reroute(self, reader: Reader) -> None:
        assert reader.subscription is not None
        reader.subscription.topic.route(reader.subscription)

    def drain(self, reader: Reader) -> None:
        if reader.is_behind and not reader.is_slow:
            self.bring(reader)

    @rule(reader=following)
    def sync(self, reader: Reader) -> None:
        self.feed_reads()
        self.bring(reader)

    def bring(self, reader: Reader) -> None:
        """As `Following.bring` does."""
        subscription, head = reader.subscription, self.hub.position
        assert subscription is not None
        assert head is not None
        if not self.hub.catch_up_now(subscription):
            if not subscription.where_it_is.is_within(head):
                self.feed_reads()
                head = self.hub.position
                assert head is not None
            unseen = self.world.unseen(subscription.where_it_is)
            subscription.catch_up([each for each in unseen if head.has_seen(each.xid)], head)
        reader.is_behind = False

    @rule()
    def settle(self) -> None:
        """Everything is read, time passes, everyone drains: now all copies are at the head."""
        self.feed_reads()
        self.time_passes(INTERVAL)
        for reader in self.readers:
            if reader.is_in:
                reader.is_slow = False
                self.reroute(reader)
                self.drain(reader)
                self.check(reader, self.world.snapshot())

    @invariant()
    def copies_are_those_of_their_position(self) -> None:
        for reader in self.readers:
            if reader.is_in and reader.subscription is not None:
                self.check(reader, reader.subscription.where_it_is)

    def check(self, reader: Reader, position: Position) -> None:
        """When what waits is sent too: which is done with a copy of the reader."""
        kind, later = reader.kind, copy(reader)
        later.rows = deepcopy(reader.rows)
        later.flush()
        expected = self.world.at(position, kind.selection)
        assert seen(later.rows, kind.selection) == seen(expected, kind.selection)
