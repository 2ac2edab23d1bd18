"""The state database: read while it is written to, and whatever state it was left in."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from t3lens.ingest import IngestOptions, discover, ingest, prune_snapshots, store_http_snapshot
from t3lens.ingest import engine as _ingest
from t3lens.ingest import open_database as _open_database
from t3lens.ingest import pages as _pages
from t3lens.ingest.columnar import Columns
from t3lens.ingest.database import DatabaseReader, json_or_null
from t3lens.ingest.open_database import open_database
from t3lens.store import Store
from tests.ingest.disk import lines, read

_TABLES = """
CREATE TABLE orchestration_events (sequence INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT,
  aggregate_kind TEXT, stream_id TEXT, stream_version INTEGER, event_type TEXT, occurred_at TEXT,
  command_id TEXT, causation_event_id TEXT, correlation_id TEXT, actor_kind TEXT, payload_json TEXT,
  metadata_json TEXT);
CREATE TABLE orchestration_command_receipts (command_id TEXT PRIMARY KEY, aggregate_kind TEXT,
  aggregate_id TEXT, accepted_at TEXT, result_sequence INTEGER, status TEXT, error TEXT);
CREATE TABLE projection_threads (thread_id TEXT PRIMARY KEY, project_id TEXT, title TEXT, later TEXT);
CREATE TABLE projection_thread_sessions (thread_id TEXT PRIMARY KEY, status TEXT, active_turn_id TEXT);
CREATE TABLE provider_session_runtime (thread_id TEXT PRIMARY KEY, provider_name TEXT, status TEXT,
  runtime_payload_json TEXT);
CREATE TABLE projection_turns (row_id INTEGER PRIMARY KEY, thread_id TEXT, turn_id TEXT, state TEXT);
CREATE TABLE projection_pending_approvals (request_id TEXT PRIMARY KEY, thread_id TEXT, status TEXT);
CREATE TABLE projection_state (projector TEXT PRIMARY KEY, last_applied_sequence INTEGER);
CREATE TABLE projection_projects (project_id TEXT PRIMARY KEY, title TEXT);
CREATE TABLE effect_sql_migrations (migration_id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE auth_sessions (session_id TEXT PRIMARY KEY, subject TEXT);
CREATE TABLE auth_pairing_links (id TEXT PRIMARY KEY, credential TEXT);
"""
_CANARY = "canary-7f3e9a-never-read"


def add_events(con: sqlite3.Connection, first: int, count: int) -> None:
    for number in range(first, first + count):
        con.execute(
            "INSERT INTO orchestration_events VALUES (?, ?, 'thread', 't1', ?, 'thread.session-set', "
            "'2026-07-01T00:00:00.000Z', ?, NULL, NULL, 'server', '{\"a\":1}', '{}')",
            (number, f"ev{number}", number, f"c{number}"),
        )
        con.execute(
            "INSERT INTO orchestration_command_receipts VALUES (?, 'thread', 't1', "
            "'2026-07-01T00:00:00.000Z', ?, 'accepted', NULL)",
            (f"c{number}", number),
        )
    con.commit()


def make(folder: Path, *, wal: bool = True) -> sqlite3.Connection:
    folder.mkdir(parents=True, exist_ok=True)
    con = sqlite3.connect(folder / "state.sqlite", check_same_thread=False)
    if wal:
        con.execute("PRAGMA journal_mode = WAL")
    con.executescript(_TABLES)
    con.execute("INSERT INTO projection_threads VALUES ('t1', 'p', 'A title', 'new column')")
    con.execute("INSERT INTO projection_thread_sessions VALUES ('t1', 'running', 'turn-1')")
    payload = json.dumps({"activeTurnId": "turn-1", "lastRuntimeEvent": "provider.sendTurn"})
    con.execute("INSERT INTO provider_session_runtime VALUES ('t1', 'codex', 'running', ?)", (payload,))
    con.execute("INSERT INTO auth_sessions VALUES (?, ?)", (_CANARY, _CANARY))
    con.execute("INSERT INTO auth_pairing_links VALUES (?, ?)", (_CANARY, _CANARY))
    add_events(con, 1, 5)
    return con


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "userdata"


def sequences(store: Store) -> list[int]:
    return store.table("SELECT sequence FROM orchestration_events ORDER BY 1").column(0).to_pylist()


def error(store: Store) -> str | None:
    return store.table("SELECT database_error FROM homes").column(0).to_pylist()[0]


def faults(store: Store) -> dict[str, object]:
    """What conclusions rest on, beside the words for people."""
    (row,) = store.table("SELECT damaged, missing_tables FROM _database_faults").to_pylist()
    return row


def test_events_are_read_once_and_snapshots_kept(home: Path) -> None:
    con = make(home)
    store = Store.open()
    assert read(store, home, server="alive").events == 5
    add_events(con, 6, 2)
    con.execute("UPDATE projection_thread_sessions SET status = 'stopped'")
    con.commit()
    assert read(store, home, server="alive").events == 2
    assert sequences(store) == list(range(1, 8))
    assert store.table("SELECT count(*) AS n FROM receipts").to_pylist() == [{"n": 7}]
    session = store.table("SELECT status, binding_status, binding_last_event FROM sessions").to_pylist()
    assert session == [
        {
            "status": "stopped",
            "binding_status": "running",
            "binding_last_event": "provider.sendTurn",
        }
    ]
    assert store.table("SELECT extra ->> 'later' AS x FROM threads").to_pylist() == [{"x": "new column"}]
    assert store.table("SELECT count(*) AS n FROM snapshots").to_pylist() == [{"n": 2}]
    home_id = store.table("SELECT home_id FROM homes").column(0).to_pylist()[0]
    assert prune_snapshots(store, home_id, keep=1) == 1
    assert store.table("SELECT status FROM sessions").to_pylist() == [{"status": "stopped"}]
    con.close()


def test_a_dead_home_that_left_a_wal_is_read_whole_and_left_alone(home: Path, tmp_path: Path) -> None:
    con = make(home)
    dead = tmp_path / "dead" / "userdata"
    dead.mkdir(parents=True)
    for suffix in ("", "-wal"):
        shutil.copy2(home / f"state.sqlite{suffix}", dead / f"state.sqlite{suffix}")
    con.close()
    for path in dead.iterdir():
        os.utime(path)  # it died this moment
    before = {p.name: (p.stat().st_size, p.stat().st_mtime_ns) for p in dead.iterdir()}
    store = Store.open()
    read(store, dead)
    assert sequences(store) == [1, 2, 3, 4, 5]
    assert error(store) is None
    assert {p.name: (p.stat().st_size, p.stat().st_mtime_ns) for p in dead.iterdir()} == before


def test_a_home_whose_server_closes_it_just_now_is_read_without_leaving_anything(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    con = make(home)
    copied = _open_database._copied

    def after_the_close(path: Path, folder: Path, leftovers: list[str]) -> bool:
        con.close()  # takes the -wal away
        return copied(path, folder, leftovers)

    monkeypatch.setattr(_open_database, "_copied", after_the_close)
    store = Store.open()
    read(store, home, server="dead")
    assert sequences(store) == [1, 2, 3, 4, 5]
    assert error(store) is None
    assert [p.name for p in home.iterdir()] == ["state.sqlite"]


def test_a_closed_home_is_read_without_leaving_anything(home: Path) -> None:
    make(home).close()
    before = {p.name: (p.stat().st_size, p.stat().st_mtime_ns) for p in home.iterdir()}
    assert set(before) == {"state.sqlite"}
    store = Store.open()
    read(store, home)
    assert sequences(store) == [1, 2, 3, 4, 5]
    assert {p.name: (p.stat().st_size, p.stat().st_mtime_ns) for p in home.iterdir()} == before


def test_secrets_of_the_home_are_nowhere_in_the_store(home: Path, tmp_path: Path) -> None:
    make(home).close()
    path = tmp_path / "store.duckdb"
    store = Store.open(path)
    read(store, home)
    with store.read() as con:
        tables = con.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal").fetchall()
        for (table,) in tables:
            found = con.execute(f'SELECT count(*) FROM "{table}" AS t WHERE contains(t::VARCHAR, ?)', [_CANARY]).fetchall()
            assert found == [(0,)], table
    store.close()
    for file in tmp_path.glob("store.duckdb*"):
        assert _CANARY.encode() not in file.read_bytes()


def test_a_locked_database_is_said_and_the_logs_are_read(home: Path) -> None:
    con = make(home, wal=False)
    con.execute("BEGIN EXCLUSIVE")
    logs = home / "logs" / "provider"
    logs.mkdir(parents=True)
    (logs / "a.log").write_bytes(lines(1, 3))
    store = Store.open()
    report = read(store, home, busy_s=0.05)
    assert report.records == 3
    assert "locked" in (error(store) or "")
    assert faults(store) == {"damaged": False, "missing_tables": []}
    con.rollback()
    read(store, home)
    assert (error(store), len(sequences(store))) == (None, 5)
    con.close()


@pytest.mark.parametrize("damage", ["garbage", "truncated", "middle"])
def test_a_corrupt_database_gives_what_can_be_read(home: Path, damage: str) -> None:
    con = make(home, wal=False)
    add_events(con, 6, 3000)
    con.close()
    path = home / "state.sqlite"
    data = bytearray(path.read_bytes())
    if damage == "garbage":
        data = bytearray(b"not a database at all" * 500)
    elif damage == "truncated":
        del data[len(data) // 2 :]
    else:
        middle = len(data) // 2
        data[middle : middle + 40_000] = b"\xa5" * 40_000
    path.write_bytes(data)
    store = Store.open()
    read(store, home)
    assert (error(store) or "").startswith("database-corrupt")
    assert faults(store)["damaged"] is True
    if damage != "garbage":
        assert len(sequences(store)) > 0
    read(store, home)
    assert len(set(sequences(store))) == len(sequences(store))


def test_another_event_store_in_the_same_place_replaces_the_first(home: Path) -> None:
    con = make(home)
    store = Store.open()
    read(store, home, server="alive")
    con.execute("UPDATE orchestration_events SET event_id = 'other-' || event_id")
    con.commit()
    read(store, home, server="alive")
    ids = store.table("SELECT event_id FROM orchestration_events").column(0).to_pylist()
    assert len(ids) == 5
    assert all(i.startswith("other-") for i in ids)
    con.close()


def test_missing_tables_and_a_missing_database_are_said(home: Path) -> None:
    con = make(home)
    con.execute("DROP TABLE projection_thread_sessions")
    con.commit()
    con.close()
    store = Store.open()
    read(store, home)
    assert "projection_thread_sessions" in (error(store) or "")
    assert faults(store) == {"damaged": False, "missing_tables": ["projection_thread_sessions"]}
    (home / "state.sqlite").unlink()
    (home / "logs" / "provider").mkdir(parents=True)
    (home / "logs" / "provider" / "a.log").write_bytes(lines(1, 1))
    other = Store.open()
    assert "no state.sqlite" in read(other, home).problems[0]


_WRITER = """
import os, sqlite3, sys
con = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=0)
con.execute("PRAGMA journal_mode = WAL")
n = 0
print("ready", flush=True)
sys.stdin.readline()
def begin():
    con.execute("BEGIN IMMEDIATE")
while not os.path.exists(sys.argv[2]):
    try:
        begin()
    except sqlite3.OperationalError:  # a reader of SQLite that met the head of the -wal half written
        begin()
    # written again and again: a table that only grew would take longer to read than this takes to write
    con.execute("DELETE FROM projection_threads WHERE thread_id = ?", (f"w{n % 5000}",))
    con.execute("INSERT INTO projection_threads VALUES (?, 'p', 't', 'x')", (f"w{n % 5000}",))
    con.execute("COMMIT")
    n += 1
print(min(n, 5000), flush=True)
"""


def test_a_server_that_keeps_committing_is_never_kept_out(home: Path, tmp_path: Path) -> None:
    con = make(home)
    enough = tmp_path / "enough"
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(home / "state.sqlite"), str(enough)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdin is not None
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    writer.stdin.write("\n")
    writer.stdin.flush()
    store = Store.open()
    for _ in range(8):
        ingest(store, discover([home]), options=IngestOptions(server="alive"))
        assert error(store) is None
    enough.touch()
    # Without a time-out of its own, the writer fails if a reader holds a lock it needs for longer than it
    # takes to look twice.
    assert writer.wait(300) == 0
    committed = int(writer.stdout.readline())
    writer.stdin.close()
    writer.stdout.close()
    read(store, home, server="alive")
    stored = store.table("SELECT count(*) AS n FROM threads WHERE thread_id LIKE 'w%'").to_pylist()
    assert stored == [{"n": committed}]
    con.close()


# A server that does what it is told, and waits for no lock.
_SERVER = """
import sqlite3, sys
con = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=0)
con.execute("PRAGMA journal_mode = WAL")
for line in sys.stdin:
    print(con.execute(line).fetchall(), flush=True)
"""


class Server:
    """The one process that has the database of a home open."""

    def __init__(self, home: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER, str(home / "state.sqlite")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def does(self, sql: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(sql + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def die(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def server(home: Path) -> Iterator[Server]:
    make(home).close()
    server = Server(home)
    assert server.does("UPDATE projection_threads SET title = 'only in the wal'") == "[]"
    yield server
    server.die()


def everything(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.iterdir()}


@pytest.mark.parametrize("status", ["alive", "unknown"])
def test_a_live_home_is_read_in_place_and_not_one_byte_of_it_changes(home: Path, server: Server, status: str) -> None:
    before = everything(home)
    assert {"state.sqlite-wal", "state.sqlite-shm"} < set(before)
    store = Store.open()
    read(store, home, server=status)
    assert everything(home) == before
    assert store.table("SELECT title FROM threads").to_pylist() == [{"title": "only in the wal"}]


@contextmanager
def half_written_head(home: Path) -> Iterator[None]:
    """The moment in which a server that commits has written one of the two heads of the ``-shm``."""
    with (home / "state.sqlite-shm").open("r+b", buffering=0) as shm:
        shm.seek(8)  # how often the head changed
        count = shm.read(4)
        shm.seek(8)
        shm.write(bytes(byte ^ 0xFF for byte in count))
        try:
            yield
        finally:
            shm.seek(8)
            shm.write(count)


def test_a_head_the_server_is_just_writing_is_read_again(home: Path, server: Server) -> None:
    sql = "SELECT title FROM projection_threads"
    with open_database(home / "state.sqlite", alive=True) as con:
        with half_written_head(home), pytest.raises(sqlite3.OperationalError, match="readonly"):
            con.execute(sql)  # for as long as it stays like that
        assert con.execute(sql).fetchall() == [("only in the wal",)]
        head = half_written_head(home)
        head.__enter__()
        written = threading.Timer(0.02, head.__exit__, (None, None, None))
        written.start()
        assert con.execute(sql).fetchall() == [("only in the wal",)]
        written.join()
    assert server.does(sql) == "[('only in the wal',)]"


def test_what_a_killed_server_left_is_not_changed_either(home: Path, server: Server) -> None:
    server.die()
    before = everything(home)
    assert {"state.sqlite-wal", "state.sqlite-shm"} < set(before)
    for status in ("dead", "unknown", "alive"):  # whatever was believed
        store = Store.open()
        read(store, home, server=status)
        assert everything(home) == before
        titles = store.table("SELECT title FROM threads").column(0).to_pylist()
        assert titles == ["only in the wal"]


def test_an_interrupt_ends_the_reading_of_a_database_and_the_rest_is_read_next_time(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    con = make(home)
    add_events(con, 6, 500)
    for name, size in (("_AT_ONCE", 10), ("_PAGE", 50)):
        monkeypatch.setattr(_pages, name, size)
    read_columns = _pages.read_columns
    asked: list[int] = []

    def interrupted(connection: sqlite3.Connection, columns: Columns, after: int, limit: int) -> Any:
        if after >= 120 and not asked:
            asked.append(after)
            os.kill(os.getpid(), signal.SIGINT)
        return read_columns(connection, columns, after, limit)

    monkeypatch.setattr(_pages, "read_columns", interrupted)
    store = Store.open()
    report = read(store, home, server="alive")
    assert report.interrupted
    so_far = sequences(store)
    assert so_far == list(range(1, len(so_far) + 1))
    assert 120 <= len(so_far) < 505
    assert not read(store, home, server="alive").interrupted
    assert sequences(store) == list(range(1, 506))
    assert store.table("SELECT count(*) AS n FROM threads").to_pylist() == [{"n": 1}]
    con.close()


def test_the_server_commits_and_checkpoints_while_a_read_goes_on(home: Path, server: Server) -> None:
    with open_database(home / "state.sqlite", alive=True) as con:
        con.execute("BEGIN")
        before = con.execute("SELECT count(*) FROM projection_threads").fetchall()
        for number in range(20):
            sql = f"INSERT INTO projection_threads (thread_id) VALUES ('n{number}')"
            assert server.does(sql) == "[]"
        assert server.does("PRAGMA wal_checkpoint(PASSIVE)").startswith("[(0, ")
        assert con.execute("SELECT count(*) FROM projection_threads").fetchall() == before
        con.execute("ROLLBACK")
        assert con.execute("SELECT count(*) FROM projection_threads").fetchall() == [(21,)]
    assert server.does("PRAGMA wal_checkpoint(TRUNCATE)") == "[(0, 0, 0)]"


def test_a_live_servers_answer_is_a_snapshot_like_any_other(home: Path) -> None:
    make(home).close()
    store = Store.open()
    read(store, home)
    answer = {
        "snapshotSequence": 9,
        "projects": [{"id": "p", "title": "Proj", "workspaceRoot": "/w"}],
        "threads": [
            {"id": "t1", "projectId": "p", "title": "A new title",
             "latestTurn": {"turnId": "turn-2", "state": "running"},
             "session": {"threadId": "t1", "status": "ready", "activeTurnId": None}},
        ],
    }  # fmt: skip
    store_http_snapshot(store, discover([home])[0], answer, 1_800_000_000_000_000)
    rows = store.table("SELECT status, active_turn_id, binding_status FROM sessions").to_pylist()
    assert rows == [{"status": "ready", "active_turn_id": None, "binding_status": "running"}]
    assert store.table("SELECT title, latest_turn_id FROM threads").to_pylist() == [
        {"title": "A new title", "latest_turn_id": "turn-2"}
    ]
    assert store.table("SELECT turn_id, state FROM turns").to_pylist() == [{"turn_id": "turn-2", "state": "running"}]
    origins = store.table("SELECT origin FROM snapshots ORDER BY taken_at").column(0).to_pylist()
    assert origins == ["database", "http"]


def test_an_unchanged_database_is_not_read_again(home: Path) -> None:
    make(home).close()
    # A change time in the past: one of this moment would not be trusted.
    os.utime(home / "state.sqlite", ns=(10**18, 10**18))
    store = Store.open()
    read(store, home)
    (home / "state.sqlite").chmod(0)
    assert read(store, home).problems == []
    changed = (home / "state.sqlite").stat()
    assert changed.st_mtime_ns == 10**18


def test_a_lone_surrogate_in_a_payload_is_replaced_and_the_event_kept(tmp_path: Path) -> None:
    payload = '{"threadId":"t","text":"half a pair: \\ud83d","n":{"deep":"\\uD83D\\uDE00"}}'
    said = json_or_null(payload)
    assert said == '{"threadId":"t","text":"half a pair: \ufffd\ufffd\ufffd","n":{"deep":"😀"}}'
    assert json_or_null('{"a":1}') == '{"a":1}'
    assert json_or_null("no json") == '"no json"'
    deep = "[" * 2000 + "]" * 2000
    assert json_or_null(deep) == f'"{deep}"'


def test_the_database_of_a_running_server_is_checked_whole_in_quiet_moments_now_and_then(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    con = make(home)
    checks: list[str] = []
    check = DatabaseReader.check

    def counted(reader: DatabaseReader) -> str | None:
        checks.append("all of it")
        return check(reader)

    monkeypatch.setattr(DatabaseReader, "check", counted)
    store = Store.open()
    moment = 10**18

    def checked_after(name: str, *, quiet: bool = True, server: str = "alive") -> bool:
        nonlocal moment
        checks.clear()
        con.execute("INSERT INTO projection_threads (thread_id) VALUES (?)", (name,))
        con.commit()
        moment += 10**9
        for path in home.iterdir():
            if quiet:
                os.utime(path, ns=(moment, moment))
        read(store, home, server=server)
        return bool(checks)

    assert not checked_after("while it writes", quiet=False)
    assert checked_after("quiet for a while")
    assert not checked_after("soon again")
    monkeypatch.setattr(_ingest, "_CHECK_AGAIN", 0)
    assert not checked_after("later, while it writes", quiet=False)
    assert checked_after("later")
    monkeypatch.undo()
    monkeypatch.setattr(DatabaseReader, "check", counted)
    assert checked_after("nobody knows whether it runs", quiet=False, server="unknown")
    con.close()
    with sqlite3.connect(home / "state.sqlite") as other:
        other.execute("INSERT INTO projection_threads (thread_id) VALUES ('last')")
    checks.clear()
    read(store, home, server="dead")
    assert checks


def test_events_of_many_pages_are_read_once_and_in_order(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    con = make(home)
    before = con.execute("SELECT count(*) FROM orchestration_events").fetchone()[0]
    con.executemany(
        "INSERT INTO orchestration_events (event_id, payload_json) VALUES (?, ?)",
        [(f"many-{n}", '"' + "x" * (n % 7) * 100 + '"') for n in range(500)],
    )
    con.commit()
    for name, size in (("_AT_ONCE", 30), ("_PAGE", 100), ("_PAGE_BYTES", 20_000)):
        monkeypatch.setattr(_pages, name, size)
    store = Store.open()
    read(store, home, server="alive")
    stored = con.execute("SELECT sequence FROM orchestration_events ORDER BY 1").fetchall()
    assert [(sequence,) for sequence in sequences(store)] == stored
    assert len(stored) == before + 500
    con.close()
