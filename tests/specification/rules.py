"""The rules of protocol §2 for one message in and its reply out, a row each."""

from __future__ import annotations

from typing import NamedTuple

from tests.specification.doors import Replies, Reply

MAX_DEPTH = 32
MAX_BATCH = 50
MAX_ID = 256
NOBODY = "nobody"
USER = "a user"
"""In what they send, $ID is their own id."""


class Rule(NamedTuple):
    sentence: str
    sent: str
    expected: Replies
    caller: str = NOBODY


def ping(id_: str = "1", **more: str) -> str:
    """A ping whose members are given as JSON text."""
    members = {"jsonrpc": '"2.0"', "method": '"rpc.ping"', "id": id_, **more}
    inside = ",".join(f'"{name}":{text}' for name, text in members.items())
    return f"{{{inside}}}"


def call(method: str, params: str, id_: str = "1") -> str:
    return ping(id_, method=f'"{method}"', params=params)


def notification(method: str = "rpc.ping", params: str = "{}") -> str:
    return f'{{"jsonrpc":"2.0","method":"{method}","params":{params}}}'


def batch(*entries: str) -> str:
    return f"[{','.join(entries)}]"


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def invalid(id_: str = "null") -> Reply:
    return Reply(id_, "invalid_request")


def wrong(path: str) -> Reply:
    return Reply("1", "invalid_params", path)


DONE = Reply("1")
NOT_JSON = Reply("null", "parse_error")

ECHOED = (
    "0",
    "-0",
    "1",
    "-1",
    '""',
    '" "',
    '"1"',
    '"ñ 💎"',
    "null",
    "1.50",
    "0.0",
    "-0.0",
    "1e2",
    "1E2",
    "1e+2",
    "1.0",
    "1e-7",
    "0.1000000000000000055511151231257827",
    "9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775809",
    "1" * 40,
    "9" * MAX_ID,
    "1." + "0" * (MAX_ID - 2),
)
NO_IDS = ("true", "false", "[]", "{}", "[1]", '{"id":1}')
TOO_LONG = ("9" * (MAX_ID + 1), "1." + "0" * (MAX_ID - 1), f'"{"x" * (MAX_ID + 1)}"')

IDS = (
    *(Rule(f"the id {id_[:12]} is echoed", ping(id_), Reply(id_)) for id_ in ECHOED),
    *(
        Rule(f"the id {id_[:12]} is echoed in a batch", batch(ping(id_)), [Reply(id_)])
        for id_ in ECHOED
    ),
    *(
        Rule(
            f"the id {id_[:12]} is echoed with an error",
            call("no", "{}", id_),
            Reply(id_, "method_not_found"),
        )
        for id_ in ECHOED
    ),
    *(Rule(f"{id_} is no id", ping(id_), invalid()) for id_ in NO_IDS),
    *(Rule(f"{id_} is no id in a batch", batch(ping(id_)), [invalid()]) for id_ in NO_IDS),
    *(Rule("an id of 257 characters is invalid", ping(id_), invalid()) for id_ in TOO_LONG),
    Rule("256 characters", ping(f'"{"x" * MAX_ID}"'), Reply(f'"{"x" * MAX_ID}"')),
    Rule("256 characters, wide ones", ping(f'"{"💎" * MAX_ID}"'), Reply(f'"{"💎" * MAX_ID}"')),
    Rule("256 characters, escaped", ping('"%s"' % (r"\n" * MAX_ID)), Reply('"%s"' % (r"\n" * 256))),
    Rule("an escape is the character", ping(r'"\u0041\/"'), Reply('"A/"')),
    Rule("the id comes first", '{"id":1.50,"method":"rpc.ping","jsonrpc":"2.0"}', Reply("1.50")),
    Rule(
        "its name is escaped",
        r'{"\u0069d":1.50,"method":"rpc.ping","jsonrpc":"2.0"}',
        Reply("1.50"),
    ),
    Rule(
        "an id inside of params is none",
        '{"params":{"id":2.50},"id":1.50,"method":"no","jsonrpc":"2.0"}',
        Reply("1.50", "method_not_found"),
    ),
    Rule("an id of white space around", ping(" \n1.50\t"), Reply("1.50")),
)

ENVELOPE = (
    Rule("a readable id is echoed: no jsonrpc", '{"method":"rpc.ping","id":7}', invalid("7")),
    Rule("a readable id is echoed: 1.0", ping("7", jsonrpc='"1.0"'), invalid("7")),
    Rule("a readable id is echoed: the number 2.0", ping("7", jsonrpc="2.0"), invalid("7")),
    Rule("a readable id is echoed: no method", '{"jsonrpc":"2.0","id":"x"}', invalid('"x"')),
    Rule("a readable id is echoed: method 1", ping("1.50", method="1"), invalid("1.50")),
    Rule("a readable id is echoed: method null", ping("7", method="null"), invalid("7")),
    Rule("an invalid request without an id", '{"jsonrpc":"2.0"}', invalid()),
    Rule("an empty object", "{}", invalid()),
    *(Rule(f"{text} is no request", text, invalid()) for text in ("1", '"x"', "null", "true")),
    *(
        Rule(f"params {text}", ping("7", params=text), invalid("7"))
        for text in ("null", '"x"', "1", "1.50", "true", '""', "0", "false")
    ),
    Rule("params null of a notification", notification(params="null"), invalid()),
    Rule("unknown members are ignored", ping(foo='{"a":[1]}', result="1", error="2"), DONE),
    Rule("unknown members of another case", ping(ID="2", Method='"no"', Params="1"), DONE),
    Rule("white space around", f" \r\n\t{ping()}\n ", DONE),
    Rule("white space around a batch", f" [ {ping()} ] ", [DONE]),
    Rule("a method name of NUL", ping(method=r'"\u0000"'), Reply("1", "method_not_found")),
    Rule("an empty method name", ping(method='""'), Reply("1", "method_not_found")),
    Rule("method names have a case", ping(method='"RPC.PING"'), Reply("1", "method_not_found")),
    Rule("rpc. is reserved", ping(method='"rpc.nothing"'), Reply("1", "method_not_found")),
)

PARAMS = (
    *(Rule(f"no params as {text}", ping(params=text), DONE) for text in ("{}", "[]")),
    Rule("no params, left out", ping(), DONE),
    Rule("unknown params", ping(params='{"x":1}'), wrong("x")),
    Rule("too many positional", ping(params="[1]"), wrong("[0]")),
    Rule("named", call("user.get", '{"id":"$ID"}'), DONE, USER),
    Rule("positional", call("user.get", '["$ID"]'), DONE, USER),
    Rule("fewer positional", call("user.list", '[{"id":"$ID"}]'), DONE, USER),
    Rule("left out, with defaults", ping(method='"user.list"'), DONE, USER),
    Rule("left out, required", ping(method='"user.get"'), wrong("id"), USER),
    Rule("named, missing", call("user.get", "{}"), wrong("id"), USER),
    Rule("positional, missing", call("user.get", "[]"), wrong("id"), USER),
    Rule("unknown beside a known", call("user.get", '{"id":"$ID","x":1}'), wrong("x"), USER),
    Rule("too many positional", call("user.get", '["$ID",1]'), wrong("[1]"), USER),
    Rule("the path, named", call("user.get", '{"id":"x"}'), wrong("id"), USER),
    Rule("the path, positional", call("user.get", '["x"]'), wrong("id"), USER),
    Rule("a deep path", call("user.update", '{"set":{"status":1}}'), wrong("set.status"), USER),
    Rule("a deep path, positional", call("user.update", '[{"no":1}]'), wrong("set.no"), USER),
    Rule("a number too large", call("user.list", '{"limit":501}'), wrong("limit"), USER),
    Rule("a path in where", call("user.list", '{"where":{"no":1}}'), wrong("where.no"), USER),
    Rule("a path in a list", call("user.list", '{"order_by":[1]}'), wrong("order_by[0]"), USER),
)

JSON = (
    *(
        Rule(f"{text[:12]} is not JSON", ping(x=text), NOT_JSON)
        for text in (
            *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e309", "01", "+1", ".5", "1."),
            *("0x1", "'x'", "undefined", "True", r'"\ud800"', r'"\udc00"', r'"\ud800\ud800"'),
            *(r'"\ud800x"', r'"\x41"', '"\t"', '"\0"', "9" * 4000, "-" + "9" * 5000, "[1,]"),
            *('{"a":1,}', "{a:1}", "/**/1", "1 2"),
        )
    ),
    Rule("a lone surrogate as an id", ping(r'"\ud800"'), NOT_JSON),
    Rule("a lone surrogate in a name", r'{"\ud800":1}', NOT_JSON),
    Rule("1e999 as an id", ping("1e999"), NOT_JSON),
    Rule("a pair of surrogates is a character", ping(r'"\ud83d\udc8e"'), Reply('"💎"')),
    Rule("4000 digits after the point", ping(x="1." + "0" * 4000), DONE),
    Rule("300 digits", ping(x="9" * 300), DONE),
    *(
        Rule(f"{text[:6]!r} is not JSON", text, NOT_JSON)
        for text in ("", " ", "\n\t", "\ufeff", f"\ufeff{ping()}", "x", ping() + ping(), '"', "[")
    ),
    Rule("brackets without end", "[" * 60_000, NOT_JSON),
    Rule("braces without end", '{"a":' * 10_000, NOT_JSON),
    Rule("closing brackets", "]" * 60_000, NOT_JSON),
    Rule("32 levels", ping(x=nested(MAX_DEPTH - 1)), DONE),
    Rule("33 levels", ping(x=nested(MAX_DEPTH)), NOT_JSON),
    Rule("32 levels in a batch", batch(ping(x=nested(MAX_DEPTH - 2))), [DONE]),
    Rule("33 levels in a batch", batch(ping(x=nested(MAX_DEPTH - 1))), NOT_JSON),
    Rule("33 levels of objects", '{"a":' * 33 + "1" + "}" * 33, NOT_JSON),
    Rule("side by side is not deep", ping(x=batch(*[nested(30)] * 50)), DONE),
    Rule("brackets in a string are text", ping(x='"%s"' % ("[{" * 100)), DONE),
    Rule("brackets after a quote in a string", ping(x=r'"\"%s\\"' % ("[{" * 100)), DONE),
    *(
        Rule("U+0000", call(method, params), wrong(path), USER)
        for method, params, path in (
            ("user.list", r'{"where":{"full_name":"\u0000"}}', "where.full_name"),
            ("user.list", r'[{"full_name":"a\u0000b"}]', "where.full_name"),
            (
                "user.list",
                r'{"where":{"any":[{"status":{"in":["","\u0000"]}}]}}',
                "where.any[0].status.in[1]",
            ),
            ("user.list", r'{"where":{"profile.\u0000":1}}', "where"),
            ("user.list", r'{"after":"\u0000"}', "after"),
            ("user.list", r'{"order_by":["\u0000"]}', "order_by[0]"),
            ("user.update", r'{"set":{"full_name":"\u0000"}}', "set.full_name"),
            ("user.update", r'{"set":{"profile":{"a":["\u0000"]}}}', "set.profile.a[0]"),
            ("user.update", r'{"set":{"profile":{"\u0000":1}}}', "set.profile"),
            ("user.update", r'{"set":{},"retry_key":"\u0000"}', "retry_key"),
        )
    ),
    Rule("U+0000 for nobody", call("session.create", r'["\u0000","x"]'), wrong("email")),
    Rule("U+0000 in an id is echoed", ping(r'"\u0000"'), Reply(r'"\u0000"')),
    Rule("an escaped backslash is no U+0000", ping(r'"\\u0000"'), Reply(r'"\\u0000"')),
)

LAST_COUNTS = (
    Rule("ids", ping("1", ID="0")[:-1] + ',"id":2}', Reply("2")),
    Rule("an id, then a fraction", ping("1")[:-1] + ',"id":2.50}', Reply("2.50")),
    Rule("a fraction, then an id", ping("1.50")[:-1] + ',"id":2}', Reply("2")),
    Rule("fractions", ping("1.50")[:-1] + ',"id":2.50}', Reply("2.50")),
    Rule("fractions in a batch", batch(ping("1.50")[:-1] + ',"id":2.50}'), [Reply("2.50")]),
    Rule("an escaped name", ping("1.50")[:-1] + r',"\u0069d":2.50}', Reply("2.50")),
    Rule("no id", ping("{}")[:-1] + ',"id":1}', DONE),
    Rule("an id, then none", ping("1")[:-1] + ',"id":{}}', invalid()),
    Rule("methods", ping(method='"no"')[:-1] + ',"method":"rpc.ping"}', DONE),
    Rule("versions", ping(jsonrpc='"1.0"')[:-1] + ',"jsonrpc":"2.0"}', DONE),
    Rule("params", ping(params="1")[:-1] + ',"params":{}}', DONE),
    Rule("params, the other way", ping(params="{}")[:-1] + ',"params":1}', invalid("1")),
    Rule("a param", call("user.get", '{"id":"x","id":"$ID"}'), DONE, USER),
    Rule("a param, the other way", call("user.get", '{"id":"$ID","id":"x"}'), wrong("id"), USER),
    Rule("in where", call("user.list", '{"where":{"id":1,"id":"$ID"}}'), DONE, USER),
    Rule("an object", call("user.list", '{"where":{},"where":{"no":1}}'), wrong("where.no"), USER),
)

RESULT = '{"jsonrpc":"2.0","result":1,"id":1}'
ERROR = '{"jsonrpc":"2.0","error":{"code":1,"message":"x"},"id":1}'
RESPONSES = (
    Rule("a result", RESULT, None),
    Rule("an error", ERROR, None),
    Rule("an error with id null", ERROR.replace('"id":1', '"id":null'), None),
    Rule("responses in a batch", batch(RESULT, ERROR), None),
    Rule("responses among requests", batch(RESULT, ping(), ERROR), [DONE]),
    Rule("responses among invalid entries", batch("1", RESULT), [invalid()]),
)

NOTIFICATIONS = (
    Rule("a notification is never answered", notification(), None),
    Rule("an unknown method", notification("no"), None),
    Rule("params that are wrong", notification("rpc.ping", '{"x":1}'), None),
    Rule("no right to", notification("user.get", '{"id":"x"}'), None),
    Rule("a write that fails", notification("session.create", '["a@b","x"]'), None),
    Rule("an own one with an error", notification("user.get", '["x"]'), None, USER),
    Rule("one that reads", notification("user.get", '["$ID"]'), None, USER),
    Rule("one that writes", notification("user.update", '[{"status":"x"}]'), None, USER),
    Rule("in a batch", batch(notification(), notification("no")), None),
    Rule("in a batch with calls", batch(notification(), ping(), notification("no")), [DONE]),
)

BATCHES = (
    Rule("an empty batch is one error", "[]", invalid()),
    Rule("entries that are none", "[1,2,3]", [invalid(), invalid(), invalid()]),
    Rule("a batch in a batch", batch("[]", batch(ping())), [invalid(), invalid()]),
    Rule(
        "a bad entry never harms a good one",
        batch(
            ping("1"), "1", ping("true"), call("no", "{}", "2"), ping("3", params="1"), ping("4")
        ),
        [
            Reply("1"),
            invalid(),
            invalid(),
            Reply("2", "method_not_found"),
            invalid("3"),
            Reply("4"),
        ],
    ),
    Rule("equal ids are answered each", batch(ping(), ping(), ping()), [DONE, DONE, DONE]),
    Rule(
        "entries are answered in order",
        batch(call("user.get", '["$ID"]', "1"), ping("2"), call("user.list", "[]", "3")),
        [Reply("1"), Reply("2"), Reply("3")],
        USER,
    ),
    Rule("as many as allowed", batch(*[ping()] * MAX_BATCH), [DONE] * MAX_BATCH),
    Rule("one more", batch(*[ping()] * (MAX_BATCH + 1)), Reply("null", "batch_too_large")),
    Rule("one more, all bad", batch(*["1"] * (MAX_BATCH + 1)), Reply("null", "batch_too_large")),
    Rule(
        "one more, all notifications",
        batch(*[notification()] * (MAX_BATCH + 1)),
        Reply("null", "batch_too_large"),
    ),
)

ORDER = (
    Rule("the envelope before the method", call("no", "1"), invalid("1")),
    Rule("the method before access", call("user.no", '{"x":1}'), Reply("1", "method_not_found")),
    Rule("the method before params", call("no", '{"x":1}'), Reply("1", "method_not_found")),
    Rule("access before params", call("user.get", '{"x":1}'), Reply("1", "unauthenticated")),
    Rule("access before too many", call("user.get", "[1,2,3]"), Reply("1", "unauthenticated")),
    Rule("access before U+0000", call("user.get", r'["\u0000"]'), Reply("1", "unauthenticated")),
    Rule("params before the call", call("session.create", '["a@b"]'), wrong("password")),
)
