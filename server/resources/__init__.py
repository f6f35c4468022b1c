"""What there is, one folder each. A folder with a `methods` module is served by being there."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from piccolo.table import Table

from server.calls.receipts import Receipts
from server.calls.registry import Method

if TYPE_CHECKING:
    from types import ModuleType


def modules(noun: str) -> list[ModuleType]:
    """The module of that name in each resource that has one."""
    found = []
    for resource in iter_modules(__path__, f"{__name__}."):
        inside = import_module(resource.name).__path__
        if any(module.name == noun for module in iter_modules(inside)):
            found.append(import_module(f"{resource.name}.{noun}"))
    return found


def methods() -> list[Method]:
    """Every method that the resources declare."""
    return [
        each
        for module in modules("methods")
        for each in vars(module).values()
        if isinstance(each, Method)
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
