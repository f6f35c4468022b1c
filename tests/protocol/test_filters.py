"""`where`, in memory and in SQL: the same rows, whatever the filter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from piccolo.querystring import QueryString

from server.database.conditions import compile_filter
from server.protocol.errors import CallError
from server.protocol.filters import FieldType, matches, moment, parse
from server.protocol.times import written
from server.resources.users.tables import LIVE
from server.resources.users.views import BY_NAME, OWN_FIELDS, PUBLIC_FIELDS
from tests.conftest import database

FIELDS = {name: LIVE.types[name] for name in OWN_FIELDS}
START = datetime(2026, 1, 1, tzinfo=UTC)
IDS = [UUID(int=0x0197E6F0_0000_7000_8000_000000000000 + index) for index in range(400)]
TEXTS = ["", "a", "A", "ab", "á", "z", "Z", "ñandú", "%", "_", "'", "\\", "💎", "null", "1"]
NUMBERS = [0, 1, -1, 2, 0.1, 1.0, 1e15, -2.5, 2**53, 10**15, 0.30000000000000004]
SCALARS: list[Any] = [None, True, False, *TEXTS, *NUMBERS]
JSON = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=4,
)
decode = msgspec.json.Decoder(float_hook=Decimal).decode

TIMES = [START + timedelta(microseconds=step) for step in (0, 1, 10**6, 86_400 * 10**6)]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "id": st.sampled_from(IDS).map(str),
    "created_at": st.sampled_from(TIMES).map(lambda when: when.isoformat()),
    "version": st.sampled_from([*NUMBERS, "1", None, True]),
    "full_name": st.sampled_from([*TEXTS, 1, None, False]),
    "email": st.sampled_from(TEXTS),
    "profile": JSON.filter(lambda value: not isinstance(value, dict)),
    "profile.a": JSON.filter(lambda value: not isinstance(value, dict)),
    "profile.b": st.sampled_from(SCALARS),
    "profile.c d.e": st.sampled_from(SCALARS),
}
ORDERS = st.sampled_from(["lt", "lte", "gt", "gte"])


def comparison(field: str) -> st.SearchStrategy[dict[str, Any]]:
    value = VALUES[field]
    operators: list[st.SearchStrategy[dict[str, Any]]] = [
        value.map(lambda each: {"eq": each}),
        value.map(lambda each: {"ne": each}),
        st.lists(value, max_size=4).map(lambda each: {"in": each}),
        st.tuples(ORDERS, value).map(lambda pair: {pair[0]: pair[1]}),
        st.tuples(ORDERS, value, ORDERS, value).map(
            lambda four: {four[0]: four[1], four[2]: four[3]}
        ),
    ]
    if field in {"full_name", "email"} or field.startswith("profile"):
        operators.append(st.sampled_from(TEXTS).map(lambda each: {"prefix": each}))
    if field.startswith("profile"):
        operators.append(JSON.map(lambda each: {"eq": each}))
    return (value | st.one_of(operators)).map(lambda test: {field: test})


WHERE = st.recursive(
    st.sampled_from(sorted(VALUES)).flatmap(comparison),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: {"all": parts})
        | st.lists(inner, max_size=3).map(lambda parts: {"any": parts})
        | inner.map(lambda part: {"not": part})
        | st.tuples(inner, inner).map(lambda two: {**two[0], **two[1]})
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
async def rows(dsn: str) -> AsyncIterator[tuple[asyncpg.Connection, dict[UUID, dict[str, Any]]]]:
    """Rows of every shape, psql's odd ones included, in the database and as they are matched."""
    odd = ["null", "1", '"text"', "[1, 2]", '{"a": null}', '{"a": 1e400}', '{"a": 0.10}', "{}"]
    profiles: list[str] = odd + [
        msgspec.json.encode({"a": first, "b": second, "c d.e": first}).decode()
        for first in [*SCALARS, [], [1], [1.0, "a"], {"a": 1}, {"b": None}]
        for second in SCALARS[:7]
    ]
    async with database(dsn) as connection:
        await connection.execute("ALTER TABLE users DROP CONSTRAINT users_profile_object")
        await connection.executemany(
            "INSERT INTO users (id, email, full_name, profile, version, created_at)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            [
                (
                    IDS[index],
                    f"{TEXTS[index % len(TEXTS)]}{index}",
                    TEXTS[index % len(TEXTS)],
                    profile,
                    index % 4,
                    TIMES[index % len(TIMES)],
                )
                for index, profile in enumerate(profiles)
            ],
        )
        found = await connection.fetch("SELECT * FROM users")
        yield connection, {row["id"]: as_matched(row) for row in found}


def as_matched(row: asyncpg.Record) -> dict[str, Any]:
    return {
        **row,
        "id": str(row["id"]),
        "profile": decode(row["profile"]),
        "created_at": written(row["created_at"]),
    }


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(where=WHERE)
async def test_a_filter_holds_for_the_same_rows_in_memory_and_in_sql(
    rows: tuple[asyncpg.Connection, dict[UUID, dict[str, Any]]], where: dict[str, Any]
) -> None:
    connection, by_id = rows
    condition = parse(where, FIELDS, max_values=1000)
    query = QueryString('SELECT "id" FROM "users" WHERE {}', compile_filter(condition, BY_NAME))
    sql, arguments = query.compile_string()
    in_sql = {row["id"] for row in await connection.fetch(sql, *arguments)}
    in_memory = {id_ for id_, row in by_id.items() if matches(condition, row)}
    assert in_sql == in_memory


@pytest.mark.parametrize(
    ("where", "path"),
    [
        ({"nope": 1}, "where.nope"),
        ({"full_name.a": 1}, "where.full_name.a"),
        ({"profile.": 1}, "where.profile."),
        ({"version": {}}, "where.version"),
        ({"version": {"like": 1}}, "where.version.like"),
        ({"version": {"in": 1}}, "where.version.in"),
        ({"version": {"prefix": "1"}}, "where.version.prefix"),
        ({"full_name": {"prefix": 1}}, "where.full_name.prefix"),
        ({"version": 2**53 + 1}, "where.version"),
        ({"profile.a": {"in": [1, [1e300]]}}, "where.profile.a.in[1]"),
        ({"id": "nobody"}, "where.id"),
        ({"created_at": "yesterday"}, "where.created_at"),
        ({"created_at": "2026-01-01T00:00:00"}, "where.created_at"),
        ({"any": {"id": 1}}, "where.any"),
        ({"all": [{"not": [1]}]}, "where.all[0].not"),
    ],
)
def test_a_wrong_filter_is_refused_with_its_path(where: dict[str, Any], path: str) -> None:
    with pytest.raises(CallError) as refused:
        parse(where, FIELDS, max_values=1000)
    assert refused.value.code == -32602
    assert refused.value.data["path"] == path


def test_a_filter_names_no_more_values_than_it_may() -> None:
    parse({"version": {"in": [1, 2, 3]}}, FIELDS, max_values=3)
    with pytest.raises(CallError) as refused:
        parse({"version": {"in": [1, 2, 3]}, "full_name": "a"}, FIELDS, max_values=3)
    assert refused.value.data["path"] == "where.full_name"


def test_a_filter_knows_only_the_fields_of_its_view() -> None:
    parse({"email": "a"}, FIELDS, max_values=1)
    with pytest.raises(CallError):
        parse({"email": "a"}, {name: FIELDS[name] for name in PUBLIC_FIELDS}, max_values=1)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({"note": None}, [None]),
        ({"note": {"ne": "a"}}, [None, "b"]),
        ({"not": {"note": {"lt": "b"}}}, [None, "b"]),
        ({"not": {"note": {"in": ["a"]}}}, [None, "b"]),
        ({"note": {"in": [None, "a"]}}, [None, "a"]),
        ({"not": {"any": [{"note": {"prefix": "a"}}, {"note": {"gt": None}}]}}, [None, "b"]),
    ],
)
async def test_null_is_a_value_like_any_other(
    dsn: str, where: dict[str, Any], found: list[str | None]
) -> None:
    condition = parse(where, {"note": FieldType.TEXT}, max_values=9)
    column: Any = QueryString("note")
    query = QueryString(
        "SELECT note FROM (VALUES ('a'), ('b'), (NULL)) AS notes (note) WHERE {}",
        compile_filter(condition, {"note": column}),
    )
    sql, arguments = query.compile_string()
    async with database(dsn) as connection:
        in_sql = {row["note"] for row in await connection.fetch(sql, *arguments)}
    assert in_sql == set(found)
    assert {note for note in ("a", "b", None) if matches(condition, {"note": note})} == set(found)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2020-01-01t00:00:00.12346z", "2020-01-01T00:00:00.123460Z"),
        ("2020-01-01T01:00:00+01:00", "2020-01-01T00:00:00Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
    ],
)
def test_every_time_of_rfc_3339_is_one(text: str, same: str) -> None:
    assert moment(text) == moment(same)


@pytest.mark.parametrize(
    "text",
    [
        *("20200101T000000Z", "2020-W01-1T00:00:00Z", "2020-01-01T00:00Z", "2020-01-01"),
        *("2020-01-01T00:00:00", "2020-01-01T00:00:00,5Z", "2020-01-01T00:00:00+00"),
        *("2020-01-01T00:00:00.Z", "2020-01-01T00:00:00+15:59:59", "2020-13-01T00:00:00Z"),
    ],
)
def test_what_only_looks_like_a_time_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"RFC 3339|must be in"):
        moment(text)
