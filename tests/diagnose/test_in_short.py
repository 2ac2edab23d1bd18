"""A home of the second data model of which only what rules read was read is judged the same."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from t3lens.diagnose import Options, ServerSetting, diagnose
from t3lens.document.audit import audit_document
from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.ingest import pages as _pages
from t3lens.ingest import snapshots as _snapshots
from t3lens.ingest.needed_second_model import item_in_short
from t3lens.sim.v2.stories import SECOND_STORIES
from t3lens.store import Store


@pytest.fixture(autouse=True)
def _as_if_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small database is read at once, row by row; these homes are to be read as a large one is."""
    monkeypatch.setattr(_snapshots, "_LITTLE", -1)


def _read(home: Path, *, for_rules: bool) -> Store:
    store = Store.open()
    ingest(store, discover([home]), options=IngestOptions(server="dead", records=("off",), for_rules=for_rules))
    return store


def _document(home: Path, *, for_rules: bool) -> bytes:
    with closing(_read(home, for_rules=for_rules)) as store:
        options = Options(server=ServerSetting("dead"), records=("off",))
        diagnosis = diagnose(store, [one.home_id for one in discover([home])], options)
        return msgspec.json.encode(audit_document(diagnosis, as_of=0, version=""))


@pytest.mark.parametrize("story", sorted(SECOND_STORIES)[::6])
def test_the_document_is_the_same(story: str, tmp_path: Path) -> None:
    SECOND_STORIES[story].tell(tmp_path / "home")
    assert _document(tmp_path / "home", for_rules=True) == _document(tmp_path / "home", for_rules=False)


def test_what_nobody_reads_is_not_kept_however_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SECOND_STORIES["v2-healthy"].tell(tmp_path / "home")
    database = next((tmp_path / "home").rglob("statev2.sqlite"))
    with closing(sqlite3.connect(database)) as con, con:
        (item,) = con.execute(
            "SELECT max(sequence) FROM orchestration_events WHERE event_type = 'turn-item.updated'"
        ).fetchone()
        con.execute("UPDATE orchestration_events SET payload_json = ? WHERE sequence = ?", ('{"type": "err\\u006fr"}', item))

    def kept() -> list[dict[str, Any]]:
        with closing(_read(tmp_path / "home", for_rules=True)) as store:
            return store.table(
                "SELECT sequence, event_type, payload::VARCHAR AS payload, metadata::VARCHAR AS metadata "
                "FROM _orchestration_events ORDER BY sequence"
            ).to_pylist()

    by_column = kept()
    assert {row["payload"] for row in by_column if row["event_type"] == "message.updated"} == {None}
    assert all(row["payload"] for row in by_column if row["event_type"] == "run.updated")
    assert [row["sequence"] for row in by_column if row["event_type"] == "turn-item.updated" and row["payload"]] == [item]
    monkeypatch.setattr(_pages, "read_columns", lambda *_: None)
    assert kept() == by_column


@pytest.mark.parametrize(
    "item",
    [
        '{"id":"a","startedAt":"2026-10-12T09:00:00.030Z","completedAt":null,"text":"\\"failure\\":{\\"message\\":\\"no\\"}"}',
        '{"startedAt":"a","startedAt":"b","failure":{"message":"naïve","code":7},"output":"x"}',
        '{"st\\u0061rtedAt":"a"}',
        '{"failure":{"message":"' + "[" * 600 + '"}, "completedAt" : 12.50 }',
        '{"nested":{"failure":{"message":"inner"}},"failure":"text"}',
        '{"nested":{"failure":{"message":"inner"}}}',
        '"failure"',
        "[]",
        "{}",
        None,
    ],
)
def test_an_item_in_short_tells_what_it_told(item: str | None) -> None:
    paths = json.dumps(["$.startedAt", "$.completedAt", "$.failure.message", "$.failure.code"]).replace('"', "'")
    asked = f"SELECT json_extract_string($1::JSON, {paths})"
    assert duckdb.execute(asked, [item_in_short(item)]).fetchall() == duckdb.execute(asked, [item]).fetchall()
