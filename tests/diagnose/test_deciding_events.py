"""Events that are beside the store's tables tell of their threads what the tables would."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from t3lens.diagnose import Options, ServerSetting, diagnose
from t3lens.diagnose import context as _context
from t3lens.document.audit import audit_document
from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.ingest import snapshots as _snapshots
from t3lens.ingest.database import DatabaseReader
from t3lens.store import Store
from t3lens.store import event_file as _rows
from t3lens.store.event_file import RowsByThread
from t3lens.t3code.server_runs import SHUTDOWN_RECONCILE, STARTUP_RECONCILE
from t3lens.time import parse_iso

_RUNS = "FROM server_runs ORDER BY run"
_SAMPLES = Path(__file__).resolve().parents[2] / "sample_logs"


@pytest.fixture(params=["orphaned-by-restart", "retry-loop"])
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a sample without its logs, at its own moment."""
    shutil.copytree(_SAMPLES / request.param, tmp_path / "home")
    told = json.loads((tmp_path / "home" / "expected.json").read_text())
    monkeypatch.setattr(_context, "now", lambda: parse_iso(told["as_of"]))
    shutil.rmtree(tmp_path / "home" / "userdata" / "logs")
    return tmp_path / "home"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store that keeps events beside its tables, however small the database."""
    monkeypatch.setattr(_snapshots, "_LITTLE", -1)
    monkeypatch.setattr(_snapshots, "_MUCH", -1)
    with closing(Store.open()) as opened:
        yield opened


def _document(store: Store, home: Path, *, only_judged: bool = True) -> bytes:
    homes = discover([home])
    how = IngestOptions(server="dead", records=("off",), for_rules=only_judged, newest_lines=only_judged)
    ingest(store, homes, options=how)
    options = Options(server=ServerSetting.ALIVE, records=("off",))
    found = diagnose(store, [one.home_id for one in homes], options, in_parts=only_judged)
    return msgspec.json.encode(audit_document(found, as_of=0, version=""))


def _from_tables(home: Path) -> bytes:
    with closing(Store.open()) as other:
        return _document(other, home, only_judged=False)


def _write(home: Path, sql: str) -> None:
    with closing(sqlite3.connect(home / "userdata" / "state.sqlite")) as con, con:
        con.execute(sql)


@pytest.mark.parametrize("home", ["orphaned-by-restart"], indirect=True)
def test_most_events_are_beside_the_table(home: Path, store: Store) -> None:
    assert _document(store, home) == _from_tables(home)
    (events,) = store.beside.values()
    (found,) = store.table("SELECT count(*) AS n, max(sequence) AS last FROM orchestration_events").to_pylist()
    assert sum(events.weights.values()) == events.times.count > found["n"]
    assert found["last"] == events.last


@pytest.mark.parametrize("home", ["orphaned-by-restart"], indirect=True)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE orchestration_events SET occurred_at = '2026-07-06T09:00:00Z' WHERE sequence = 12",
        "UPDATE orchestration_events SET occurred_at = '2026-02-30T09:00:00.000Z' WHERE sequence = 12",
        "UPDATE orchestration_events SET payload_json = payload_json || ' }' WHERE event_type = 'thread.message-sent'",
        "UPDATE orchestration_events SET stream_id = CAST(x'70ff' AS TEXT) WHERE sequence = 12",
        "UPDATE orchestration_events SET event_id = CAST(event_id AS BLOB) WHERE event_type = 'thread.session-set'",
    ],
)
def test_what_is_doubtful_is_read_into_the_table(home: Path, store: Store, statement: str) -> None:
    _write(home, statement)
    assert _document(store, home) == _from_tables(home)
    assert not store.beside


@pytest.mark.parametrize("home", ["orphaned-by-restart"], indirect=True)
@pytest.mark.parametrize(
    "statement",
    [
        # one that is no JSON, as the table has it; one with half a letter; others of another kind, type or time
        "UPDATE orchestration_events SET payload_json = payload_json || ' }' WHERE event_type = 'thread.session-set'",
        "UPDATE orchestration_events SET payload_json = replace(payload_json, '\"runtimeMode\"', '\"\\ud800\"')",
        "UPDATE orchestration_events SET aggregate_kind = 'other' WHERE sequence % 5 = 0",
        "UPDATE orchestration_events SET event_type = 'thread.unheard-of' WHERE sequence % 7 = 0",
        "UPDATE orchestration_events SET occurred_at = '2026-07-06T08:00:00.000Z' WHERE sequence % 9 = 0",
    ],
)
def test_what_is_odd_says_the_same(home: Path, store: Store, statement: str) -> None:
    _write(home, statement)
    assert _document(store, home) == _from_tables(home)
    assert store.beside


@pytest.mark.parametrize("home", ["orphaned-by-restart"], indirect=True)
@pytest.mark.parametrize("ends", ["12", "12, 20", "1, 33, 34", "-1"])
def test_runs_of_the_server_are_told_as_the_table_tells_them(home: Path, store: Store, ends: str) -> None:
    for command, events in ((SHUTDOWN_RECONCILE, ends), (STARTUP_RECONCILE, "25")):
        chosen = f"e.sequence IN ({events})"
        _write(
            home,
            f"UPDATE orchestration_command_receipts AS r SET command_id = '{command}' || e.sequence "
            f"FROM orchestration_events AS e WHERE e.command_id = r.command_id AND {chosen}",
        )
        _write(home, f"UPDATE orchestration_events AS e SET command_id = '{command}' || e.sequence WHERE {chosen}")
    _document(store, home)
    assert store.beside
    with closing(Store.open()) as other:
        _document(other, home, only_judged=False)
        assert store.table(_RUNS).to_pylist() == other.table(_RUNS).to_pylist()


def test_what_is_stored_meanwhile_is_read_with_the_rest(home: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _from_tables(home)
    last = DatabaseReader.last_event
    monkeypatch.setattr(DatabaseReader, "last_event", lambda reader: last(reader) - 15)
    assert _document(store, home) == whole
    (events,) = store.beside.values()
    behind = f"SELECT count(event_type) AS n FROM orchestration_events WHERE sequence > {events.last}"
    assert store.table(behind).to_pylist() == [{"n": 15}]


def test_a_thread_that_begins_to_work_meanwhile_is_read_whole(
    home: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _from_tables(home)
    working = DatabaseReader.working
    asked: list[DatabaseReader] = []

    def at_first_none(reader: DatabaseReader) -> frozenset[str]:
        asked.append(reader)
        return working(reader) if len(asked) > 1 else frozenset()

    monkeypatch.setattr(DatabaseReader, "working", at_first_none)
    assert _document(store, home) == whole
    assert len(asked) > 1


def test_a_home_that_is_read_again_is_as_it_is_then(home: Path, store: Store) -> None:
    before = _document(store, home)
    _write(home, "DELETE FROM orchestration_events WHERE sequence > 9")
    after = _document(store, home)
    assert after == _from_tables(home) != before
    store.empty()
    assert not store.beside


def test_rows_come_out_thread_by_thread_as_they_came_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_rows, "_HELD", 5)
    monkeypatch.setattr(_rows, "_OF_A_GROUP", 10)
    names = [f"thread-{number}" for number in range(9)]
    rows = RowsByThread(dict.fromkeys(names[:-1], 4))
    given = [(names[number * 7 % 9], number, None if number % 2 else "text") for number in range(63)]
    for start in range(0, len(given), 4):
        rows.add(given[start : start + 4])
    for name in [*names, *reversed(names), "nobody", ""]:
        assert rows.of(name) == [row for row in given if row[0] == name]
    rows.close()


def test_a_bounded_store_is_bounded_more_for_a_while() -> None:
    limit = "SELECT current_setting('memory_limit') AS n"
    with closing(Store.open(bounded=True)) as store, closing(Store.open()) as other:
        before = store.table(limit)
        with store.with_less_memory():
            assert store.table(limit) != before
        assert store.table(limit) == before
        free = other.table(limit)
        with other.with_less_memory():
            assert other.table(limit) == free
