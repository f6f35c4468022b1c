"""Metrics in Prometheus' terms: each a name, its rows, and how several workers' numbers are one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from prometheus_client import Metric as Family

    from server.pages.board import Left

STARTED = "process_start_time_seconds"
KEPT_BY_WORKERS = "process_cpu_seconds"
"""For the system forgets who has ended."""


class Kind(Enum):
    COUNTER = "counter"
    """The sum, of workers that have ended too."""
    GAUGE = "gauge"
    """The sum of those that live."""
    LARGEST = "largest"
    """The largest of those that live."""
    HISTOGRAM = "histogram"
    """Counts up to each bound, the rest, and the sum of what was observed; else as a counter."""

    @property
    def is_kept(self) -> bool:
        """Whether a worker that has ended still counts."""
        return self in {Kind.COUNTER, Kind.HISTOGRAM}


@dataclass(frozen=True)
class Metric:
    name: str
    kind: Kind
    help: str
    read: Callable[[], Iterable[float]]
    """The numbers of this worker: one for each row, of a histogram as many as it has parts."""
    labels: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ((),)
    """The values of the labels."""
    bounds: tuple[float, ...] = ()
    """Of a histogram."""
    is_shown_at_zero: Callable[[tuple[str, ...]], bool] = lambda _row: True

    @property
    def width(self) -> int:
        """Numbers of a row."""
        return len(self.bounds) + 2 if self.kind is Kind.HISTOGRAM else 1

    @property
    def size(self) -> int:
        return len(self.rows) * self.width

    def together(self, parts: Sequence[tuple[Sequence[float], bool]]) -> list[float]:
        """Of several workers' numbers, and whether each one lives."""
        counted = [numbers for numbers, is_alive in parts if is_alive or self.kind.is_kept]
        combine: Any = max if self.kind is Kind.LARGEST else sum
        return [combine(numbers) for numbers in zip(*counted, strict=True)]

    def family(self, numbers: Sequence[float]) -> Family:
        if self.kind is Kind.HISTOGRAM:
            return self._histogram(numbers)
        make = CounterMetricFamily if self.kind is Kind.COUNTER else GaugeMetricFamily
        family = make(self.name, self.help, labels=self.labels)
        for row, number in zip(self.rows, numbers, strict=True):
            if number or self.is_shown_at_zero(row):
                family.add_metric(row, number)
        return family

    def _histogram(self, numbers: Sequence[float]) -> Family:
        family = HistogramMetricFamily(self.name, self.help, labels=self.labels)
        for index, row in enumerate(self.rows):
            *counts, total = numbers[index * self.width : (index + 1) * self.width]
            edges = [*map(str, self.bounds), "+Inf"]
            family.add_metric(row, list(zip(edges, accumulate(counts), strict=True)), total)
        return family


class Exposition(Collector):
    """What is collected of all workers."""

    def __init__(self, metrics: Sequence[Metric], workers: Sequence[Left]) -> None:
        self.metrics = metrics
        self.workers = workers

    def collect(self) -> Iterable[Family]:
        at = 0
        for metric in self.metrics:
            parts = [(each.numbers[at : at + metric.size], each.is_alive) for each in self.workers]
            at += metric.size
            yield metric.family(metric.together(parts))
        yield from processes([each.pid for each in self.workers if each.is_alive])


def processes(pids: Iterable[int]) -> Iterable[Family]:
    """What the system says of these processes together, where it has /proc."""
    by_name: dict[str, list[Family]] = {}
    for pid in pids:
        for family in ProcessCollector(pid=lambda pid=pid: pid, registry=None).collect():  # type: ignore[misc]
            by_name.setdefault(family.name, []).append(family)
    for name, (first, *others) in by_name.items():
        if name == KEPT_BY_WORKERS:
            continue
        values = [each.samples[0].value for each in (first, *others)]
        together = GaugeMetricFamily(name, first.documentation)
        together.add_metric((), min(values) if name == STARTED else sum(values))
        yield together
