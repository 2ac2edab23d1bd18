"""The samples that come with t3lens are what the simulation makes today, byte for byte, and are told truly."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from t3lens.sim.samples import SAMPLES, Sample, build_samples
from t3lens.sim.scenarios import ToldStory
from tests.sim.conftest import misjudged

COMMITTED = Path(__file__).resolve().parents[2] / "sample_logs"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_rebuilding_gives_the_committed_bytes(tmp_path: Path) -> None:
    build_samples(tmp_path)
    rebuilt, committed = files(tmp_path), files(COMMITTED)
    assert sorted(rebuilt) == sorted(committed)
    assert [name for name, data in rebuilt.items() if committed[name] != data] == []


def test_both_generations_are_among_them() -> None:
    told = [read(sample) for sample in SAMPLES]
    assert {one.log_generation for one in told} == {1, 2, 3}


def read(sample: Sample) -> ToldStory:
    return msgspec.json.decode((COMMITTED / sample.folder / "expected.json").read_bytes(), type=ToldStory)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.folder)
def test_the_diagnosis_of_a_sample_is_right(sample: Sample) -> None:
    told = read(sample)
    assert misjudged(COMMITTED / sample.folder, told) == []
