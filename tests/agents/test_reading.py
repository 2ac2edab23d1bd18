"""Finding and reading records: packed, torn, damaged, linked, live; and nothing is left beside them."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import zstandard

from t3lens.agents import TurnOutcome
from t3lens.errors import InputError
from t3lens.ingest.records.read import ReadRecord, read_records

from .witness import lines

THREAD = "01a22504-b44e-7a81-87f1-f47d7cf1bbc8"
ROLLOUT = f"rollout-2026-11-29T01-56-35-{THREAD}.jsonl"


def codex(*events: dict[str, Any]) -> bytes:
    meta = {"id": THREAD, "timestamp": "2026-11-29T01:56:35.046Z", "cli_version": "0.128.0"}
    return lines(
        {"timestamp": "2026-11-29T01:56:35.075Z", "type": "session_meta", "payload": meta},
        *(
            {
                "timestamp": f"2026-11-29T01:57:{n:02}.000Z",
                "type": "event_msg",
                "payload": event,
            }
            for n, event in enumerate(events)
        ),
    )


STARTED = {"type": "task_started", "turn_id": "t1"}
COMPLETE = {"type": "task_complete", "turn_id": "t1", "last_agent_message": "Done."}
ONE_TURN = codex(STARTED, COMPLETE)


def only(path: Path) -> ReadRecord:
    read = read_records([path])
    assert len(read.records) == 1
    return read.records[0]


def tree(folder: Path) -> dict[str, tuple[int, int, int]]:
    return {
        str(path.relative_to(folder)): (status.st_size, status.st_mtime_ns, status.st_ino)
        for path in sorted(folder.rglob("*"))
        for status in [path.lstat()]
    }


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_packed_records_are_read(tmp_path: Path, pack: Any) -> None:
    suffix = ".gz" if pack is gzip.compress else ".zst"
    path = tmp_path / f"{ROLLOUT}{suffix}"
    half = len(ONE_TURN) // 2
    path.write_bytes(pack(ONE_TURN[:half]) + pack(ONE_TURN[half:]))
    record = only(tmp_path).record
    assert [turn.outcome for turn in record.turns] == [TurnOutcome.FINISHED]
    assert record.turns[0].evidence[-1].line == 3


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_a_file_cut_anywhere_is_read_as_far_as_it_goes(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"{ROLLOUT}{suffix}"
    pack = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}[suffix]
    packed = pack(ONE_TURN)
    for size in range(len(packed)):
        path.write_bytes(packed[:size])
        read = read_records([path])
        for one in read.records:
            assert {turn.outcome for turn in one.record.turns} <= {TurnOutcome.OPEN, TurnOutcome.FINISHED}
        assert read.records or read.errors


def test_a_damaged_packed_record_is_told_and_read_up_to_the_damage(tmp_path: Path) -> None:
    path = tmp_path / f"{ROLLOUT}.gz"
    path.write_bytes(gzip.compress(codex(STARTED) + ONE_TURN * 2000)[:-40])
    read = read_records([tmp_path])
    assert read.records[0].record.turns and "damaged" in (read.records[0].error or "")
    assert read.errors == (read.records[0].error,)


def test_every_cut_of_the_last_line_is_open_until_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / ROLLOUT
    before = codex(STARTED)
    for size in range(len(before), len(ONE_TURN) + 1):
        path.write_bytes(ONE_TURN[:size])
        record = only(path).record
        whole = size >= len(ONE_TURN) - 1
        assert [t.outcome for t in record.turns] == [TurnOutcome.FINISHED if whole else TurnOutcome.OPEN]
        assert record.torn == (0 if whole else size - len(before))
        assert record.unread == 0


@pytest.mark.parametrize("between", [b"\0" * 5000, b"\xff\xfe{", b"{", b"[1]", b"null", b'"x"'])
def test_lines_that_are_no_objects_are_counted_and_passed(tmp_path: Path, between: bytes) -> None:
    path = tmp_path / ROLLOUT
    path.write_bytes(codex(STARTED) + between + b"\n\n \n" + codex(COMPLETE).split(b"\n")[1] + b"\n")
    record = only(path).record
    assert [turn.outcome for turn in record.turns] == [TurnOutcome.FINISHED]
    assert (record.unread, record.lines) == (1, 4)
    assert record.turns[0].evidence[-1].line == 6


def test_half_a_character_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / ROLLOUT
    done = {**COMPLETE, "last_agent_message": "cut in an emoji: \ud83d"}
    path.write_bytes(codex(STARTED, done))
    record = only(path).record
    assert (record.turns[0].outcome, record.unread) == (TurnOutcome.FINISHED, 0)


def test_a_line_of_many_blocks_keeps_numbers_and_offsets(tmp_path: Path) -> None:
    path = tmp_path / ROLLOUT
    big = {"type": "message", "role": "user", "content": "x" * (5 << 20)}
    path.write_bytes(codex(STARTED, big, big) + codex(COMPLETE).split(b"\n")[1] + b"\n")
    end = only(path).record.turns[0].evidence[-1]
    assert end.line == 5 and end.offset is not None and end.size is not None
    assert json.loads(path.read_bytes()[end.offset :])["payload"]["type"] == "task_complete"


@pytest.mark.parametrize("content", [b"", b"\n\n", b'{"timesta'])
def test_a_rollout_without_a_whole_line_is_one_without_turns(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ROLLOUT).write_bytes(content)
    record = only(tmp_path).record
    assert (record.provider, record.turns) == ("codex", ())
    assert record.torn == (len(content) if content.strip() else 0)


def test_other_files_are_no_records(tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_bytes(b'{"display":"hi","timestamp":1}\n' * 400)
    (tmp_path / "notes.jsonl").write_bytes(b"not json\n")
    (tmp_path / "empty.jsonl").touch()
    with closing(sqlite3.connect(tmp_path / "other.db")) as con:
        con.execute("CREATE TABLE t (x)")
    read = read_records([tmp_path])
    assert (read.records, read.errors, read.notes) == ((), (), ())


@pytest.mark.parametrize("name", ["history.jsonl", "notes.txt", "other.db"])
def test_a_file_that_is_named_must_be_a_record(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "other.db":
        with closing(sqlite3.connect(path)) as con:
            con.execute("CREATE TABLE t (x)")
    else:
        path.write_bytes(b'{"display":"hi"}\n')
    assert "no record" in read_records([path]).errors[0]


def test_a_missing_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_records([tmp_path / "nowhere"])


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert read_records([tmp_path]).records == ()
    with pytest.raises(InputError, match="neither"):
        read_records([tmp_path / "pipe.jsonl"])


def test_one_file_under_many_names_is_one_record(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "sessions").mkdir(parents=True)
    path = home / "sessions" / ROLLOUT
    path.write_bytes(ONE_TURN)
    os.link(path, home / "hard.jsonl")
    (home / "archived_sessions").symlink_to(home / "sessions")
    (home / "soft.jsonl").symlink_to(path)
    (home / "round").symlink_to(home)
    read = read_records([home, path, home / "soft.jsonl", home / "archived_sessions"])
    assert len(read.records) == 1 and read.notes == () and read.errors == ()


def test_links_that_lead_out_are_not_followed_and_told(tmp_path: Path) -> None:
    shared, shadow = tmp_path / "shared", tmp_path / "shadow"
    shared.mkdir()
    shadow.mkdir()
    (shared / ROLLOUT).write_bytes(ONE_TURN)
    (shadow / "sessions").symlink_to(shared)
    (shadow / "one.jsonl").symlink_to(shared / ROLLOUT)
    (shadow / "gone.jsonl").symlink_to(tmp_path / "gone")
    (shadow / "unrelated").symlink_to(shared)
    read = read_records([shadow])
    assert read.records == () and read.errors == ()
    assert sorted(note.split(" was ")[0] for note in read.notes) == [
        str(shadow / name) for name in ("gone.jsonl", "one.jsonl", "sessions")
    ]
    assert len(read_records([shadow / "sessions"]).records) == 1
    assert len(read_records([shadow, shared]).records) == 1


def test_of_a_record_packed_and_plain_the_plain_one_counts(tmp_path: Path) -> None:
    (tmp_path / ROLLOUT).write_bytes(ONE_TURN)
    packed = tmp_path / f"{ROLLOUT}.zst"
    packed.write_bytes(zstandard.ZstdCompressor().compress(codex(STARTED)))
    read = read_records([tmp_path])
    assert [one.path.name for one in read.records] == [ROLLOUT]
    assert str(packed) in read.notes[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / ROLLOUT).write_bytes(ONE_TURN)
    (tmp_path / ROLLOUT).chmod(0)
    assert "cannot be read" in read_records([tmp_path]).errors[0]


# --- OpenCode's database -----------------------------------------------------------------------------------------


@pytest.fixture
def live(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A database that its server has open, everything still in the ``-wal``."""
    con = sqlite3.connect(tmp_path / "opencode.db", isolation_level=None)
    con.execute("PRAGMA journal_mode = wal")
    con.execute("PRAGMA wal_autocheckpoint = 0")
    con.execute("CREATE TABLE session (id, parent_id, directory, version, time_created)")
    con.execute("CREATE TABLE message (id, session_id, time_created, data)")
    con.execute("CREATE TABLE part (id, message_id, session_id, time_created, data)")
    con.execute("INSERT INTO session VALUES ('ses_1', NULL, '/p', '1.15.13', 1000)")
    say(con, "msg_1", 2000, {"role": "user", "time": {"created": 2000}})
    answer = {"role": "assistant", "parentID": "msg_1", "time": {"created": 2100}}
    say(con, "msg_2", 2100, answer)
    yield con
    con.close()


def say(con: sqlite3.Connection, key: str, at: int, data: object) -> None:
    con.execute("INSERT INTO message VALUES (?, 'ses_1', ?, ?)", (key, at, json.dumps(data)))


def test_a_live_database_is_read_with_its_wal_and_left_alone(tmp_path: Path, live: sqlite3.Connection) -> None:
    before = tree(tmp_path)
    assert [t.outcome for t in only(tmp_path).record.turns] == [TurnOutcome.OPEN]
    assert tree(tmp_path) == before
    done = {"role": "assistant", "parentID": "msg_1", "finish": "stop", "time": {"created": 2100, "completed": 2200}}
    live.execute("UPDATE message SET data = ? WHERE id = 'msg_2'", (json.dumps(done),))
    assert [t.outcome for t in only(tmp_path).record.turns] == [TurnOutcome.FINISHED]


def test_a_dead_database_is_read_with_its_wal_and_left_alone(tmp_path: Path, live: sqlite3.Connection) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(tmp_path / f"opencode.db{suffix}", copy)
    before = tree(copy)
    assert [t.outcome for t in only(copy).record.turns] == [TurnOutcome.OPEN]
    assert tree(copy) == before


def test_rows_of_other_builds_are_no_obstacle(tmp_path: Path, live: sqlite3.Connection) -> None:
    live.execute("INSERT INTO message VALUES ('msg_3', 'ses_1', 2300, '{torn')")
    live.execute("INSERT INTO message VALUES ('msg_4', 'ses_1', 2400, NULL)")
    live.execute("INSERT INTO message VALUES (5, 'ses_1', 'soon', x'00ff')")
    say(live, "msg_6", 2500, {"role": "robot", "time": "later"})
    record = only(tmp_path).record
    assert [t.outcome for t in record.turns] == [TurnOutcome.OPEN]
    assert record.unread == 3


def test_a_database_laid_out_anew_is_told(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "opencode.db")) as con:
        con.execute("CREATE TABLE session (id)")
        con.execute("CREATE TABLE message (id, session)")
        con.execute("CREATE TABLE part (id, message_id, data)")
    read = read_records([tmp_path])
    assert read.records == () and "not known" in read.errors[0]


def test_a_damaged_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "opencode.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    assert "cannot be read" in read_records([tmp_path]).errors[0]


def test_the_layout_before_1_2_is_told(tmp_path: Path) -> None:
    (tmp_path / "storage" / "session").mkdir(parents=True)
    assert "before 1.2" in read_records([tmp_path]).notes[0]


# --- Claude Code's sub-agents and forks --------------------------------------------------------------------------

SESSION = "63d026a2-88c1-49b1-9688-f2370d19e45f"


def claude(kind: str, uuid: str, content: object, **more: object) -> dict[str, object]:
    role = "assistant" if kind == "assistant" else "user"
    message = {
        "role": role,
        "content": content,
        "model": "m",
        "stop_reason": more.pop("stop", None),
    }
    return {"parentUuid": None, "isSidechain": False, "type": kind, "uuid": uuid,
            "timestamp": "2026-11-29T01:56:35.000Z", "sessionId": SESSION, "version": "2.1.224",
            **more, "message": message}  # fmt: skip


def test_sub_agents_are_records_of_their_own_and_open_ones_are_named(tmp_path: Path) -> None:
    project = tmp_path / "projects" / "-p"
    agents = project / SESSION / "subagents"
    agents.mkdir(parents=True)
    talk = [claude("user", "u1", "go"), claude("assistant", "u2", "done", stop="end_turn")]
    (project / f"{SESSION}.jsonl").write_bytes(lines(*talk))
    for name, finished in (("a1", True), ("a2", False)):
        side = claude("user", f"{name}-1", "sub", isSidechain=True, agentId=name)
        (agents / f"agent-{name}.jsonl").write_bytes(lines(side))
        note = {"toolUseId": "x", **({"finished": True} if finished else {})}
        (agents / f"agent-{name}.meta.json").write_text(json.dumps(note))
    read = {one.record.session_id: one for one in read_records([tmp_path]).records}
    assert sorted(map(str, read)) == [SESSION, "agent-a1", "agent-a2"]
    assert read[SESSION].open_sub_agents == ("agent-a2",)
    assert read["agent-a1"].record.parent_id == SESSION


def test_a_fork_without_a_mark_is_told_by_what_it_shares(tmp_path: Path) -> None:
    talk = [claude("user", "u1", "go"), claude("assistant", "u2", "done", stop="end_turn")]
    (tmp_path / "a.jsonl").write_bytes(lines(*talk))
    copy = [{**line, "sessionId": "other"} for line in talk]
    (tmp_path / "b.jsonl").write_bytes(lines(*copy))
    read = read_records([tmp_path])
    assert len(read.records) == 2 and "one is a fork of the other" in read.notes[0]
