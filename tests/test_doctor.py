"""What is said of the environment, without a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.doctor import ignored
from server.settings import Settings


def test_a_name_that_is_no_setting_is_answered_by_the_nearest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("VICTORYVAULT_ALLOWED_ORIGIN=https://game.example\nOTHER=1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VICTORYVAULT_DATABASE_URL", "postgresql://")
    monkeypatch.setenv("VICTORYVAULT_MAX_BATCHES", "3")
    monkeypatch.setenv("VICTORYVAULT_QQQ", "3")
    monkeypatch.setenv("victoryvault_max_batch", "3")
    assert ignored(Settings.load()) == [
        f"{wrong} is no setting; {near}docs/settings.md lists them."
        for wrong, near in (
            ("VICTORYVAULT_ALLOWED_ORIGIN", "is VICTORYVAULT_ALLOWED_ORIGINS meant? "),
            ("VICTORYVAULT_DATABASE_URL", "is DATABASE_URL meant? "),
            ("VICTORYVAULT_MAX_BATCHES", "is VICTORYVAULT_MAX_BATCH meant? "),
            ("VICTORYVAULT_QQQ", ""),
        )
    ]


def test_a_part_of_a_database_that_names_none_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "DB_USER", "DB_PORT", "DB_NAME", "DB_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DB_PASSWORD", "hidden-password")
    (said,) = ignored(Settings.load())
    assert said == (
        "DB_PASSWORD alone: no database is named, so the embedded one is used; "
        "give DB_NAME or DB_HOST too."
    )
    monkeypatch.setenv("DB_NAME", "vault")
    assert ignored(Settings.load()) == []
