"""What is written against what is heard: `"*"` is anything, `"$name"` the same each time."""

from __future__ import annotations

from typing import Any

Names = dict[str, Any]


def difference(pattern: Any, value: Any, names: Names, at: str = "") -> str | None:
    """Where the two differ, or None. A name that is new is bound to what stands there."""
    if pattern == "*":
        return None
    if isinstance(pattern, str) and pattern.startswith("$"):
        pattern = names.setdefault(pattern, value)
    if isinstance(pattern, dict) and isinstance(value, dict):
        if pattern.keys() != value.keys():
            return f"{at or 'it'} has the members {sorted(value)}, not {sorted(pattern)}"
        inner = ((pattern[key], value[key], f"{at}.{key}") for key in pattern)
    elif isinstance(pattern, list) and isinstance(value, list) and len(pattern) == len(value):
        inner = ((each, value[i], f"{at}[{i}]") for i, each in enumerate(pattern))
    elif pattern == value and isinstance(pattern, bool) is isinstance(value, bool):
        return None
    else:
        return f"{at or 'it'} is {value!r}, not {pattern!r}"
    found = (difference(one, other, names, where) for one, other, where in inner)
    return next((each for each in found if each), None)


def filled(template: Any, names: Names) -> Any:
    """With what the names are bound to."""
    if isinstance(template, str) and template.startswith("$"):
        return names[template]
    if isinstance(template, dict):
        return {key: filled(value, names) for key, value in template.items()}
    if isinstance(template, list):
        return [filled(each, names) for each in template]
    return template
