"""Agents' own records are kept whole or not at all: every line accounted for, whatever ends the reading."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.ingest.records import read as read_module
from t3lens.ingest.records.read import read_file
from t3lens.sim import SimHome
from t3lens.sim.script import Say
from t3lens.store import Store
from t3lens.t3code.record_keys import native_key, record_key


def home_with_records(
    folder: Path, threads: int = 6, providers: tuple[str, ...] = ("codex", "claudeAgent", "opencode")
) -> None:
    with SimHome(folder / "home", records=folder / "agents") as home:
        for number in range(threads):
            thread = home.thread(f"thread {number}", provider=providers[number % len(providers)])
            home.turn(thread, "Go on.", Say("Done."))
            home.turn(thread, "And on.", Say("Done."))


def read(store: Store, folder: Path, records: str | None = None) -> list[str]:
    where = str(folder / "agents") if records is None else records
    report = ingest(store, discover([folder / "home"]), options=IngestOptions(server="alive", records=(where,)))
    return report.homes[0].problems


def kept(store: Store) -> dict[str, list[tuple[str, str]]]:
    rows = store.table(
        "select session_id, t.place, t.outcome from record_turns t join provider_records using (home_id, thread_id)"
    )
    found: dict[str, list[tuple[str, str]]] = {}
    for row in rows.to_pylist():
        found.setdefault(row["session_id"], []).append((row["place"], row["outcome"]))
    return {session: sorted(turns) for session, turns in found.items()}


def test_every_line_is_read_or_in_quarantine(tmp_path: Path) -> None:
    home_with_records(tmp_path, 2, ("codex", "claudeAgent"))
    for path in (tmp_path / "agents").rglob("*.jsonl"):
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join([lines[0], b"\n", b"{broken\n", *lines[1:], b"\xff\xfe\n", lines[1][:40]]))
    with closing(Store.open()) as store:
        read(store, tmp_path)
        for row in store.table("from provider_records").to_pylist():
            content = Path(row["path"]).read_bytes()
            raw = content.split(b"\n")
            whole = [line for line in raw[:-1] if line.strip()]
            assert (row["lines"], row["unread"], row["torn_bytes"], row["size"]) == (len(whole), 2, 40, len(content))
            rejected = store.table(
                "select line, byte_offset, length, reason from record_quarantine where thread_id = ? order by line",
                [row["thread_id"]],
            ).to_pylist()
            pieces = [(r["byte_offset"], r["length"]) for r in rejected]
            assert [content[start : start + length] for start, length in pieces] == [
                b"{broken",
                b"\xff\xfe",
                raw[-1],
            ]
            assert [raw[r["line"] - 1] for r in rejected] == [b"{broken", b"\xff\xfe", raw[-1]]
        assert all(outcomes[-1][1] == "finished" for outcomes in kept(store).values())


def test_an_unchanged_home_reads_no_record_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home_with_records(tmp_path)
    for path in (tmp_path / "agents").rglob("*"):
        os.utime(path, (time.time() - 3600,) * 2)
    opened: list[Path] = []

    def counted(path: Path, *more: Any) -> Iterator[Any]:
        opened.append(path)
        return read_file(path, *more)

    monkeypatch.setattr(read_module, "read_file", counted)
    with closing(Store.open()) as store:
        read(store, tmp_path)
        assert len([path for path in opened if path.suffix == ".db"]) == 1  # once for all its sessions
        first, opened[:] = kept(store), []
        read(store, tmp_path)
        assert not opened and kept(store) == first
        with closing(sqlite3.connect(tmp_path / "agents" / "opencode" / "opencode.db")) as con, con:
            con.execute("UPDATE message SET time_updated = 0")
        read(store, tmp_path)
        assert {path.suffix for path in opened} == {".db"} and kept(store) == first


def test_a_record_that_moved_is_found_again_and_one_that_is_gone_is_absent(tmp_path: Path) -> None:
    home_with_records(tmp_path, 2, ("codex", "claudeAgent"))
    with closing(Store.open()) as store:
        read(store, tmp_path)
        first = kept(store)
        (tmp_path / "agents" / "codex").rename(tmp_path / "agents" / "another-home")
        read(store, tmp_path)
        assert kept(store) == first
        assert "another-home" in str(store.table("select path from provider_records where provider = 'codex'").to_pylist())
        for path in (tmp_path / "agents" / "another-home").rglob("*.jsonl"):
            path.unlink()
        read(store, tmp_path)
        states = store.table("select provider, state, why from provider_records order by provider").to_pylist()
        assert [row["state"] for row in states] == ["read", "absent"] and "none found" in states[1]["why"]
        read(store, tmp_path, "off")
        assert not kept(store) and store.table("from provider_records").num_rows == 0


def test_the_records_of_a_home_that_moved_stay_its_own(tmp_path: Path) -> None:
    home_with_records(tmp_path, 2, ("codex", "claudeAgent"))
    with closing(Store.open()) as store:
        read(store, tmp_path)
        first = kept(store)
        (tmp_path / "moved").mkdir()
        (tmp_path / "home").rename(tmp_path / "moved" / "home")
        read(store, tmp_path / "moved", str(tmp_path / "agents"))
        assert kept(store) == first
        assert store.table("from provider_records where state = 'read'").num_rows == 2


_INGEST = """
import sys
from pathlib import Path
from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.ingest.records import write, read
from t3lens.store import Store

folder, path = map(Path, sys.argv[1:])
insert, write._BATCH, read.WORTH_KEEPING = write._insert, 4, 1

def told(*arguments):
    print("before an insert", flush=True)
    insert(*arguments)

write._insert = told
while True:
    store = Store.open(path)
    options = IngestOptions(server="alive", records=(str(folder / "agents"),))
    ingest(store, discover([folder / "home"]), options=options)
    store.close()
    for file in (folder / "agents").rglob("*.db"):
        file.touch()
    for file in (folder / "agents").rglob("*.jsonl"):
        with file.open("ab") as out:
            out.write(b"\\n")
"""


@pytest.mark.slow
def test_kills_leave_each_record_whole_or_as_it_was(tmp_path: Path) -> None:
    home_with_records(tmp_path, 9)
    path = tmp_path / "store.duckdb"
    for inserts in (2, 9):
        command = [sys.executable, "-c", _INGEST, str(tmp_path), str(path)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        assert [child.stdout.readline() for _ in range(inserts)][-1]
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        with closing(Store.open(path)) as store:
            assert {len(turns) for turns in kept(store).values()} <= {2}
            alone = "from _record_states anti join provider_records using (home_id, thread_id)"
            assert store.table(alone).num_rows == 0  # how far it was read came with what was read
    with closing(Store.open(path)) as store:
        read(store, tmp_path)
        assert store.table("from provider_records where state = 'read'").num_rows == 9
        assert [len(turns) for turns in kept(store).values()] == [2] * 9


@pytest.mark.parametrize("value", ["../../etc/passwd", "*", "a/b/c/d/e", "", 7, None, ["x" * 36], "x" * 90])
def test_an_id_that_is_none_is_not_looked_for(value: object) -> None:
    assert native_key("codex", value) is None
    assert record_key("codex", json.dumps({"threadId": value})) is None
    assert record_key("claudeAgent", json.dumps({"threadId": "t3s-own-id", "resume": value})) is None
    assert record_key("codex", json.dumps([value])) is None


def test_a_home_that_links_the_folders_of_another_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """T3 Code gives an instance of Codex a home of its own that shares the sessions of the first."""
    home_with_records(tmp_path, 1, ("codex",))
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "sessions").symlink_to(tmp_path / "agents" / "codex" / "sessions")
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "second"))
    with closing(Store.open()) as store:
        ingest(store, discover([tmp_path / "home"]), options=IngestOptions(server="alive", records=("auto",)))
        assert [len(turns) for turns in kept(store).values()] == [2]


def test_a_database_without_the_session_is_not_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home_with_records(tmp_path, 1, ("opencode",))
    path = tmp_path / "agents" / "opencode" / "opencode.db"
    with closing(sqlite3.connect(path)) as con, con:
        con.execute("UPDATE session SET id = 'another'")
    os.utime(path, (time.time() - 3600,) * 2)
    opened: list[Path] = []

    def counted(path: Path, *more: Any) -> Iterator[Any]:
        opened.append(path)
        return read_file(path, *more)

    monkeypatch.setattr(read_module, "read_file", counted)
    with closing(Store.open()) as store:
        for _ in range(3):
            read(store, tmp_path)
        assert len(opened) == 1
        assert store.table("select state from provider_records").to_pylist() == [{"state": "absent"}]
        with closing(sqlite3.connect(path)) as con, con:
            con.execute("UPDATE session SET id = (SELECT min(session_id) FROM message)")
        read(store, tmp_path)
        assert [len(turns) for turns in kept(store).values()] == [2]
