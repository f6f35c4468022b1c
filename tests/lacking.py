"""What a test needs and this machine lacks: skipped with the way out, or failed, as CI wants it."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

SKIP_NOTHING = "SKIP_NOTHING"
"""Where this is set, as in CI, what is missing is a failure."""


def lacks(sentence: str) -> NoReturn:
    if os.environ.get(SKIP_NOTHING):
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)
