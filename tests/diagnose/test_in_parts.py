"""A home that is judged some threads at a time, of whose database only what rules read was read, is judged the same."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from t3lens.diagnose import Diagnosis, Options, ServerSetting, diagnose
from t3lens.diagnose import context as _context
from t3lens.diagnose import gather as _gather
from t3lens.diagnose.v2.gather import SecondGatherer
from t3lens.document.audit import audit_document
from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.ingest import deciding_events as _deciding
from t3lens.ingest import pages as _pages
from t3lens.ingest import receipts as _receipts
from t3lens.ingest import snapshots as _snapshots
from t3lens.ingest.needed import idle_activity, is_idle
from t3lens.store import Store
from t3lens.store import event_file as _rows
from t3lens.time import parse_iso

_SAMPLES = Path(__file__).resolve().parents[2] / "sample_logs"
_OF_THE_FIRST_MODEL = ("aborted-but-running", "approval-left-open", "false-completed", "orphaned-by-restart", "retry-loop")
_OF_THE_SECOND_MODEL = ("v2-interrupt-held", "v2-lost-at-restart")
_APPEND = (
    "INSERT INTO orchestration_events SELECT max(sequence) + 1, 'appended-' || max(sequence), 'thread', ?, "
    "900000 + max(sequence), ?, ?, ?, NULL, NULL, 'server', ?, '{}' FROM orchestration_events"
)


@pytest.fixture(autouse=True)
def _as_if_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small database is read at once, row by row; these homes are to be read as a large one is."""
    monkeypatch.setattr(_snapshots, "_LITTLE", -1)


@pytest.fixture(params=_OF_THE_FIRST_MODEL)
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a sample, at its own moment."""
    shutil.copytree(_SAMPLES / request.param, tmp_path / "home")
    told = json.loads((tmp_path / "home" / "expected.json").read_text())
    monkeypatch.setattr(_context, "now", lambda: parse_iso(told["as_of"]))
    return tmp_path / "home"


@pytest.fixture(params=[False, True], ids=["in the table", "beside it"])
def beside(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether most events of these homes are kept beside the table, as those of a large one are that is only judged."""
    kept_beside = bool(request.param)
    if kept_beside:
        monkeypatch.setattr(_snapshots, "_MUCH", -1)
        monkeypatch.setattr(_deciding, "_AT_ONCE", 7)
        monkeypatch.setattr(_deciding, "_PAGE", 30)
        monkeypatch.setattr(_rows, "_HELD", 10)
        monkeypatch.setattr(_rows, "_OF_A_GROUP", 1)
    return kept_beside


def _diagnosis(store: Store, home: Path, server: str, *, in_parts: bool) -> Diagnosis:
    homes = discover([home])
    how = IngestOptions(server="dead", records=("off",), for_rules=in_parts, newest_lines=in_parts)
    ingest(store, homes, options=how)
    options = Options(server=ServerSetting(server), records=("off",))
    return diagnose(store, [one.home_id for one in homes], options, in_parts=in_parts)


def _document(home: Path, server: str, *, in_parts: bool) -> bytes:
    with closing(Store.open()) as store:
        return msgspec.json.encode(audit_document(_diagnosis(store, home, server, in_parts=in_parts), as_of=0, version=""))


def _write(home: Path, *statements: tuple[str, tuple[Any, ...]]) -> None:
    with closing(sqlite3.connect(home / "userdata" / "state.sqlite")) as con, con:
        for sql, given in statements:
            con.execute(sql, given)


@pytest.mark.parametrize("server", ["alive", "dead"])
@pytest.mark.usefixtures("beside")
def test_the_document_is_the_same(home: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _document(home, server, in_parts=False)
    monkeypatch.setattr(_gather, "_RECORDS_OF_A_PART", 1)
    assert _document(home, server, in_parts=True) == whole


@pytest.mark.parametrize("home", _OF_THE_SECOND_MODEL, indirect=True)
@pytest.mark.parametrize("server", ["alive", "dead"])
@pytest.mark.parametrize("behind", [False, True])
def test_so_is_that_of_a_home_of_the_second_model(
    home: Path, server: str, behind: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if behind:  # of this a detector tells that looks at all threads
        (database,) = (home / "userdata").glob("state*.sqlite")
        with closing(sqlite3.connect(database)) as con, con:
            con.execute("UPDATE orchestration_v2_projection_metadata SET last_sequence = 1")
    whole = _document(home, server, in_parts=False)
    if behind and server == "dead":
        assert b'"projection-gap"' in whole
    judged: list[dict[str, Any]] = []
    gathered = SecondGatherer.records

    def records(*given: Any) -> dict[str, Any]:
        judged.append(gathered(*given))
        return judged[-1]

    monkeypatch.setattr(SecondGatherer, "records", records)
    monkeypatch.setattr(_gather, "_RECORDS_OF_A_PART", 1)
    assert _document(home, server, in_parts=True) == whole
    assert judged


@pytest.mark.parametrize("home", ["orphaned-by-restart"], indirect=True)
@pytest.mark.parametrize("server", ["alive", "dead"])
@pytest.mark.usefixtures("beside")
def test_what_looks_at_all_threads_finds_the_same(home: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(home / "userdata" / "state.sqlite")) as con:
        threads = [row[0] for row in con.execute("SELECT thread_id FROM projection_threads ORDER BY thread_id")]
        (newest,) = con.execute("SELECT max(occurred_at) FROM orchestration_events").fetchone()
    asked = [
        (_APPEND, (thread, "thread.session-stop-requested", newest, f"cmd-{thread}", json.dumps({"threadId": thread})))
        for thread in threads
    ]
    fails = {"activity": {"tone": "error", "kind": "provider.session.stop.failed", "payload": {"detail": "no"}}}
    failed = (_APPEND, (threads[0], "thread.activity-appended", newest, None, json.dumps(fails)))
    _write(
        home,
        *asked,
        failed,
        ("DELETE FROM projection_threads WHERE thread_id = ?", (threads[0],)),
        ("UPDATE projection_state SET last_applied_sequence = last_applied_sequence - 3", ()),
    )
    whole = _document(home, server, in_parts=False)
    codes = {finding["code"] for one in json.loads(whole)["threads"] for finding in one["findings"]}
    assert {"projection-gap", "unexplained-write"} <= codes
    monkeypatch.setattr(_gather, "_RECORDS_OF_A_PART", 1)
    assert _document(home, server, in_parts=True) == whole


@pytest.mark.parametrize("home", ["retry-loop"], indirect=True)
@pytest.mark.usefixtures("beside")
def test_what_only_the_store_tells_of_a_thread_at_work_is_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(home / "userdata" / "logs")
    whole = _document(home, "alive", in_parts=False)
    monkeypatch.setattr(_gather, "_RECORDS_OF_A_PART", 1)
    assert _document(home, "alive", in_parts=True) == whole


@pytest.mark.parametrize("home", ["orphaned-by-restart"], indirect=True)
def test_of_a_database_only_what_rules_read_is_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kept() -> dict[str, int]:
        with closing(Store.open()) as store:
            _diagnosis(store, home, "dead", in_parts=True)
            found = store.table(
                "SELECT event_type, count(payload) AS n FROM orchestration_events WHERE stream_id NOT IN "
                "(SELECT thread_id FROM sessions WHERE status IN ('starting', 'running')) GROUP BY ALL"
            )
            return {row["event_type"]: row["n"] for row in found.to_pylist()}

    by_column = kept()
    assert by_column["thread.session-set"] > 0
    assert by_column["thread.activity-appended"] == 0
    monkeypatch.setattr(_pages, "read_columns", lambda *_: None)
    assert kept() == by_column


@pytest.mark.parametrize("home", ["retry-loop"], indirect=True)
def test_records_that_were_let_go_cannot_be_asked_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_gather, "_RECORDS_OF_A_PART", 1)
    with closing(Store.open()) as store:
        threads = _diagnosis(store, home, "dead", in_parts=True).threads
    assert threads
    for thread in threads:
        facts, expected = thread.case.facts, thread.case.expected
        for gone in (facts.stored, facts.canonical, facts.turns, facts.anchors, facts.questions, expected.turns):
            for look in (bool, len, list, reversed, lambda it: it[0], lambda it: it.values(), lambda it: "a" in it):
                with pytest.raises(RuntimeError, match="has to be asked before"):
                    look(gone)
            assert repr(gone) == "<let go of>"
        with pytest.raises(AttributeError):
            _ = thread.case.replays


def test_a_store_whose_bound_is_too_tight_goes_on_without_one() -> None:
    with closing(Store.open(bounded=True)) as store:

        def limit() -> str:
            return str(store.table("SELECT current_setting('memory_limit') AS l").to_pylist()[0]["l"])

        tried = []

        def do() -> str:
            tried.append(limit())
            if len(tried) == 1:
                raise OSError("Out of Memory Error: failed to pin block of size 256.0 KiB")
            return "done"

        assert store.with_enough_memory(do) == "done"
        assert tried[0] != tried[1]
        with pytest.raises(duckdb.OutOfMemoryException):
            store.with_enough_memory(lambda: (_ for _ in ()).throw(duckdb.OutOfMemoryException("Out of Memory Error")))


_ID = "c3707a7d-a3a5-4ca7-8a7e-b0d4afd05ebf"


@pytest.mark.parametrize("between", ["", '"createdAt":"2026-07-06T09:00:13.360Z",', '"other":{"tone":"error"},'])
@pytest.mark.parametrize("tone", ["tool", "info", "error", "err\\u006fr", 'x","kind":"provider.x', "errors", ""])
@pytest.mark.parametrize(
    "kind", ["tool.updated", "provider.turn.start.failed", "user-input.requested", "user-input.other", ""]
)
def test_an_activity_that_a_rule_reads_is_never_taken_for_another(between: str, tone: str, kind: str) -> None:
    payloads = [
        f'{{"threadId":"{_ID}","activity":{{"id":"{_ID}",{between}"tone":"{tone}","kind":"{kind}","payload":{{}}}}}}',
        f'{{"threadId":"{_ID}","activity":{{"id":"{_ID}","kind":"{kind}",{between}"tone":"{tone}","payload":{{}}}}}}',
        f'{{ "threadId": "{_ID}", "activity": {{"id":"{_ID}",{between}"tone":"{tone}","kind":"{kind}"}}}}',
        f'{{"activity":{{"id":"{"x" * 300}",{between}"tone":"{tone}","kind":"{kind}"}}}}',
    ]
    for payload in payloads:
        read = duckdb.execute(
            "SELECT coalesce(k LIKE 'provider.%' OR k IN ('user-input.requested', 'user-input.resolved') OR t = 'error', "
            "false) FROM (SELECT $1::JSON ->> '$.activity.kind' AS k, $1::JSON ->> '$.activity.tone' AS t)",
            [payload],
        ).fetchall()[0][0]
        assert not (read and is_idle(payload[:256])), payload
        assert not (read and _is_plainly_idle(payload)), payload


def _is_plainly_idle(payload: str) -> bool:
    with closing(sqlite3.connect(":memory:")) as con:
        (found,) = con.execute(f"SELECT {idle_activity('p')} FROM (SELECT ? AS p)", (payload,)).fetchone()
    return bool(found)


@pytest.mark.parametrize("made", ["", '"createdAt":"2026-07-06T09:00:13.360Z",'])
@pytest.mark.parametrize(("tone", "kind"), [("tool", "tool.started"), ("info", "checkpoint.captured")])
def test_what_nobody_reads_of_activities_is_told_by_the_database(made: str, tone: str, kind: str) -> None:
    payload = f'{{"threadId":"{_ID}","activity":{{"id":"{_ID}",{made}"tone":"{tone}","kind":"{kind}","summary":"s"}}}}'
    assert _is_plainly_idle(payload)
    assert not _is_plainly_idle(payload.replace(f'"id":"{_ID}"', f'"id":"{_ID[:-13]}","tone":"xxx'))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM orchestration_command_receipts WHERE rowid = 7",
        "UPDATE orchestration_events SET command_id = NULL WHERE sequence = 9",
        "UPDATE orchestration_events SET command_id = '' WHERE sequence = 9",
        "UPDATE orchestration_events SET command_id = 'nobody''s' WHERE sequence > 20",
        "UPDATE orchestration_events SET command_id = CAST(x'70ff' AS TEXT) WHERE sequence = 9",
        "UPDATE orchestration_events SET command_id = x'70ff' WHERE sequence = 9",
        "DELETE FROM orchestration_command_receipts",
        "DROP INDEX idx_orch_events_command_id",
    ],
)
@pytest.mark.parametrize("home", ["orphaned-by-restart"], indirect=True)
@pytest.mark.usefixtures("beside")
def test_an_event_without_a_receipt_is_found_wherever_it_is_looked_up(home: Path, statement: str) -> None:
    _write(home, (statement, ()))
    assert _document(home, "dead", in_parts=True) == _document(home, "dead", in_parts=False)


@pytest.mark.parametrize("home", ["orphaned-by-restart"], indirect=True)
def test_receipts_that_are_all_there_are_not_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kept() -> int:
        with closing(Store.open()) as store:
            _diagnosis(store, home, "dead", in_parts=True)
            return int(store.table("SELECT count(*) AS n FROM receipts").column("n")[0].as_py())

    assert kept() == 0
    monkeypatch.setattr(_receipts, "_AT_ONCE", 1)
    _write(home, ("DELETE FROM orchestration_command_receipts WHERE rowid = 7", ()))
    assert kept() > 0
