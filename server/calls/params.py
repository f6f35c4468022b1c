"""Params by signature: a method's parameters become one typed struct, checked by msgspec.

What msgspec says of a bad value is turned into our own sentence with the path of the parameter.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import msgspec

from server.protocol.errors import CallError, invalid

RetryKey = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=64,
        description="Makes the call safe to repeat for 24 hours; take a random one, as a UUID",
    ),
]
LOCATED = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)
SENTENCES = (
    (r"Object missing required field `(.+)`", r"{path} is missing"),
    (r"Object contains unknown field `(.+)`", r"{path} is not known here"),
    (r"Expected `str` of length <= (\d+)", r"{path} has at most \1 characters"),
    (r"Expected `str` of length >= (\d+)", r"{path} has at least \1 characters"),
    (r"Expected `int` >= (.+)", r"{path} is at least \1"),
    (r"Expected `int` <= (.+)", r"{path} is at most \1"),
    (r"Expected `array` of length <= (\d+)", r"{path} has at most \1 entries"),
    (r"Invalid UUID.*|Expected `uuid`.*", r"{path} is a UUID"),
    (r"Invalid enum value.*", r"{path} has none of the allowed values"),
    (r"Expected `str` matching regex.*", r"{path} has the wrong form"),
    (r"Expected `str`.*", r"{path} is a string"),
    (r"Expected `int`.*", r"{path} is an integer"),
    (r"Expected `bool`.*", r"{path} is true or false"),
    (r"Expected `object`.*", r"{path} is an object"),
    (r"Expected `array`.*", r"{path} is a list"),
)
NAMES_FIELD = re.compile(r"Object (?:missing required|contains unknown) field `(.+)`")


def struct_of(name: str, handler: Callable[..., Any], *, writes: bool) -> type[msgspec.Struct]:
    """The params of `handler`, whose first parameter is the context and positional only.

    Raises TypeError when a parameter has no type.
    """
    hints = get_type_hints(handler, include_extras=True)
    fields: list[Any] = []
    for parameter in list(inspect.signature(handler).parameters.values())[1:]:
        if parameter.name not in hints:
            raise TypeError(f"The method {name} does not say what type its {parameter.name} has.")
        field = (parameter.name, hints[parameter.name])
        if parameter.default is not inspect.Parameter.empty:
            field = (*field, parameter.default)  # type: ignore[assignment]
        fields.append(field)
    if writes:
        fields.append(("retry_key", RetryKey | None, None))
    title = "".join(word.capitalize() for word in re.split(r"[._]", name)) + "Params"
    return msgspec.defstruct(
        title, fields, kw_only=True, forbid_unknown_fields=True, module=__name__
    )


def named(given: Any, kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Params by name, whichever way they were given. Raises CallError -32602 for too many."""
    if given is None:
        return {}
    if isinstance(given, dict):
        return given
    names = kind.__struct_fields__
    if len(given) > len(names):
        takes = f"{len(names)} params: {', '.join(names)}" if names else "no params"
        raise CallError("invalid_params", f"The method takes {takes}.", path=f"[{len(names)}]")
    return dict(zip(names, given, strict=False))


def convert(given: dict[str, Any], kind: type[msgspec.Struct]) -> msgspec.Struct:
    """The typed params. Raises CallError -32602 with the path of what is wrong."""
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        if "got `float`" in str(error) and repr(whole := whole_numbers(given)) != repr(given):
            return convert(whole, kind)
        raise explained(str(error), kind.__struct_fields__) from None


def explained(text: str, names: tuple[str, ...]) -> CallError:
    found = LOCATED.fullmatch(text)
    what, path = (found["what"], found["path"] or "") if found else (text, "")
    if field := NAMES_FIELD.fullmatch(what):
        if not path and "unknown" in what:
            takes = f"the params are {', '.join(names)}" if names else "there are no params"
            return invalid(field[1], f"{field[1]} is not known here; {takes}.")
        path = f"{path}.{field[1]}" if path else field[1]
    what = what.replace(" | null`", "`")
    for pattern, sentence in SENTENCES:
        if re.fullmatch(pattern, what):
            said = re.sub(pattern, sentence, what).replace("{path}", path or "params")
            return invalid(path, f"{said}.")
    return invalid(path, f"{path or 'params'} is not valid.")


def whole_numbers(value: Any) -> Any:
    """50.0 as 50, everywhere inside: some game engines know only floats."""
    match value:
        case float() if value.is_integer() and abs(value) <= 2**53:
            return int(value)
        case list():
            return [whole_numbers(each) for each in value]
        case dict():
            return {name: whole_numbers(each) for name, each in value.items()}
    return value


def refuse_nul(value: Any, path: str = "") -> None:
    """U+0000 is JSON, but no text that PostgreSQL keeps. Raises CallError -32602."""
    match value:
        case str() if "\0" in value:
            raise invalid(path, f"{path or 'params'} has the character U+0000, which is not kept.")
        case list():
            for index, each in enumerate(value):
                refuse_nul(each, f"{path}[{index}]")
        case dict():
            for name, each in value.items():
                refuse_nul(name, path)
                refuse_nul(each, f"{path}.{name}" if path else name)
