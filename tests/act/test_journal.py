"""The journal survives crashes, is seen by everyone, and says what is known and no more."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from t3lens.act import Journal, JournalError, Token
from t3lens.act.journal import default_journal_path
from t3lens.time import parse_iso

AT = parse_iso("2026-11-22T12:00:00Z")
INTENT = {
    "kind": "stop",
    "why": "it hangs",
    "target": {"home_id": "h", "thread_id": "t", "title": "T", "turn_id": "u"},
    "plan": {"plan_id": "p"},
    "before": {"session": {"status": "running"}},
}
OUTCOME = {"outcome": "applied", "changed": True, "detail": "done", "after": {"session": None}}


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "deep" / "actions.jsonl")


def test_an_action_is_put_together_from_its_entries(journal: Journal) -> None:
    journal.append("a", "intent", INTENT, at=AT)
    journal.append("a", "step", {"command": "thread.session.stop", "ended": None}, at=AT + 1)
    journal.append("a", "outcome", OUTCOME, at=AT + 2_000_000)
    (record,) = journal.records()
    assert (record.kind, record.thread_id, record.turn_id) == ("stop", "t", "u")
    assert (record.outcome, record.changed, record.why) == ("applied", True, "it hangs")
    assert record.finished_at == AT + 2_000_000
    assert record.before == {"session": {"status": "running"}}
    assert "@" in record.who
    assert len(record.steps) == 1


def test_an_action_without_an_outcome_was_cut_off(journal: Journal) -> None:
    journal.append("a", "intent", INTENT, at=AT)
    (record,) = journal.records()
    assert (record.outcome, record.changed, record.finished_at) == ("cut off", None, None)


def test_a_torn_line_costs_only_itself(journal: Journal) -> None:
    journal.append("a", "intent", INTENT, at=AT)
    with journal.path.open("ab") as file:
        file.write(b'{"action_id":"b","entry":"int')
    journal.append("c", "intent", INTENT, at=AT)
    assert [record.action_id for record in journal.records()] == ["a", "c"]
    assert journal.path.read_bytes().endswith(b"\n")


@pytest.mark.parametrize("junk", [b"null\n", b"[]\n", b"\x00\x00\n", b"[" * 5000 + b"\n", b"\n\n"])
def test_junk_between_entries_is_passed_over(journal: Journal, junk: bytes) -> None:
    journal.append("a", "intent", INTENT, at=AT)
    with journal.path.open("ab") as file:
        file.write(junk)
    journal.append("b", "intent", INTENT, at=AT)
    assert [record.action_id for record in journal.records()] == ["a", "b"]


def test_many_writers_lose_nothing(journal: Journal) -> None:
    def write(number: int) -> None:
        Journal(journal.path).append(f"a{number}", "intent", INTENT, at=AT + number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(64)))
    assert len(journal.records()) == 64
    assert len(journal.path.read_bytes().splitlines()) == 64


def test_an_entry_is_on_the_disk_before_the_caller_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "actions.jsonl"
    code = (
        "import os, signal, sys\n"
        "from t3lens.act import Journal\n"
        "Journal(sys.argv[1]).append('a', 'intent', {'kind': 'stop'}, at=1)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert Journal(path).records()[0].action_id == "a"


def test_a_journal_that_cannot_be_written_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="T3LENS_JOURNAL"):
        Journal(tmp_path / "file" / "actions.jsonl").append("a", "intent", INTENT, at=AT)


def test_no_token_of_this_process_gets_into_it(journal: Journal) -> None:
    token = Token("a-token-that-slipped-into-a-message")
    journal.append("a", "outcome", {"detail": f"said {token.reveal()}"}, at=AT)
    assert token.reveal() not in journal.path.read_text()
    assert "***" in journal.path.read_text()


def test_it_is_private_to_its_owner(journal: Journal) -> None:
    journal.append("a", "intent", INTENT, at=AT)
    assert journal.path.stat().st_mode & 0o077 == 0


def test_it_reads_as_a_table_newest_first(journal: Journal) -> None:
    assert list(journal.frame().columns)[:4] == ["started_at", "kind", "outcome", "changed"]
    assert len(journal.frame()) == 0
    journal.append("a", "intent", INTENT, at=AT)
    journal.append("b", "intent", INTENT, at=AT + 1)
    frame = journal.frame()
    assert list(frame["action_id"]) == ["b", "a"]
    assert str(frame["started_at"].iloc[0].tz) in ("UTC", "utc")


def test_the_place_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("T3LENS_JOURNAL", str(tmp_path / "here"))
    assert Journal().path == default_journal_path() == tmp_path / "here"
    monkeypatch.delenv("T3LENS_JOURNAL")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    if os.name == "posix" and sys.platform != "darwin":
        assert default_journal_path() == tmp_path / "data" / "t3lens" / "actions.jsonl"


def test_a_thread_left_out_of_the_archive_is_known(journal: Journal) -> None:
    def step(action: str, command: str, ended: str | None) -> None:
        data = {"thread_id": "t", "command": command, "ended": ended}
        journal.append(action, "step", data, at=AT)

    assert journal.left_unarchived("t") is None
    step("a", "thread.unarchive", None)
    assert journal.left_unarchived("t") == "a"
    step("a", "thread.unarchive", "accepted")
    step("a", "thread.archive", "rejected")
    assert journal.left_unarchived("t") == "a"
    assert journal.left_unarchived("another") is None
    step("b", "thread.archive", "accepted")
    assert journal.left_unarchived("t") is None
    step("c", "thread.unarchive", None)
    step("c", "thread.unarchive", "rejected")
    assert journal.left_unarchived("t") is None


def test_every_line_is_json_of_a_stable_shape(journal: Journal) -> None:
    journal.append("a", "intent", INTENT, at=AT)
    line = json.loads(journal.path.read_text())
    assert set(line) == {"action_id", "entry", "at", "who", "data", "journal_version"}
    assert line["at"] == "2026-11-22T12:00:00.000Z"
