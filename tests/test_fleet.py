"""Many homes: the same result for any number of processes, broken ones reported, unchanged ones not read again."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import threading
from pathlib import Path

import msgspec
import pytest

import t3lens
from t3lens.diagnose import Options, ServerSetting
from t3lens.document.formats import FORMATS
from t3lens.document.merge import MergeableAudit
from t3lens.errors import InputError, UsageError
from t3lens.fleet.many_homes import FleetReport, audit_fleet
from t3lens.fleet.one_home import AuditRequest, Workbench, audit_one, audit_session
from t3lens.fleet.outcome import HomeOutcome
from t3lens.fleet.processes import FleetStep
from t3lens.ingest import Home, discover
from t3lens.session.session import Session
from t3lens.store import Store

SAMPLES = Path(__file__).resolve().parents[1] / "sample_logs"
DEAD = Options(server=ServerSetting.DEAD)


def json_text(audit: FleetReport | MergeableAudit) -> str:
    return FORMATS["json"](audit.document)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A folder of three homes."""
    for sample in ("healthy", "orphaned-by-restart", "retry-loop"):
        shutil.copytree(SAMPLES / sample, tmp_path / "archive" / sample)
    return tmp_path / "archive"


def test_the_number_of_processes_changes_nothing(archive: Path) -> None:
    one, three = (audit_fleet([archive], jobs=jobs, options=DEAD) for jobs in (1, 3))
    assert one.document == three.document
    assert json_text(one) == json_text(three)
    assert one.homes == 3
    assert [home.path for home in one.document.homes] == sorted(home.path for home in one.document.homes)
    assert sum(one.document.counts.values()) == len(one.document.threads) > 0


def test_it_says_what_one_lens_over_all_homes_says(archive: Path) -> None:
    rules = ("settle", "shipped-0.0.29")
    found = audit_fleet([archive], jobs=2, options=DEAD, compare=rules)
    with t3lens.open(archive, server="dead") as lens:
        wanted = audit_session(lens.session, rules)
    assert json_text(found) == json_text(wanted)
    assert found.projects == wanted.projects
    assert found.document.comparison.compared == len(found.document.threads)


@pytest.mark.parametrize(
    "options", [DEAD, Options(server=ServerSetting.DEAD, as_of=1_790_000_000_000_000)], ids=["now", "then"]
)
def test_what_one_home_left_on_the_workbench_is_nothing_to_the_next(archive: Path, options: Options) -> None:
    shutil.copytree(SAMPLES / "v2-interrupt-held", archive / "v2-interrupt-held")
    homes = [*discover([archive]), *reversed(discover([archive]))]
    asked, bench = AuditRequest(options, None, None), Workbench()
    assert [audit_one(home, asked, bench) for home in homes] == [audit_one(home, asked) for home in homes]


def test_an_emptied_store_holds_nothing(archive: Path) -> None:
    store = Store.open()
    new = {name: rows for name, rows in _counts(store).items() if name != "_meta"}
    (home,) = discover([archive / "retry-loop"])
    with Session(store, [home], DEAD) as session:
        assert session.diagnosis.threads
        full = _counts(store)
        assert full["_orchestration_events"] and full["_files"] and full["_finding"]
        store.empty()
        assert {name: rows for name, rows in _counts(store).items() if name != "_meta"} == new
        assert store.table("select nextval('_snapshot_ids')").column(0).to_pylist() == [1]


def _counts(store: Store) -> dict[str, int]:
    names = store.table("select table_name from duckdb_tables() where not internal").column(0).to_pylist()
    return {name: store.table(f"select count(*) from {name}").column(0)[0].as_py() for name in names}


def test_one_home_of_a_pattern_that_holds_nothing_does_not_end_the_run(archive: Path) -> None:
    (archive / "empty").mkdir()
    found = audit_fleet([archive / "*"], jobs=2, options=DEAD)
    assert len(found.document.homes) == 3
    assert [one.path for one in found.failed] == [str(archive / "empty")]


def test_a_damaged_home_is_told_of_and_changes_nothing_for_the_others(archive: Path) -> None:
    whole = audit_fleet([archive], jobs=2, options=DEAD).document
    database = archive / "broken" / "userdata" / "state.sqlite"
    database.parent.mkdir(parents=True)
    database.write_bytes(b"no database" * 99)
    os.utime(database, (1_780_000_000, 1_780_000_000))
    one, three = (audit_fleet([archive], jobs=jobs, options=DEAD).document for jobs in (1, 3))
    assert one == three
    assert one.threads == whole.threads
    (damaged,) = [home for home in one.homes if home.path == str(database.parent)]
    assert "database-corrupt" in [finding.code for finding in damaged.findings]


def test_a_process_that_is_killed_takes_one_home_with_it(archive: Path) -> None:
    def progress(step: FleetStep) -> None:
        if step.done == 1:
            for child in multiprocessing.active_children():
                child.kill()

    # compared homes are audited one after the other
    found = audit_fleet([archive], jobs=1, options=DEAD, compare=("settle", "shipped-0.0.29"), progress=progress)
    assert len(found.failed) == 1
    assert "exit code -9" in found.failed[0].message
    assert len(found.document.homes) == 2


def test_a_run_that_was_cut_off_goes_on_where_it_was(archive: Path, tmp_path: Path) -> None:
    def cut(step: FleetStep) -> None:
        raise KeyboardInterrupt

    stores = tmp_path / "stores"
    with pytest.raises(KeyboardInterrupt):
        audit_fleet([archive], jobs=1, options=DEAD, stores=stores, progress=cut)
    assert multiprocessing.active_children() == []
    again = audit_fleet([archive], jobs=2, options=DEAD, stores=stores)
    assert again.reused >= 1
    assert again.document == audit_fleet([archive], jobs=2, options=DEAD).document


def test_another_question_is_not_answered_with_what_was_kept(archive: Path, tmp_path: Path) -> None:
    stores = tmp_path / "stores"
    audit_fleet([archive], jobs=2, options=DEAD, stores=stores)
    rules = ("settle", "shipped-0.0.29")
    again = audit_fleet([archive], jobs=2, options=DEAD, compare=rules, stores=stores)
    assert again.reused == 0
    assert again.document.comparison.rules == rules


def test_a_folder_that_keeps_no_stores_is_refused_before_any_home_is_read(archive: Path) -> None:
    """``/proc`` is there, and not even root writes to it."""
    steps: list[object] = []
    with pytest.raises(InputError, match=r"^/proc cannot be used for stores: .*\. Name a folder that you may write to$"):
        audit_fleet([archive], jobs=2, options=DEAD, stores="/proc", progress=steps.append)
    assert steps == []


def test_a_path_without_a_home_is_reported_and_the_others_go_on(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    found = audit_fleet([archive, tmp_path / "empty", tmp_path / "gone"], jobs=2, options=DEAD)
    assert len(found.document.homes) == 3
    assert [one.path for one in found.failed] == [str(tmp_path / "empty"), str(tmp_path / "gone")]
    assert found.document.errors == found.failed


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
    assert changed.document.quarantined == first.document.quarantined + 1


def test_progress_counts_every_home(archive: Path) -> None:
    told: list[tuple[int, int]] = []
    audit_fleet([archive], jobs=2, options=DEAD, progress=lambda step: told.append((step.done, step.total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_no_home_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        audit_fleet([tmp_path / "gone"])


def test_no_process_at_all_is_an_error(archive: Path) -> None:
    with pytest.raises(UsageError, match="1 or more"):
        audit_fleet([archive], jobs=0)


def _never(homes: list[Home], asked: AuditRequest) -> list[HomeOutcome | None]:
    """A process that hangs in the first home it is given."""
    threading.Event().wait()
    raise AssertionError


def test_a_process_that_hangs_in_a_home_is_ended_and_the_home_is_told_of(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("t3lens.fleet.processes._audit", _never)
    monkeypatch.setattr("t3lens.fleet.processes._GRACE_S", 0.0)
    found = audit_fleet([archive / "healthy"], jobs=1, options=msgspec.structs.replace(DEAD, budget=0.1))
    assert [Path(one.path).parent.name for one in found.failed] == ["healthy"]
    assert "(--budget)" in found.failed[0].message
    assert multiprocessing.active_children() == []


def test_copies_of_a_home_are_told_apart_as_one_lens_tells_them(tmp_path: Path) -> None:
    for name in ("a", "b"):
        shutil.copytree(SAMPLES / "retry-loop" / "userdata", tmp_path / name)
    homes = discover([tmp_path])
    with t3lens.open(tmp_path, server="dead") as lens:
        alone = [home.home_id for home in lens.session.homes]
    assert len(set(alone)) == 2
    for folder in (None, tmp_path / "stores"):
        if folder is not None:
            folder.mkdir()
        found = [audit_one(home, AuditRequest(DEAD, None, folder))[1].document for home in homes]
        assert [one.homes[0].home_id for one in found] == alone
        assert [one.threads[0].home_id for one in found] == alone
