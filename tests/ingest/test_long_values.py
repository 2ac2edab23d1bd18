"""What is longer than sense is cut, is said, and changes no verdict: of a title of 400 MB only the beginning is read."""

from __future__ import annotations

import json
import sqlite3
import tracemalloc
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.sim.scenarios import build_home
from t3lens.store import Store
from tests.cli.conftest import Run
from tests.cli.conftest import run as run

_SIZE: Final = 5_000_000
_CUT: Final = 6_000

_LONG: Final = {
    "projection_threads": "title",
    "projection_thread_sessions": "last_error",
    "provider_session_runtime": "runtime_payload_json",
    "projection_projects": "title",
    "effect_sql_migrations": "name",
    "orchestration_events": "payload_json",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a value of some megabytes in the last row of each table, and as long a line in a log."""
    monkeypatch.setattr("t3lens.ingest.database.LONGEST", 1 << 20)
    monkeypatch.setattr("t3lens.ingest.columnar._MOST_BYTES", 1 << 20)
    monkeypatch.setattr("t3lens.ingest.load._LONGEST_LINE", 1 << 20)
    home = tmp_path / "home"
    build_home(home, "orphaned-turn")
    with closing(sqlite3.connect(home / "userdata" / "state.sqlite")) as con, con:
        for table, column in _LONG.items():
            value = f'{{"x": "{"t" * _SIZE}"}}' if column.endswith("_json") else "t" * _SIZE
            con.execute(f"update {table} set {column} = ? where rowid = (select max(rowid) from {table})", (value,))
    log = sorted((home / "userdata" / "logs" / "provider").iterdir())[0]
    with log.open("ab") as out:
        out.write(b'[2026-07-01T00:00:00.000Z] CANON: {"type":"' + b"t" * _SIZE + b'"}\n')
    return home


def test_long_values_are_cut_and_said_and_the_verdict_is_the_same(home: Path, run: Run) -> None:
    ran = run("audit", home, "--format", "json", "--server", "dead", "--records", "off")
    assert (ran.code, len(ran.out) < 100_000) == (1, True)
    document = json.loads(ran.out)
    said = "; ".join(document["homes"][0]["missing"])
    assert [
        f"{table}: {column} of 5,000,0" for table, column in _LONG.items() if f"{table}: {column} of 5,000,0" not in said
    ] == []
    assert document["threads"][0]["verdict"] == "stuck"
    assert document["quarantined"] >= 1  # the line, in pieces


def test_no_long_value_is_kept_or_held(home: Path) -> None:
    store = Store.open()
    tracemalloc.start()
    try:
        ingest(store, discover([home]), options=IngestOptions(server="dead", records=("off",)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(_LONG) * _SIZE  # each of them by itself would be some times that
    for table, column in (("_snapshot_rows", "content"), ("_orchestration_events", "payload"), ("_quarantine", "excerpt")):
        ((longest,),) = (store.table(f"select max(length({column}::varchar)) as n from {table}").to_pylist()[0].values(),)
        assert longest < _CUT
