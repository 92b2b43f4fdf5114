"""Golden files: what reports look like, kept beside the tests.

``SQUALL_UPDATE_GOLDEN=1 pytest tests/results/reports`` rewrites them; read the difference before
committing it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

Golden = Callable[[str, str], None]
_DIRECTORY = Path(__file__).parent / "golden"


@pytest.fixture
def golden() -> Golden:
    """Compares a text with the golden file of that name."""

    def compare(name: str, text: str) -> None:
        path = _DIRECTORY / name
        if os.environ.get("SQUALL_UPDATE_GOLDEN"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), (
            f"{name} changed; if that is meant, run with SQUALL_UPDATE_GOLDEN=1"
        )

    return compare
