"""Parquet out and in again leads to the same verdicts, and other engines read it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas
import polars
import pyarrow.dataset
import pytest

import t3lens
from t3lens.errors import InputError
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
