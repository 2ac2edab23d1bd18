"""Many homes: the same result for any number of processes, broken ones reported, unchanged ones not read again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from t3lens.diagnose import Options, ServerSetting
from t3lens.errors import InputError, UsageError
from t3lens.fleet import audit_fleet

SAMPLES = Path(__file__).resolve().parents[1] / "sample_logs"
DEAD = Options(server=ServerSetting.DEAD)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A folder of three homes."""
    for sample in ("healthy", "orphaned-by-restart", "retry-loop"):
        shutil.copytree(SAMPLES / sample, tmp_path / "archive" / sample)
    return tmp_path / "archive"


def test_the_number_of_processes_changes_nothing(archive: Path) -> None:
    one, three = (audit_fleet([archive], jobs=jobs, options=DEAD) for jobs in (1, 3))
    assert one.document == three.document
    assert one.homes == 3
    assert [home["path"] for home in one.document["homes"]] == sorted(
        home["path"] for home in one.document["homes"]
    )
    assert sum(one.document["counts"].values()) == len(one.document["threads"]) > 0


def test_a_path_without_a_home_is_reported_and_the_others_go_on(
    archive: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    found = audit_fleet([archive, tmp_path / "empty", tmp_path / "gone"], jobs=2, options=DEAD)
    assert len(found.document["homes"]) == 3
    assert [path for path, _ in found.failed] == [str(tmp_path / "empty"), str(tmp_path / "gone")]
    assert [one["path"] for one in found.document["errors"]] == [path for path, _ in found.failed]


def test_what_did_not_change_is_not_read_again(archive: Path, tmp_path: Path) -> None:
    first = audit_fleet([archive], jobs=2, options=DEAD, stores=tmp_path / "stores")
    again = audit_fleet([archive], jobs=1, options=DEAD, stores=tmp_path / "stores")
    assert (first.reused, again.reused) == (0, 3)
    assert again.document == first.document
    log = next((archive / "retry-loop").rglob("*.log"))
    with log.open("ab") as out:
        out.write(b"no record\n")
    changed = audit_fleet([archive], jobs=2, options=DEAD, stores=tmp_path / "stores")
    assert changed.reused == 2
    assert changed.document["quarantined"] == first.document["quarantined"] + 1


def test_progress_counts_every_home(archive: Path) -> None:
    told: list[tuple[int, int]] = []
    audit_fleet(
        [archive], jobs=2, options=DEAD, progress=lambda done, total, _: told.append((done, total))
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_no_home_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        audit_fleet([tmp_path / "gone"])


def test_no_process_at_all_is_an_error(archive: Path) -> None:
    with pytest.raises(UsageError, match="1 or more"):
        audit_fleet([archive], jobs=0)
