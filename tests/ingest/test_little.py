"""Little is read in another way than much, and comes to the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.store import Store
from tests.ingest.disk import assert_every_byte, line, lines

SAMPLES = Path(__file__).parents[2] / "sample_logs"
TABLES = (
    "_log_events", "_spans", "_quarantine", "_files", "_orchestration_events", "_receipts", "_snapshot_rows", "_entities",
    "_home_signs", "_database_faults",
)  # fmt: skip
_JSON = ("payload", "extra", "attributes", "events", "exit_detail", "content", "metadata")


def contents(store: Store, *, but: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """All rows of the tables that reading fills, without some columns; JSON as what it means."""
    found = {}
    for table in TABLES:
        rows = store.table(f"FROM {table}").to_pylist()
        found[table] = sorted(
            repr({name: _meant(name, value) for name, value in row.items() if name not in but}) for row in rows
        )
    return found


def _meant(name: str, value: Any) -> Any:
    return json.loads(value) if name in _JSON and isinstance(value, str) else value


def read(path: Path, *, metadata_only: bool = False) -> Store:
    store = Store.open()
    for _ in range(2):  # the second time nothing is new
        ingest(store, discover([path]), options=IngestOptions(server="dead", metadata_only=metadata_only), progress=None)
    return store


def both(path: Path, monkeypatch: pytest.MonkeyPatch, **how: Any) -> tuple[Store, Store]:
    """A home read as if it were much, and as it is."""
    much = read(path, **how)
    monkeypatch.undo()
    monkeypatch.setattr("t3lens.ingest.load.Load.run", _never)
    return much, read(path, **how)


def _never(*_: object) -> None:
    raise AssertionError("it is little")


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.iterdir() if path.is_dir()))
def test_a_small_home_is_read_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    much, little = both(SAMPLES / name, monkeypatch)
    assert any(contents(much).values())
    assert contents(little) == contents(much)


@pytest.mark.parametrize("metadata_only", [False, True])
def test_odd_lines_are_read_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metadata_only: bool) -> None:
    logs = tmp_path / "userdata" / "logs" / "provider"
    logs.mkdir(parents=True)
    rubbish = b"no record\n\n" + b"\0" * 400 + b"\n" + line(1)[:50] + line(2) + b"\xff" * 700 + b"\n"
    (logs / "a.log.1").write_bytes(lines(10, 30) + rubbish + line(40, text="long" * 3000))
    (logs / "a.log").write_bytes(line(50, thread="other") + lines(51, 7).replace(b"\n", b"\r\n") + line(60)[:-1])
    (logs / "b.log").write_bytes(b"")
    (logs / "c.log").write_bytes(line(70)[:20])
    (logs / "events.d.log").write_bytes(b"\xef\xbb\xbf" + lines(80, 3, label="NTIVE") + rubbish)
    much, little = both(tmp_path / "userdata", monkeypatch, metadata_only=metadata_only)
    # Of many lines the first and the last sure one are looked at for this, of few the first and the last record.
    times = ("first_logged_at", "last_logged_at")
    assert contents(little, but=times) == contents(much, but=times)
    assert_every_byte(little)


def test_what_was_added_to_a_small_file_is_read_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    logs = tmp_path / "userdata" / "logs" / "provider"
    logs.mkdir(parents=True)
    store = Store.open()
    for data in (lines(1, 3) + line(4)[:40], line(4)[40:] + lines(5, 2), lines(7, 1)):
        with (logs / "a.log").open("ab") as log:
            log.write(data)
        ingest(store, discover([tmp_path]), options=IngestOptions(server="dead"), progress=None)
        assert_every_byte(store)
    assert store.table("FROM _log_events SELECT event_id ORDER BY line").column(0).to_pylist() == [
        f"e{n}" for n in range(1, 8)
    ]
