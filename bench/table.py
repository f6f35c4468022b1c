"""Tables and figures in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

NARROW_SPACE = "\u202f"


def head(*columns: str, words: int = 1) -> Iterator[str]:
    """Its first columns are words, the others figures."""
    yield row(*columns)
    yield row(*["---"] * words, *["--:"] * (len(columns) - words))


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def figure(number: float, digits: int = 0) -> str:
    return f"{number:,.{digits}f}".replace(",", NARROW_SPACE)


def bold(number: float, digits: int = 0) -> str:
    return f"**{figure(number, digits)}**"
