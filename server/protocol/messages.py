"""JSON-RPC 2.0 messages: text in, calls out; a result or an error in, text out. Pure.

Everything that protocol §2 says of the envelope lives here, before any method is looked up. What
the JSON parser says of a bad text stays here too: the client gets our sentence, not its own.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from server.protocol.errors import CallError

MAX_ID = 256
MAX_DOUBLE_BITS = 1023
NO_ID = b"null"
NUL = r"\u0000"
ID_TYPES = (str, int, float, type(None))
PARAMS_TYPES = (list, dict)
BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)
"""A bracket, or a string whole, for those inside do not count; each character is read once."""
MOST_DIGITS = 308
"""Of a double."""
DIGITS = re.compile(rf"(?<![0-9])[0-9]{{{MOST_DIGITS + 1}}}")
"""As many as no double has; looked for where a run begins, so each is read once."""


class _Ordinary(msgspec.Struct, forbid_unknown_fields=True):
    """What nearly all calls are. Each of its ids is written in one way only."""

    jsonrpc: Literal["2.0"]
    method: str
    id: Annotated[int, Meta(ge=1, le=2**53)] | Annotated[str, Meta(max_length=MAX_ID)]
    params: dict[str, Any] | list[Any] = None  # type: ignore[assignment] # left out, but not null


UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
decode = msgspec.json.Decoder().decode
decode_ordinary = msgspec.json.Decoder(_Ordinary).decode
encode = msgspec.json.Encoder(decimal_format="number").encode


class Call(msgspec.Struct):
    """A valid request. `id` is the JSON to echo, or None for a notification."""

    id: bytes | None
    key: Any
    """The id as a value: what `rpc.cancel` names."""
    method: str
    params: Any
    """A list, a dict, or None when left out."""
    has_nul: bool
    """Whether the text may hold a U+0000."""


class Refused(NamedTuple):
    """A request that cannot be run; it is answered with `error`."""

    id: bytes
    error: CallError


Entry = Call | Refused | None
"""None: a response object, which is ignored."""


class _Identified(msgspec.Struct):
    id: msgspec.Raw = msgspec.Raw(NO_ID)


def read(text: str, *, max_depth: int, max_batch: int) -> Entry | list[Entry]:
    """One message as a call, or a batch as the list of its entries.

    Raises CallError when the whole of it cannot be read; it is answered with id null.
    """
    if len(text) > max_depth and is_deeper(text, max_depth):
        raise CallError("parse_error", f"JSON may nest {max_depth} levels deep, not more.")
    has_digits = len(text) > MOST_DIGITS and DIGITS.search(text) is not None
    if not has_digits:
        try:
            call = decode_ordinary(text)
        except UNREADABLE:
            pass
        else:
            return Call(encode(call.id), call.id, call.method, call.params, NUL in text)
    try:
        message = decode(text)
    except UNREADABLE:
        raise CallError("parse_error") from None
    if has_digits and is_beyond_double(message):
        raise CallError("parse_error", "A number is beyond what a double holds.")
    if isinstance(message, list):
        return _batch(text, message, max_batch)
    return _entry(message, text, has_nul=NUL in text)


def is_deeper(text: str, depth: int) -> bool:
    """Whether brackets nest more than `depth` levels; counts first, for that settles most."""
    if text.count("[") + text.count("{") <= depth:
        return False
    level = 0
    for token in BRACKETS.finditer(text):
        match token[0]:
            case "[" | "{":
                level += 1
                if level > depth:
                    return True
            case "]" | "}":
                level -= 1
    return False


def _batch(text: str, entries: list[Any], max_batch: int) -> list[Entry]:
    if not entries:
        raise CallError("invalid_request", "A batch holds at least one request.")
    if len(entries) > max_batch:
        raise CallError("batch_too_large", f"A batch may have {max_batch} entries, not more.")
    exact = any(isinstance(entry, dict) and is_inexact(entry.get("id")) for entry in entries)
    texts = msgspec.json.decode(text, type=list[msgspec.Raw]) if exact else [None] * len(entries)
    has_nul = NUL in text
    return [
        _entry(entry, source, has_nul=has_nul) for entry, source in zip(entries, texts, strict=True)
    ]


def is_inexact(value: Any) -> bool:
    """Whether writing the number again might change its digits, or lose the sign of -0."""
    return isinstance(value, float) or (value == 0 and value is not False)


def is_beyond_double(value: Any) -> bool:
    match value:
        case int():
            return value.bit_length() > MAX_DOUBLE_BITS
        case list():
            return any(map(is_beyond_double, value))
        case dict():
            return any(map(is_beyond_double, value.values()))
    return False


def _entry(message: Any, text: str | msgspec.Raw | None, *, has_nul: bool) -> Entry:  # noqa: PLR0911 - a rule each
    if not isinstance(message, dict):
        return Refused(NO_ID, CallError("invalid_request", "A request is a JSON object."))
    if "method" not in message and ("result" in message or "error" in message):
        return None
    key = message.get("id")
    if type(key) not in ID_TYPES:
        return _refused(NO_ID, "An id is a string, a number or null.")
    if is_inexact(key) and text is not None:
        echo = bytes(msgspec.json.decode(text, type=_Identified).id)
    else:
        echo = encode(key)
    if len(key if isinstance(key, str) else echo) > MAX_ID:
        return _refused(NO_ID, f"An id has at most {MAX_ID} characters.")
    if message.get("jsonrpc") != "2.0":
        return _refused(echo, 'A request has "jsonrpc": "2.0".')
    method = message.get("method")
    if not isinstance(method, str):
        return _refused(echo, "A request has a method, which is a string.")
    params = message.get("params")
    if "params" in message and type(params) not in PARAMS_TYPES:
        return _refused(echo, "params is an object or an array, or is left out.")
    return Call(echo if "id" in message else None, key, method, params, has_nul)


def _refused(echo: bytes, sentence: str) -> Refused:
    return Refused(echo, CallError("invalid_request", sentence))


def result(id_: bytes, encoded: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","result":%b,"id":%b}' % (encoded, id_)


def error(id_: bytes, raised: CallError) -> bytes:
    body = encode({"code": raised.code, "message": raised.message, "data": raised.data})
    return b'{"jsonrpc":"2.0","error":%b,"id":%b}' % (body, id_)


def notification(method: str, params: Any) -> bytes:
    return encode({"jsonrpc": "2.0", "method": method, "params": params})


def batch(replies: list[bytes]) -> bytes:
    return b"[%b]" % b",".join(replies)
