"""The sample homes as a lens, and two of them with a canary in every text: fixtures of the folders that draw."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from t3lens.lens.lens import Lens, open_lens
from t3lens.sim.samples import build_samples
from tests.view.hostile import poison


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    build_samples(folder)
    return folder


@pytest.fixture(scope="session")
def lens(samples: Path) -> Lens:
    """The sample homes, their servers gone."""
    return open_lens(samples, server="dead")


@pytest.fixture(scope="session")
def hostile_lens(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Lens:
    """Two sample homes with a canary in every text of every record."""
    folder = tmp_path_factory.mktemp("hostile")
    for name in ("orphaned-by-restart", "approval-left-open"):
        shutil.copytree(samples / name, folder / name)
        poison(folder / name)
    return open_lens(folder, server="dead")
