"""Several processes that write into one store take turns: each reads all of its home, and none fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from t3lens.ingest import discover, ingest
from t3lens.store import Store

SAMPLES = Path(__file__).resolve().parents[2] / "sample_logs"
_HOMES = ("orphaned-by-restart", "healthy-gen2", "approval-left-open")


def _records(store: Store) -> list[tuple[object, ...]]:
    query = "FROM log_events SELECT home_id, count(*) AS n GROUP BY home_id ORDER BY home_id"
    return [tuple(row.values()) for row in store.table(query).to_pylist()]


def test_writers_take_turns_and_each_reads_all_of_its_home(tmp_path: Path) -> None:
    homes = [SAMPLES / name for name in _HOMES]
    writers = [
        subprocess.Popen(
            [
                sys.executable, "-m", "t3lens", "ingest", str(home), "--server", "dead", "--store",
                str(tmp_path / "store.duckdb"),
            ],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for home in [*homes, *homes]
    ]  # fmt: skip
    for writer in writers:
        said, _ = writer.communicate(timeout=240)
        assert writer.returncode == 0, said
    alone = Store.open(None)
    ingest(alone, discover(homes))
    assert _records(Store.open(tmp_path / "store.duckdb")) == _records(alone) != []
