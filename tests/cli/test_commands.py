"""The other commands: rows, stories, questions, plans, the journal."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from t3lens.demo import ServedHome
from t3lens.diagnose import register_all
from tests.cli.conftest import Orphan, Run


def test_sessions_show_stored_expected_and_bound_side_by_side(run: Run, orphan: Orphan) -> None:
    rows = json.loads(run("sessions", orphan.home, "--format", "json").out)
    row = next(row for row in rows if row["thread_id"] == orphan.thread_id)
    assert row["status"] == "running"
    assert row["expected_status"]
    assert row["binding_status"]


def test_findings_carry_their_evidence(run: Run, orphan: Orphan) -> None:
    rows = json.loads(run("findings", orphan.home, "--server", "dead", "--code", "orphaned-turn", "--format", "json").out)
    assert {row["code"] for row in rows} == {"orphaned-turn"}
    assert rows[0]["evidence"][0]["source"]


_CELLS = {
    "'=1+1'": "'=1+1",
    "'  @SUM(1)'": "'  @SUM(1)",
    "'+1'": "'+1",
    "'-1'": "'-1",
    "chr(9) || 'x'": "'\tx",
    "chr(65309) || 'x'": "'\uff1dx",
    "chr(27) || ']0;title' || chr(7)": "'\ufffd]0;title\ufffd",
    "'a' || chr(27) || '[2J' || chr(8238)": "a\ufffd[2J\ufffd",
    "['=x']": '["=x"]',
    "[{'a': [null, 1.5]}, {'a': []}]": '[{"a": [null, 1.5]}, {"a": []}]',
    "-1": "-1",
    "null": "",
    "'a=b'": "a=b",
}


def test_csv_does_nothing_in_a_terminal_or_a_spreadsheet_unless_it_has_to_be_exact(run: Run, orphan: Orphan) -> None:
    query = "select " + ", ".join(f"{value} as c{place}" for place, value in enumerate(_CELLS)) + ', 1 as "=name"'
    _, row = csv.reader(io.StringIO(run("sql", query, orphan.home, "--format", "csv").out))
    assert dict(zip(_CELLS, row, strict=False)) == _CELLS
    names, row = csv.reader(io.StringIO(run("sql", query, orphan.home, "--format", "csv-exact").out))
    assert (names[-1], row[0], row[6]) == ("=name", "=1+1", "\x1b]0;title\x07")
    names, _ = csv.reader(io.StringIO(run("sql", query, orphan.home, "--format", "csv").out))
    assert names[-1] == "'=name"


def test_a_querys_answer_shows_values_as_they_are(run: Run, orphan: Orphan) -> None:
    query = """select [1, 2] as l, {'a': timestamp '2026-01-01 10:00:00', 'b': null} as s, true as yes, null as "no thing",
        [date '2026-01-02'] as d, [2.5] as m"""
    names, line = run("sql", query, orphan.home).out.splitlines()
    assert names.split() == ["l", "s", "yes", "no", "thing", "d", "m"]
    for shown in ("[1, 2]", '{"a": "2026-01-01', '"b": null}', "true", '["2026-01-02', "[2.5]"):
        assert shown in line, line
    for shape in ("csv", "csv-exact"):
        (row,) = csv.DictReader(io.StringIO(run("sql", query, orphan.home, "--format", shape).out))
        assert json.loads(row["l"]) == [1, 2] and json.loads(row["s"])["b"] is None


def test_rows_come_as_csv_too(run: Run, orphan: Orphan) -> None:
    ran = run("sql", "select 1 as one, 'a,b' as two", orphan.home, "--format", "csv")
    assert list(csv.reader(io.StringIO(ran.out))) == [["one", "two"], ["1", "a,b"]]


def test_a_thread_goes_by_a_prefix_or_its_title(run: Run, orphan: Orphan) -> None:
    story = run("show", orphan.thread_id[:6], orphan.home, "--server", "dead")
    assert story.code == 0
    assert "orphaned-turn" in story.out
    assert orphan.thread_id in story.out


def test_a_timeline_is_written_where_it_was_asked_for(run: Run, orphan: Orphan, tmp_path: Path) -> None:
    target = tmp_path / "timeline.html"
    assert run("show", orphan.thread_id, orphan.home, "--timeline", target).code == 0
    assert target.read_text("utf-8").startswith("<!doctype html>")


def test_ingest_reads_only_what_is_new_the_second_time(run: Run, orphan: Orphan, tmp_path: Path) -> None:
    store = tmp_path / "kept.duckdb"
    first = run("ingest", orphan.home, "--store", store)
    assert first.code == 0
    assert " 0 records" not in first.out
    assert " 0 records" in run("ingest", orphan.home, "--store", store).out
    assert run("findings", "--store", store, "--server", "dead").code == 0


def test_every_code_is_listed_and_explained(run: Run) -> None:
    listed = run("detectors", "--list", "--format", "json")
    codes = {row["code"] for row in json.loads(listed.out)}
    assert codes == set(register_all())
    for code in codes:
        told = run("explain", code)
        assert told.code == 0
        assert told.out.startswith(f"{code}: ")


def test_what_could_not_be_checked_is_said_with_its_reason(run: Run, orphan: Orphan) -> None:
    rows = json.loads(run("detectors", orphan.home, "--server", "dead", "--format", "json").out)
    unchecked = {row["code"]: row["why_not"] for row in rows if not row["checked"]}
    assert "trace" in unchecked["reaped-while-working"]


def test_a_dry_run_shows_the_plan(run: Run, orphan: Orphan) -> None:
    ran = run("stop", orphan.thread_id, orphan.home, "--dry-run")
    assert ran.code == 0
    assert "Plan to stop" in ran.out


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHome]:
    with ServedHome(tmp_path_factory.mktemp("served") / "home") as served:
        yield served


def test_a_stop_is_planned_carried_out_read_back_and_journalled(
    run: Run, served: ServedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T3LENS_ACTIONS", "1")
    monkeypatch.setenv("T3LENS_TOKEN", served.server.token)
    ran = run("stop", "Rewrite the importer", served.home, "--yes", "--why", "a test", "--format", "json")
    assert ran.code == 0, ran.err
    result = json.loads(ran.out)
    assert result["outcome"] == "applied"
    assert result["after"]["session"]["status"] == "stopped"
    journal = json.loads(run("actions", "--format", "json").out)
    assert [(row["kind"], row["why"]) for row in journal] == [("stop", "a test")]
    again = run("stop", "Rewrite the importer", served.home, "--yes", "--format", "json")
    assert json.loads(again.out)["changed"] is False
    assert served.server.token not in ran.out + ran.err


def test_what_a_gone_provider_asked_is_declined(run: Run, served: ServedHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T3LENS_ACTIONS", "1")
    monkeypatch.setenv("T3LENS_TOKEN", served.server.token)
    assert "request-on-dead-session" in run("show", "Drop the old tables", served.home).out
    ran = run("decline", "Drop the old tables", served.home, "--request", "made-up", "--yes", "--format", "json")
    assert json.loads(ran.out)["outcome"] == "already"
    ran = run("decline", "Drop the old tables", served.home, "--yes", "--format", "json")
    assert ran.code == 0, ran.err
    result = json.loads(ran.out)
    assert (result["kind"], result["outcome"], result["after"]["open_requests"]) == ("decline", "applied", [])
    rows = json.loads(run("findings", served.home, "--format", "json").out)
    assert "request-on-dead-session" not in {row["code"] for row in rows}


def test_nothing_is_sent_where_nobody_can_confirm(run: Run, served: ServedHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T3LENS_ACTIONS", "1")
    monkeypatch.setenv("T3LENS_TOKEN", served.server.token)
    before = len(served.server.requests)
    ran = run("stop", "Write the migration guide", served.home)
    assert ran.code == 2
    assert "--yes" in ran.err
    assert "POST" not in {method for method, _ in served.server.requests[before:]}


def test_without_a_token_nothing_is_sent_and_the_exit_code_says_so(
    run: Run, served: ServedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T3LENS_ACTIONS", "1")
    ran = run("stop", "Write the migration guide", served.home, "--yes")
    assert ran.code == 1
    assert "T3LENS_TOKEN" in ran.out + ran.err


def test_the_demo_writes_its_documents_and_removes_only_what_it_made(run: Run, tmp_path: Path) -> None:
    ran = run("demo", "--no-browser", "--folder", tmp_path / "demo")
    assert ran.code == 0, ran.err
    for name in ("timeline.html", "fleet.html", "report.html"):
        assert (tmp_path / "demo" / name).stat().st_size > 10_000
        assert name in ran.out
    shutil.rmtree(tmp_path / "demo" / "home")
    (tmp_path / "demo" / "home").mkdir()
    assert run("demo", "--no-browser", "--folder", tmp_path / "demo").code == 2
