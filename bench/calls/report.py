"""The report, in Markdown: the table, and how it was measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bench.calls.calls import CALLS
from bench.calls.rounds import Result, Spread

COLUMNS = (
    "call",
    "calls/s",
    "CPU-µs a call",
    "baseline",
    "its calls/s",
    "its CPU-µs",
    "calls/s to baseline",
    "CPU to baseline",
    "busiest generator",
)
READING = """\
Figures are the median of {rounds} rounds of {seconds:g} s, in brackets the least and the most;
{connections} connections with {depth} calls under way each, as many tasks in the baseline, and a
pool of {pool} connections for both. Server, generators and PostgreSQL share the cores, while the
baseline shares them with PostgreSQL alone. Therefore the CPU time that the server's process needs
for a call is the figure to go by; calls/s, and their ratio to the baseline in the same minute,
come second. A generator near 100 % of a core would be the bottleneck itself. Gets that arrive in
one turn of the server's loop share a statement, while the baseline sends one for each: that is how
`user.get` comes near it."""


def table(measured: Iterable[Result]) -> Iterator[str]:
    """A line as soon as its call is measured."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"| {' | '.join(['---', *['--:'] * 2, '---', *['--:'] * 5])} |"
    for result in measured:
        cells = (
            f"`{result.call}`",
            shown(result.spread(lambda ours, _: ours.rate)),
            shown(result.spread(lambda ours, _: ours.cost)),
            CALLS[result.call].baseline,
            shown(result.spread(lambda _, theirs: theirs.rate)),
            shown(result.spread(lambda _, theirs: theirs.cost)),
            shown(result.spread(lambda ours, theirs: ours.rate / theirs.rate), 2),
            shown(result.spread(lambda ours, theirs: ours.cost / theirs.cost), 2),
            f"{result.spread(lambda ours, _: ours.busiest).middle:.0%}",
        )
        yield f"| {' | '.join(cells)} |"


def shown(spread: Spread, digits: int = 0) -> str:
    middle, least, most = (f"{figure:,.{digits}f}".replace(",", "\u202f") for figure in spread)
    return f"**{middle}** ({least} to {most})"
