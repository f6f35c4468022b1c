"""What there is, one folder each. A folder with a `methods` module is served by being there."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, TypeVar

from piccolo.table import Table

from server.calls.receipts import Receipts
from server.calls.registry import Method, Notification, Registry
from server.changes.tables import LiveTable
from server.resources.reading import methods_of
from server.resources.resource import Resource

if TYPE_CHECKING:
    from types import ModuleType


Declared = TypeVar("Declared")


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


def declared(noun: str, kind: type[Declared]) -> list[Declared]:
    """What is of that kind in the modules of that name."""
    return [
        each for module in modules(noun) for each in vars(module).values() if isinstance(each, kind)
    ]


def methods() -> list[Method]:
    """Every method that the resources declare."""
    of_resources = [each for found in declared("resource", Resource) for each in methods_of(found)]
    return [*declared("methods", Method), *of_resources]


def registry() -> Registry:
    """All methods and notifications, as a worker serves them."""
    return Registry(methods(), declared("methods", Notification))


def live_tables() -> list[LiveTable]:
    """Every table whose changes are captured."""
    return declared("tables", LiveTable)


def tables() -> list[type[Table]]:
    """Every table, for Piccolo's migrations."""
    own = [
        each
        for module in modules("tables")
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Table) and each.__module__ == module.__name__
    ]
    return [*own, Receipts]
