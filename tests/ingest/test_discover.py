"""Whatever a user points at: the homes in it, or one sentence on why there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from t3lens.errors import InputError
from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.store import Store
from tests.ingest.disk import lines
from tests.recordings import RECORDED


@pytest.fixture
def home(tmp_path: Path) -> Path:
    base = tmp_path / "t3"
    logs = base / "userdata" / "logs" / "provider"
    logs.mkdir(parents=True)
    (logs / "a.log").write_bytes(lines(1, 2))
    (logs / "a.log.1").write_bytes(lines(3, 2))
    return base


def test_a_home_its_userdata_its_logs_and_one_log_are_all_accepted(home: Path) -> None:
    userdata = home / "userdata"
    found = {
        path: [h.kind for h in discover([path])]
        for path in (home, userdata, userdata / "logs", userdata / "logs" / "provider")
    }
    assert list(found.values()) == [["userdata"], ["userdata"], ["logs"], ["logs"]]
    assert [h.kind for h in discover([userdata / "logs" / "provider" / "a.log"])] == ["file"]


def test_dev_and_userdata_are_two_homes(home: Path) -> None:
    (home / "dev" / "logs" / "provider").mkdir(parents=True)
    assert {h.kind for h in discover([home])} == {"userdata", "dev"}


def test_a_folder_of_homes_with_a_link_loop_is_searched_once(home: Path, tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "loop").symlink_to(tmp_path)
    assert [h.path for h in discover([tmp_path])] == [home / "userdata"]


def test_copies_of_one_environment_have_ids_of_their_own(home: Path, tmp_path: Path) -> None:
    (home / "userdata" / "environment-id").write_text("env-1\n")
    copy = tmp_path / "backup" / "userdata"
    (copy / "logs" / "provider").mkdir(parents=True)
    (copy / "environment-id").write_text("env-1\n")
    ids = [h.home_id for h in discover([tmp_path])]
    assert len(set(ids)) == 2
    assert "env-1" in ids


def test_files_of_one_folder_belong_together(home: Path) -> None:
    pattern = home / "userdata" / "logs" / "provider" / "*.log*"
    homes = discover([str(pattern)])
    assert len(homes) == 1
    store = Store.open()
    ingest(store, homes, options=IngestOptions(server="dead"))
    ids = store.table("SELECT event_id FROM log_events ORDER BY file_order, line").column(0)
    assert ids.to_pylist() == ["e3", "e4", "e1", "e2"]


def test_naming_one_file_says_nothing_about_its_neighbours(home: Path) -> None:
    store = Store.open()
    logs = home / "userdata" / "logs" / "provider"
    ingest(store, discover([logs / "a.log"]))
    assert store.table("SELECT count(*) AS n FROM log_events").to_pylist() == [{"n": 2}]


@pytest.mark.parametrize(
    ("name", "what"),
    [("missing", "does not exist"), ("empty", "empty folder"), ("other", "no T3 data"),
     ("other/notes.txt", "no provider log"), ("nothing*", "nothing matches")],
)  # fmt: skip
def test_bad_input_is_one_sentence(tmp_path: Path, name: str, what: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("hello")
    with pytest.raises(InputError, match=what) as caught:
        discover([str(tmp_path / name)])
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recordings are not there")
def test_every_recording_is_read_to_the_last_byte_and_left_alone() -> None:
    homes = discover([RECORDED / "0.0.33"])
    before = {p: p.stat().st_mtime_ns for p in RECORDED.rglob("*")}
    store = Store.open()
    report = ingest(store, homes, options=IngestOptions(server="dead"))
    assert report.problems == []
    sizes = sum(f.stat().st_size for h in homes if h.log_dir for f in h.log_dir.iterdir())
    rows = store.table("SELECT sum(length)::BIGINT AS n FROM log_events").to_pylist()
    assert rows == [{"n": sizes}]
    assert store.table("SELECT count(*) AS n FROM quarantine").to_pylist() == [{"n": 0}]
    again = ingest(store, homes, options=IngestOptions(server="dead"))
    assert (again.records, again.events, again.unchanged) == (0, 0, again.files)
    assert {p: p.stat().st_mtime_ns for p in RECORDED.rglob("*")} == before
