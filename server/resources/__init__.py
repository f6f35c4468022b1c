"""What there is, one folder each. A folder with a `methods` module is served by being there."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from piccolo.table import Table

from server.calls.receipts import Receipts
from server.calls.registry import Method
from server.changes.tables import LiveTable
from server.resources.reading import methods_of
from server.resources.resource import Resource

if TYPE_CHECKING:
    from types import ModuleType


def modules(noun: str) -> list[ModuleType]:
    """The module of that name in each resource that has one."""
    found = []
    for resource in iter_modules(__path__, f"{__name__}."):
        if not resource.ispkg:
            continue
        inside = import_module(resource.name).__path__
        if any(module.name == noun for module in iter_modules(inside)):
            found.append(import_module(f"{resource.name}.{noun}"))
    return found


def methods() -> list[Method]:
    """Every method that the resources declare."""
    declared = [
        each
        for module in modules("methods")
        for each in vars(module).values()
        if isinstance(each, Method)
    ]
    of_resources = [
        each
        for module in modules("resource")
        for resource in vars(module).values()
        if isinstance(resource, Resource)
        for each in methods_of(resource)
    ]
    return [*declared, *of_resources]


def live_tables() -> list[LiveTable]:
    """Every table whose changes are captured."""
    return [
        each
        for module in modules("tables")
        for each in vars(module).values()
        if isinstance(each, LiveTable)
    ]


def tables() -> list[type[Table]]:
    """Every table, for Piccolo's migrations."""
    declared = [
        each
        for module in modules("tables")
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Table) and each.__module__ == module.__name__
    ]
    return [*declared, Receipts]
