"""docs/operations.md, the dashboard and the alerts name what there is."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from server.settings import Settings, variable
from tests.conftest import ROOT
from tests.pages.scraping import PREFIX, Scrape, scrape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Running

PAGE = (ROOT / "docs/operations.md").read_text()
ALERTS = (ROOT / "docs/operations/alerts.yml").read_text()
NAME = re.compile(r"\b(?:victoryvault|process)_[a-z_]+\b")


@cache
def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "docs/operations/dashboard.json").read_text())
    return found


def names(seen: Scrape) -> set[str]:
    """As queries use them: a histogram's with its endings."""
    found = set()
    for name, family in seen.families.items():
        endings = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
        found |= {name + ending for ending in endings.get(family.type, [""])}
    return found


def panels() -> Iterator[dict[str, Any]]:
    return (panel for panel in dashboard()["panels"] if panel["type"] != "row")


def expressions() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"]]


async def test_the_dashboard_asks_for_metrics_that_there_are(server: Running) -> None:
    known = names(await scrape(server.url))
    for expression in expressions():
        used = set(NAME.findall(expression))
        assert used, expression
        assert used <= known, expression


async def test_every_metric_is_on_the_dashboard(server: Running) -> None:
    used = set(NAME.findall(" ".join(expressions())))
    for name in (await scrape(server.url)).families:
        if name.startswith(PREFIX):
            assert any(each.startswith(name) for each in used), name


async def test_the_alerts_ask_for_metrics_that_there_are(server: Running) -> None:
    known = names(await scrape(server.url)) | {"up"}
    rules = re.split(r"^\s+- alert: ", ALERTS, flags=re.MULTILINE)[1:]
    assert len(rules) > 10
    for rule in rules:
        name = rule.split("\n", 1)[0]
        said = re.search(r"expr: (.+?)\n +(?:for|labels):", rule, re.DOTALL)
        assert said, name
        used = set(NAME.findall(said[1]))
        assert used <= known, name
        assert used or "up{" in said[1], name
        assert re.search(r"severity: (page|ticket)\}", rule), name
        assert "summary:" in rule, name
        assert f"`{name.removeprefix('VictoryVault')}`" in PAGE or name == "VictoryVaultDown"


async def test_the_page_explains_every_metric_and_no_other(server: Running) -> None:
    seen = await scrape(server.url)
    table = PAGE[PAGE.index("| metric") : PAGE.index("`process_cpu")]
    first = [line.split("|")[1] for line in table.splitlines()[2:] if line.startswith("|")]
    explained = {PREFIX + name for cell in first for name in re.findall(r"`([a-z_]+)`", cell)}
    ours = {name for name in seen.families if name.startswith(PREFIX)}
    assert {name.removesuffix("_total") for name in explained} == ours
    counters = {name for name, family in seen.families.items() if family.type == "counter"}
    assert all(f"`{name.removeprefix(PREFIX)}_total`" in table for name in counters & ours)


def test_the_page_names_settings_that_there_are() -> None:
    known = {variable(name) for name in Settings.model_fields}
    assert set(re.findall(r"VICTORYVAULT_[A-Z_]+", PAGE)) <= known
    assert set(re.findall(r"VICTORYVAULT_[A-Z_]+", ALERTS)) == set()


def test_panels_do_not_lie_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not taken & cells, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
