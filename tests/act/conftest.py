"""Acting is allowed in these tests, and no token or journal of the machine plays a part."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _acting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("T3LENS_ACTIONS", "1")
    monkeypatch.setenv("T3LENS_JOURNAL", str(tmp_path / "default-journal.jsonl"))
    monkeypatch.delenv("T3LENS_TOKEN", raising=False)
