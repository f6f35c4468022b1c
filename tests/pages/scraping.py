"""What Prometheus does: get `/metrics` and read it, with Prometheus' own reader."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.client import PATIENCE
from tests.process import START_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from prometheus_client import Metric

PREFIX = "victoryvault_"


class Scrape:
    def __init__(self, text: str) -> None:
        self.text = text
        self.families: dict[str, Metric] = {
            each.name: each for each in text_string_to_metric_families(text)
        }
        self.samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        """0 for a row that is not shown."""
        return self.samples.get((PREFIX + name, frozenset(labels.items())), 0.0)

    @property
    def kept(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """What may only grow."""
        names = tuple(
            name
            for name, family in self.families.items()
            if family.type in {"counter", "histogram"}
        )
        return {key: value for key, value in self.samples.items() if key[0].startswith(names)}


async def get(url: str, **headers: str) -> httpx.Response:
    """On a connection of its own, so that any worker may answer."""
    async with httpx.AsyncClient(trust_env=False, timeout=START_SECONDS) as http:
        return await http.get(f"{url}/metrics", headers=headers)


async def scrape(url: str) -> Scrape:
    response = await get(url)
    assert response.status_code == 200, response.text
    return Scrape(response.text)


async def scrapes(url: str, seconds: float = PATIENCE) -> AsyncIterator[Scrape]:
    """One after the other, for as long as a test is patient."""
    async with asyncio.timeout(seconds):
        while True:
            yield await scrape(url)
