"""What reads much is what these tests are about, though they are small."""

from __future__ import annotations

import pytest

from t3lens.ingest import few_lines, snapshots
from t3lens.store import bind_rows


@pytest.fixture(autouse=True)
def as_if_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing counts as little, but where a test takes this back."""
    monkeypatch.setattr(few_lines, "FEW", -1)
    monkeypatch.setattr(snapshots, "_LITTLE", -1)
    monkeypatch.setattr(bind_rows, "FEW", -1)
