"""Repair without a server: on a copy of every recording, and killed in the middle."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from t3lens.act import Journal, Outcome, execute_offline, plan_offline
from t3lens.act.v1 import database_guard, offline
from t3lens.act.v1.offline_rows import COMMAND_PREFIX, replayed, settled, stored_events
from t3lens.errors import Refused
from t3lens.sim import SimServer
from t3lens.t3code.builds import build_of
from tests.act.bench import bench, rows, target_in, thread_ids, writable_copy
from tests.recordings import RECORDED, Recording, needs_recordings, recordings

pytestmark = needs_recordings

LIVE = [
    recording
    for recording in recordings()
    if any(row["status"] in ("starting", "running") for row in recording.rows("projection_thread_sessions"))
]


def _orphan(build: str = "0.0.28") -> Recording:
    return next(r for r in LIVE if r.build == build and r.scenario == "07-kill9-server")


def _everything(database: Path, but: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows, without those of the thread in the three tables that a repair writes."""
    own = {
        "orchestration_events": "stream_id",
        "orchestration_command_receipts": "aggregate_id",
        "provider_session_runtime": "thread_id",
    }
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as con:
        tables = [
            name
            for (name,) in con.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not name.startswith("sqlite_")
        ]
        found = {}
        for table in tables:
            names = [row[1] for row in con.execute(f"PRAGMA table_info({table})")]
            key = own.get(table)
            kept = con.execute(f"SELECT * FROM {table}").fetchall()
            if key is not None:
                kept = [row for row in kept if row[names.index(key)] != but]
            found[table] = sorted(kept, key=repr)
    return found


@pytest.mark.parametrize("recording", LIVE, ids=lambda r: r.name)
def test_after_the_repair_a_replay_says_settled_and_nothing_else_has_changed(recording: Recording, tmp_path: Path) -> None:
    home = writable_copy(recording.path, tmp_path / "home")
    database = home / "userdata" / "state.sqlite"
    version = recording.build
    journal = Journal(tmp_path / "journal.jsonl")
    repaired = 0
    for thread_id in thread_ids(database):
        target = target_in(home, thread_id)
        before = _everything(database, thread_id)
        newest = rows(
            database,
            "SELECT max(stream_version) FROM orchestration_events WHERE stream_id = ?",
            thread_id,
        )[0][0]
        plan = plan_offline(target=target, server_version=version)
        result = execute_offline(plan, journal=journal, confirm=True)
        assert result.outcome is (Outcome.APPLIED if plan.acts else Outcome.ALREADY)
        assert _everything(database, thread_id) == before
        assert rows(database, "PRAGMA integrity_check") == [("ok",)]
        if not plan.acts:
            continue
        repaired += 1
        rules = build_of(version=version).rules
        with closing(sqlite3.connect(database)) as con:
            assert settled(replayed(stored_events(con, thread_id), rules), rules)
        event = rows(
            database,
            "SELECT stream_version, actor_kind, command_id, event_type FROM orchestration_events"
            " WHERE stream_id = ? ORDER BY sequence DESC LIMIT 1",
            thread_id,
        )[0]
        assert event[:2] == (newest + 1, "server")
        assert event[2].startswith(COMMAND_PREFIX)
        binding = rows(database, "SELECT status FROM provider_session_runtime WHERE thread_id = ?", thread_id)
        assert binding in ([], [("stopped",)])
        again = plan_offline(target=target, server_version=version)
        # the projections are the server's to write: until it starts, only the event store knows
        assert again.seen.session is not None
        assert again.seen.session.live
    assert repaired


def test_the_server_shows_the_repair_when_it_starts(tmp_path: Path) -> None:
    home = writable_copy(_orphan().path, tmp_path / "home")
    database = home / "userdata" / "state.sqlite"
    thread_id = thread_ids(database)[0]
    plan = plan_offline(target=target_in(home, thread_id), server_version="0.0.28")
    assert execute_offline(plan, journal=Journal(tmp_path / "j"), confirm=True).applied
    with SimServer(home):
        assert rows(database, "SELECT status, active_turn_id FROM projection_thread_sessions") == [("stopped", None)]
        assert rows(database, "SELECT state FROM projection_turns") == [("interrupted",)]


def test_what_a_killed_server_left_in_its_wal_is_kept_and_backed_up(tmp_path: Path) -> None:
    home = writable_copy(_orphan().path, tmp_path / "home")
    database = home / "userdata" / "state.sqlite"
    server = SimServer(home)
    with server:
        thread_id = thread_ids(database)[0]
        with server.lock:
            server.core.dispatch(
                {
                    "type": "project.create",
                    "commandId": "only-in-the-wal",
                    "projectId": "late",
                    "title": "late",
                    "workspaceRoot": "/home/dev/late",
                    "createdAt": "2026-11-22T12:00:00.000Z",
                }
            )
        server.kill()
    assert (database.parent / "state.sqlite-wal").stat().st_size > 0
    digest = hashlib.sha256(database.read_bytes()).hexdigest()
    plan = plan_offline(target=target_in(home, thread_id), server_version="0.0.28")
    assert plan.acts, plan
    assert hashlib.sha256(database.read_bytes()).hexdigest() == digest
    result = execute_offline(plan, journal=Journal(tmp_path / "j"), confirm=True)
    assert result.applied, result
    for file in (database, Path(plan.backup)):
        found = rows(file, "SELECT title FROM projection_projects WHERE project_id = 'late'")
        assert found == [("late",)]
    with SimServer(home):
        assert rows(database, "SELECT status FROM projection_thread_sessions") == [("stopped",)]


def test_the_backup_restores_the_database_byte_for_byte_in_content(tmp_path: Path) -> None:
    home = writable_copy(_orphan().path, tmp_path / "home")
    database = home / "userdata" / "state.sqlite"
    thread_id = thread_ids(database)[0]
    before = _everything(database, "nobody")
    plan = plan_offline(target=target_in(home, thread_id))
    result = execute_offline(plan, journal=Journal(tmp_path / "j"), confirm=True)
    assert result.after is not None
    backup = Path(result.after["backup"])
    assert backup.stat().st_mode & 0o077 == 0
    assert _everything(database, "nobody") != before
    assert _everything(backup, "nobody") == before
    assert any(str(backup) in line for line in result.advice)


def test_a_dry_run_shows_the_exact_rows_and_writes_nothing(tmp_path: Path) -> None:
    home = writable_copy(_orphan().path, tmp_path / "home")
    database = home / "userdata" / "state.sqlite"
    thread_id = thread_ids(database)[0]
    digest = hashlib.sha256(database.read_bytes()).hexdigest()
    files = sorted(p.name for p in database.parent.iterdir())
    plan = plan_offline(target=target_in(home, thread_id))
    journal = Journal(tmp_path / "j")
    result = execute_offline(plan, journal=journal, confirm=True, dry_run=True)
    assert result.dry_run
    assert not result.changed
    assert plan.rows is not None
    assert plan.rows.event["payload_json"] in repr(plan)
    assert hashlib.sha256(database.read_bytes()).hexdigest() == digest
    assert sorted(p.name for p in database.parent.iterdir()) == files
    assert not journal.path.exists()


def test_a_notebook_is_told_a_line_of_python_and_a_terminal_a_command(tmp_path: Path) -> None:
    home = writable_copy(_orphan().path, tmp_path / "home")
    plan = plan_offline(target=target_in(home, thread_ids(home / "userdata" / "state.sqlite")[0]))
    assert plan.acts
    assert "--offline" in repr(plan) and "lens.thread(" not in repr(plan)
    shown = plan._repr_html_()
    assert ").reconcile(offline=True)" in shown and "--offline" not in shown and "t3lens reconcile" not in shown


def test_it_refuses_while_the_server_answers(tmp_path: Path) -> None:
    with bench(_orphan(), tmp_path) as b:
        plan = plan_offline(target=b.target)
        assert plan.decision == "refuse"
        assert "answers" in plan.because[0]
        result = execute_offline(plan, journal=b.journal, confirm=True)
        assert result.outcome is Outcome.REFUSED


def test_it_refuses_while_another_process_has_the_database_open(tmp_path: Path) -> None:
    home = writable_copy(_orphan().path, tmp_path / "home")
    database = home / "userdata" / "state.sqlite"
    thread_id = thread_ids(database)[0]
    plan = plan_offline(target=target_in(home, thread_id))
    assert plan.acts
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sqlite3, sys\n"
            "con = sqlite3.connect(sys.argv[1]); con.execute('select count(*) from sqlite_master').fetchone()\n"
            "print('open', flush=True); sys.stdin.read()",
            str(database),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        result = execute_offline(plan, journal=Journal(tmp_path / "j"), confirm=True)
        assert result.outcome is Outcome.REFUSED
        assert str(holder.pid) in result.detail
        assert plan_offline(target=target_in(home, thread_id)).decision == "refuse"
    finally:
        holder.communicate()


def test_an_idle_connection_that_cannot_be_seen_keeps_it_out_by_its_lock(tmp_path: Path) -> None:
    home = writable_copy(_orphan().path, tmp_path / "home")
    database = home / "userdata" / "state.sqlite"
    thread_id = thread_ids(database)[0]
    with closing(sqlite3.connect(database)) as con:
        con.execute("PRAGMA journal_mode = WAL")
    plan = plan_offline(target=target_in(home, thread_id))
    # our own process is not looked for among those that have it open: only the lock tells
    with closing(sqlite3.connect(database)) as con:
        con.execute("SELECT count(*) FROM orchestration_events").fetchone()
        result = execute_offline(plan, journal=Journal(tmp_path / "j"), confirm=True)
    assert result.outcome is Outcome.REFUSED
    assert result.code == "database-in-use"


def test_it_refuses_if_the_thread_changed_since_the_plan(tmp_path: Path) -> None:
    home = writable_copy(_orphan().path, tmp_path / "home")
    database = home / "userdata" / "state.sqlite"
    thread_id = thread_ids(database)[0]
    plan = plan_offline(target=target_in(home, thread_id))
    with closing(sqlite3.connect(database)) as con:
        con.execute("UPDATE provider_session_runtime SET last_seen_at = 'later'")
        con.commit()
    result = execute_offline(plan, journal=Journal(tmp_path / "j"), confirm=True)
    assert (result.outcome, result.code) == (Outcome.REFUSED, "changed-since-plan")


def test_a_build_with_other_columns_is_not_written_to(tmp_path: Path) -> None:
    home = writable_copy(_orphan().path, tmp_path / "home")
    database = home / "userdata" / "state.sqlite"
    thread_id = thread_ids(database)[0]
    with closing(sqlite3.connect(database)) as con:
        con.execute("ALTER TABLE orchestration_events RENAME COLUMN actor_kind TO actor")
    with pytest.raises(Exception, match="actor_kind"):
        plan_offline(target=target_in(home, thread_id))


def test_nobody_confirmed_means_nothing_written(tmp_path: Path) -> None:
    home = writable_copy(_orphan().path, tmp_path / "home")
    database = home / "userdata" / "state.sqlite"
    digest = hashlib.sha256(database.read_bytes()).hexdigest()
    plan = plan_offline(target=target_in(home, thread_ids(database)[0]))
    result = execute_offline(plan, journal=Journal(tmp_path / "j"))
    assert result.outcome is Outcome.REFUSED
    assert hashlib.sha256(database.read_bytes()).hexdigest() == digest


_KILLED = """
import os, signal, sys
from pathlib import Path
from t3lens.act import Journal, execute_offline, plan_offline
from tests.act.bench import target_in, thread_ids
home = Path(sys.argv[1])
thread = thread_ids(home / "userdata" / "state.sqlite")[0]
plan = plan_offline(target=target_in(home, thread))
execute_offline(
    plan, journal=Journal(Path(sys.argv[2])), confirm=True,
    _before_commit=lambda: os.kill(os.getpid(), signal.SIGKILL),
)
"""


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_repair_killed_half_way_leaves_the_database_as_before(tmp_path: Path, mode: str) -> None:
    home = writable_copy(_orphan().path, tmp_path / "home")
    database = home / "userdata" / "state.sqlite"
    with closing(sqlite3.connect(database)) as con:
        con.execute(f"PRAGMA journal_mode = {mode}")
    before = _everything(database, "nobody")
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(home), str(tmp_path / "j")],
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    # the next one to open it, the server, rolls back what was begun
    with closing(sqlite3.connect(database)) as con:
        assert con.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert _everything(database, "nobody") == before
    record = Journal(tmp_path / "j").records()[0]
    assert record.outcome == "cut off"
    assert record.changed is None


def test_recordings_are_found() -> None:
    assert RECORDED.is_dir()
    assert len(LIVE) > 20


def _change(database: Path, *statements: str) -> None:
    with closing(sqlite3.connect(database)) as con, con:
        for statement in statements:
            con.execute(statement)


@pytest.mark.parametrize(
    "table", ["orchestration_events", "orchestration_command_receipts", "Provider_Session_Runtime", "projection_turns"]
)
def test_it_refuses_where_a_trigger_stands_on_a_table_that_it_writes(tmp_path: Path, table: str) -> None:
    home = writable_copy(_orphan().path, tmp_path / "home")
    database = home / "userdata" / "state.sqlite"
    target = target_in(home, thread_ids(database)[0])
    before = plan_offline(target=target, server_version="0.0.28")
    assert before.acts
    _change(database, f"create trigger beside after insert on {table} begin select 1; end")
    digest = hashlib.sha256(database.read_bytes()).hexdigest()
    plan = plan_offline(target=target, server_version="0.0.28")
    result = execute_offline(before, journal=Journal(tmp_path / "j"), confirm=True)
    if table == "projection_turns":  # the server's to write, not ours
        assert plan.acts
        assert result.applied
        return
    assert (plan.decision, "the trigger beside" in plan.because[0]) == ("refuse", True)
    assert (result.outcome, result.code) == (Outcome.REFUSED, "triggers")
    assert hashlib.sha256(database.read_bytes()).hexdigest() == digest
    assert list(database.parent.glob("*before-t3lens*")) == []


@pytest.mark.parametrize(
    "beside",
    [
        "update auth_more set subject = 'other'",
        "insert into auth_more values ('new', 'x')",
        "update projection_threads set title = 'other'",
        "update provider_session_runtime set adapter_key = 'other'",
        "update sqlite_sequence set seq = seq + 1 where name = 'counted'",
        "create table more (x)",
        "delete from orchestration_events where sequence = 1",
        "update orchestration_events set occurred_at = 'x' where command_id like '%t3lens-offline-repair%'",
    ],
)
def test_a_change_of_anything_else_is_seen_and_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: str
) -> None:
    home = writable_copy(_orphan().path, tmp_path / "home")
    database = home / "userdata" / "state.sqlite"
    _change(
        database,
        "create table auth_more (session_id TEXT PRIMARY KEY, subject TEXT)",
        "insert into auth_more values ('old', 'x')",
        "create table counted (n integer primary key autoincrement)",
        "create table keyed (a text primary key, b) without rowid",
        "insert into counted values (1)",
        "insert into keyed values ('a', 1), ('b', 2)",
    )
    target = target_in(home, thread_ids(database)[0])
    before = _everything(database, "nobody")
    plan = plan_offline(target=target, server_version="0.0.28")
    real = offline.write_rows

    def write_more(con: sqlite3.Connection, written: Any) -> int:
        sequence = real(con, written)
        con.execute(beside)
        return sequence

    monkeypatch.setattr(offline, "write_rows", write_more)
    result = execute_offline(plan, journal=Journal(tmp_path / "j"), confirm=True)
    assert (result.outcome, result.code) == (Outcome.FAILED, "other-rows-changed"), result
    assert _everything(database, "nobody") == before
    monkeypatch.undo()
    again = plan_offline(target=target, server_version="0.0.28")
    assert execute_offline(again, journal=Journal(tmp_path / "j"), confirm=True).applied


def test_a_backup_gets_its_name_when_it_was_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = writable_copy(_orphan().path, tmp_path / "home")
    database = home / "userdata" / "state.sqlite"
    target = target_in(home, thread_ids(database)[0])
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = database.with_name(f".state.sqlite.before-t3lens-1.t3lens-new-{dead.pid}-x")
    left.write_bytes(b"half")
    seen: list[list[str]] = []
    real = database_guard.check_integrity

    def look(con: sqlite3.Connection) -> None:
        seen.append(sorted(path.name for path in database.parent.glob("*before-t3lens*")))
        if len(seen) == 2:  # the copy
            raise Refused("as if the copy were damaged")
        real(con)

    monkeypatch.setattr(database_guard, "check_integrity", look)
    monkeypatch.setattr(offline, "check_integrity", look)
    plan = plan_offline(target=target, server_version="0.0.28")
    result = execute_offline(plan, journal=Journal(tmp_path / "j"), confirm=True)
    assert result.outcome is Outcome.REFUSED
    assert len(seen) == 2
    assert not Path(plan.backup).exists()
    assert [path for path in database.parent.iterdir() if "before-t3lens" in path.name] == []
    monkeypatch.undo()
    assert execute_offline(plan, journal=Journal(tmp_path / "j"), confirm=True).applied
    assert Path(plan.backup).stat().st_mode & 0o777 == 0o600
