"""Values of the environment: which are taken, and what is said of the others."""

from __future__ import annotations

import pytest

from server.database.reaching import where
from server.settings import Settings, SettingsError
from tests.conftest import settings_for


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://vault:SEC#RETx@127.0.0.1:21100/vault",
        "postgresql://vault:SEC/RETx@127.0.0.1:21100/vault",
        "postgresql://vault:SEC?RETx@127.0.0.1:21100/vault",
        "postgresql://vault:SEC?RET=x@127.0.0.1:21100/vault",
        "postgresql://vault:SEC[RETx@127.0.0.1:21100/vault",
        "postgresql://vault:SEC%RETx@127.0.0.1:21100/vault",
        "postgresql://vault:SEC@RETx@127.0.0.1:21100/vault",
        "postgresql://vault:007/SEC@127.0.0.1:21100/vault",
        "postgresql://vault:SECRETx@[::1/vault",
        "postgresql://vault:SECRETx@127.0.0.1:abc/vault",
        "postgresql://vault:SECRETx@127.0.0.1:99999/vault",
        "postgresql://vault:SECRETx@127.0.0.1/vault?sslmode",
        "postgresql+asyncpg://vault:SECRETx@127.0.0.1:21100/vault",
        "vault:SECRETx@127.0.0.1:21100/vault",
        '"postgresql://vault:SECRETx@127.0.0.1:21100/vault"',
        " ",
    ],
)
def test_a_database_url_that_cannot_be_read_is_refused_and_not_shown(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    with pytest.raises(SettingsError) as refused:
        Settings.load()
    said = str(refused.value)
    assert said.startswith("DATABASE_URL ")
    assert said.endswith(".")
    assert not any(part in said for part in ("SEC", "RET", "007", "99999"))


@pytest.mark.parametrize(
    ("dsn", "place"),
    [
        ("postgresql://vault:a:b%40@db.internal:5433/vault", "db.internal:5433, database vault"),
        ("postgres://db.internal/a%20name", "db.internal:5432, database a name"),
        ("postgresql://vault@[::1]:5433/vault", "[::1]:5433, database vault"),
        ("postgresql://one:1,[::2]:2/vault?sslmode=require", "one:1,[::2]:2, database vault"),
        ("postgresql://%2Frun%2Fpostgresql/vault", "/run/postgresql, database vault"),
        ("postgresql://v@/vault?host=/a/b.socket&port=1", "/a/b.socket, database vault"),
        ("postgresql:///vault?host=db.internal&port=5433", "db.internal:5433, database vault"),
        ("postgresql://", "localhost:5432, database of the user name"),
    ],
)
def test_a_database_url_is_taken_as_postgresql_writes_it(dsn: str, place: str) -> None:
    assert settings_for(dsn).dsn == dsn
    assert where(dsn) == place


def test_a_setting_that_is_neither_true_nor_false_is_told_to_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VICTORYVAULT_PERMESSAGE_DEFLATE", "perhaps")
    with pytest.raises(SettingsError, match=r"PERMESSAGE_DEFLATE must be true or false\."):
        Settings.load()


def test_a_port_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PORT", "99999")
    with pytest.raises(SettingsError, match=r"DB_PORT must be at most 65535\."):
        Settings.load()
