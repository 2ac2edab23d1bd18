"""Parquet out and in again leads to the same verdicts, and other engines read it."""

from __future__ import annotations

import errno
import shutil
import stat
from pathlib import Path

import duckdb
import pandas
import polars
import pyarrow.dataset
import pytest

import t3lens
from t3lens.errors import InputError
from t3lens.export.archive_manifest import MANIFEST
from t3lens.export.parquet import TABLES
from t3lens.lens.lens import Lens
from tests.export.test_bundle import verdicts


@pytest.fixture(scope="module")
def folder(samples: Lens, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parquet") / "out"
    samples.export_parquet(path)
    return path


def test_reading_it_back_leads_to_the_same_verdicts(samples: Lens, folder: Path) -> None:
    with t3lens.open(f"{folder}/**/*.parquet", server="dead") as again:
        assert verdicts(again) == verdicts(samples)


def test_polars_and_arrow_count_the_records_alike(samples: Lens, folder: Path) -> None:
    ((wanted,),) = samples.rows("select count(*) from log_events")
    lazy = polars.scan_parquet(f"{folder}/log_events/**/*.parquet", hive_partitioning=True)
    assert lazy.select(polars.len()).collect().item() == wanted
    table = pyarrow.dataset.dataset(folder / "log_events", partitioning="hive")
    assert table.count_rows() == wanted
    assert {"home_id", "day"} <= set(table.schema.names)


def test_a_plain_duckdb_and_pandas_count_the_records_alike(samples: Lens, folder: Path) -> None:
    wanted = samples.rows("select home_id, label, count(*) from log_events group by all order by all")
    files = f"{folder}/log_events/**/*.parquet"
    query = (
        "select home_id::varchar, label, count(*) from read_parquet(?, hive_partitioning = true) group by all order by all"
    )
    with duckdb.connect() as con:
        assert con.execute(query, [files]).fetchall() == wanted
    frame = pandas.read_parquet(folder / "log_events", columns=["label"])
    assert len(frame) == sum(number for *_, number in wanted)


def test_findings_can_be_read_by_others(samples: Lens, folder: Path) -> None:
    found = polars.read_parquet(f"{folder}/views/findings/**/*.parquet", hive_partitioning=True)
    assert sorted(found["code"].to_list()) == sorted(f.code for f in samples.diagnosis.findings)


def test_every_table_with_rows_is_written(samples: Lens, folder: Path) -> None:
    for table in TABLES:
        ((rows,),) = samples.rows(f"select count(*) from _{table}")
        assert (folder / table).is_dir() is (rows > 0)


def test_reading_twice_adds_nothing(folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "store.duckdb"
    counts = []
    for _ in range(2):
        with t3lens.open(f"{folder}/**/*.parquet", store=store, server="dead") as lens:
            counts.append(lens.rows("select count(*) from log_events"))
    assert counts[0] == counts[1]


def test_a_folder_that_holds_something_is_refused(samples: Lens, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        samples.export_parquet(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_other_parquet_files_are_refused(tmp_path: Path) -> None:
    polars.DataFrame({"a": [1]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="export --parquet"):
        t3lens.open(f"{tmp_path}/*.parquet")


def _copy(folder: Path, target: Path) -> Path:
    shutil.copytree(folder, target)
    return target


@pytest.mark.parametrize("table", ["snapshots", "snapshot_rows", "orchestration_events", "files", "homes"])
def test_an_archive_without_a_table_is_refused(folder: Path, tmp_path: Path, table: str) -> None:
    copy = _copy(folder, tmp_path / "copy")
    shutil.rmtree(copy / table)
    with pytest.raises(InputError, match=r"not there|no homes/"):
        t3lens.open(f"{copy}/**/*.parquet")


def test_an_archive_without_a_partition_or_a_file_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = _copy(folder, tmp_path / "copy")
    gone = next((copy / "log_events").glob("home_id=*/day=*"))
    shutil.rmtree(gone)
    with pytest.raises(InputError, match="not there"):
        t3lens.open(f"{copy}/**/*.parquet")
    with pytest.raises(InputError, match="not there"):
        t3lens.open(f"{folder}/homes/**/*.parquet")


def test_an_archive_without_its_manifest_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = _copy(folder, tmp_path / "copy")
    (copy / MANIFEST).unlink()
    with pytest.raises(InputError, match="belongs to no archive"):
        t3lens.open(f"{copy}/**/*.parquet")


def test_an_archive_with_a_strange_or_a_changed_file_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = _copy(folder, tmp_path / "copy")
    one = next((copy / "homes").rglob("*.parquet"))
    shutil.copyfile(one, one.with_name("more.parquet"))
    with pytest.raises(InputError, match="not of it"):
        t3lens.open(f"{copy}/**/*.parquet")
    one.with_name("more.parquet").unlink()
    data = one.read_bytes()
    one.write_bytes(data + b"x")
    with pytest.raises(InputError, match="parquet changed"):
        t3lens.open(f"{copy}/**/*.parquet")
    at = data.index(b"sample_logs")
    one.write_bytes(data[:at] + b"Sample_logs" + data[at + 11 :])  # a file as good as before
    with pytest.raises(InputError, match="parquet changed"):
        t3lens.open(f"{copy}/**/*.parquet")


def test_two_archives_of_one_home_are_not_added_up(folder: Path, tmp_path: Path) -> None:
    copy = _copy(folder, tmp_path / "copy")
    with pytest.raises(InputError, match="both hold the home"):
        t3lens.open([f"{folder}/**/*.parquet", f"{copy}/**/*.parquet"])


def test_an_archive_that_was_cut_short_leaves_nothing(
    samples: Lens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("t3lens.export.parquet.write_manifest", full)
    with pytest.raises(InputError, match="no space left for"):
        samples.export_parquet(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_archive_is_for_its_user_alone(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*.parquet")} == {0o600}
