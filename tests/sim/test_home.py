"""A simulated home is written as a real server of that build writes it, the same bytes every time."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from t3lens.errors import UsageError
from t3lens.sim import CANARY, SimHome
from t3lens.sim.builds import BUILDS
from t3lens.sim.providers import PROVIDERS
from t3lens.sim.script import Hang, Say, Task, Title, Tool
from t3lens.t3code.v1.writers import ingested_event_id
from t3lens.time import parse_iso
from tests.recordings import RECORDED, needs_recordings
from tests.sim.conftest import log_lines, query

_LINE = re.compile(r"\[(.*?)\] (NTIVE|CANON): (\{.*\})")


def told(home: Path, build: str = "0.0.28", provider: str = "opencode", seed: int = 1) -> str:
    with SimHome(home, build=build, seed=seed) as writer:
        thread = writer.thread("Speed up the parser", provider=provider)
        writer.turn(thread, "Look.", Title("A title"), Say(), Tool(), Task(background=True), Say("Bye."))
        writer.turn(thread, "Thank you.")
    return thread


def files(home: Path) -> dict[str, bytes]:
    return {str(path.relative_to(home)): path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("build", BUILDS)
def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, build: str) -> None:
    told(tmp_path / "a", build)
    told(tmp_path / "b", build)
    told(tmp_path / "c", build, seed=2)
    first, again, other = (files(tmp_path / name) for name in "abc")
    assert first == again
    assert first["userdata/state.sqlite"] != other["userdata/state.sqlite"]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("build", BUILDS)
def test_every_line_is_a_record_of_its_label_in_time(home: Path, build: str, provider: str) -> None:
    thread = told(home, build, provider)
    newest: dict[str, int] = {}
    seen: set[str] = set()
    for line in log_lines(home):
        found = _LINE.fullmatch(line)
        assert found, line
        at, label, record = parse_iso(found[1]), found[2], json.loads(found[3])
        assert at >= newest.get(label, 0)
        newest[label] = at
        seen.add(label)
        inner = record.get("event", record)
        # As the adapters do it: Claude's native records name no thread.
        named = thread if label == "CANON" or provider != "claudeAgent" else None
        assert inner.get("threadId") == named
        if label == "CANON":
            assert {"eventId", "provider", "threadId", "createdAt", "type", "payload"} <= set(record)
            assert record["provider"] == provider
        else:
            assert "type" in inner or "method" in inner
    assert seen == {"CANON", "NTIVE"}


def test_each_generation_names_its_files_and_keeps_its_types(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    first, second = told(one), told(two, "0.0.33")
    assert (one / "userdata/logs/provider" / f"{first}.log").exists()
    assert (two / "userdata/logs/provider" / f"events.{second}.log").exists()
    assert any('"content.delta"' in line for line in log_lines(one, "CANON"))
    assert not any('"content.delta"' in line for line in log_lines(two, "CANON"))
    assert any("message.part.delta" in line for line in log_lines(two, "NTIVE"))


def test_full_logs_are_rotated_and_the_oldest_goes(home: Path) -> None:
    with SimHome(home, max_log_bytes=6_000) as writer:
        thread = writer.thread("Talk", provider="codex")
        for _ in range(30):
            writer.turn(thread, "Go on.", Say("word " * 12))
    folder = home / "userdata" / "logs" / "provider"
    names = {path.name for path in folder.iterdir()}
    assert {f"{thread}.log", f"{thread}.log.1", f"{thread}.log.10"} <= names
    assert f"{thread}.log.11" not in names


def test_a_home_with_data_is_not_written_over(home: Path) -> None:
    told(home)
    with pytest.raises(UsageError, match="exists already"):
        SimHome(home)


def test_the_canary_stands_in_the_secret_tables_alone(home: Path) -> None:
    told(home)
    found = {}
    with closing(sqlite3.connect(home / "userdata" / "state.sqlite")) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            rows = connection.execute(f"SELECT * FROM {table}").fetchall()
            found[table] = sum(CANARY in str(row) for row in rows)
    assert {table for table, count in found.items() if count} == {
        "auth_pairing_links",
        "auth_sessions",
    }
    assert not any(CANARY.encode() in data for name, data in files(home).items() if name.endswith(".log"))


@pytest.mark.parametrize("build", BUILDS)
def test_every_event_has_its_receipt_and_every_session_of_a_provider_its_line(home: Path, build: str) -> None:
    told(home, build)
    without = (
        "SELECT count(*) FROM orchestration_events AS event WHERE NOT EXISTS"
        " (SELECT 1 FROM orchestration_command_receipts AS receipt WHERE receipt.command_id = event.command_id)"
    )
    assert query(home, without) == [(0,)]
    sessions = "SELECT command_id FROM orchestration_events WHERE event_type = 'thread.session-set'"
    stored = {ingested_event_id(row[0]) for row in query(home, sessions)}
    logged = {json.loads(line.split(": ", 1)[1])["eventId"] for line in log_lines(home, "CANON")}
    assert stored - {None} <= logged
    assert query(home, "SELECT DISTINCT last_applied_sequence FROM projection_state") == query(
        home, "SELECT max(sequence) FROM orchestration_events"
    )


def test_a_kill_loses_the_lines_that_were_not_on_disk(home: Path) -> None:
    with SimHome(home, build="0.0.33") as writer:
        thread = writer.thread("Speed up the parser")
        writer.send(thread, "Go on.", Say("word " * 200, 0.3), Hang())
        writer.wait_running(thread)
        writer.advance(5.05)
        lost = writer.t3.logs.drop_unflushed()
        writer.kill_server()
    assert lost > 0


@needs_recordings
@pytest.mark.parametrize("build", BUILDS)
def test_the_tables_have_the_recorded_columns(home: Path, build: str) -> None:
    told(home, build)
    state = next(path for path in sorted((RECORDED / build / "01-normal").iterdir()) if path.is_dir())
    recorded = _columns(f"file:{state}/userdata/state.sqlite?immutable=1")
    ours = _columns(f"file:{home}/userdata/state.sqlite?mode=ro")
    assert set(ours) == set(recorded)
    for table, columns in recorded.items():
        if not table.startswith("auth_"):
            assert ours[table] == columns, table


def _columns(uri: str) -> dict[str, set[str]]:
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: {row[1] for row in connection.execute(f"PRAGMA table_info({table})")} for table in tables}
