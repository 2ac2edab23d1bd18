"""Where a stored outcome is untrue, and where it is only said otherwise; what a swapped session is and is not."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from t3lens.diagnose import ThreadDiagnosis
from t3lens.sim.home import SimHome
from t3lens.sim.script import Say
from t3lens.sim.tamper import drop_log_lines
from t3lens.time import iso, parse_iso
from tests.diagnose.homes import by_id, diagnosed, loud
from tests.recordings import RECORDED, needs_recordings


class _Copy:
    """A writable copy of a recording of one thread."""

    def __init__(self, name: str, to: Path) -> None:
        shutil.copytree(RECORDED / name, to, copy_function=shutil.copyfile)
        for path in [to, *to.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        self.path = to
        self.expected: dict[str, Any] = json.loads((to / "expected.json").read_text())
        (self.thread,) = self.expected["threads"]
        logs = to / "userdata" / "logs" / "provider"
        logs.mkdir(parents=True, exist_ok=True)
        self.log = next(logs.glob("*.log"), logs / f"events.{self.thread}.log")

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with (
            closing(sqlite3.connect(self.path / "userdata" / "state.sqlite")) as database,
            database,
        ):
            return database.execute(statement, values).fetchall()

    def said(self, after_s: float = 0, **how: Any) -> ThreadDiagnosis:
        moment = parse_iso(self.expected["as_of"]) + int(after_s * 1e6)
        how = {"as_of": iso(moment), "server": self.expected["server"]} | how
        return by_id(diagnosed(self.path, **how))[self.thread]


def _codes(thread: ThreadDiagnosis) -> set[str]:
    return {finding.code for finding in thread.findings}


@needs_recordings
@pytest.mark.parametrize("name", ["0.0.28/06-stop/1-after-stop", "0.0.33/05-interrupt/1-after-interrupt"])
@pytest.mark.parametrize(("state", "told"), [("error", True), ("interrupted", True), ("completed", False)])
def test_an_interrupt_that_the_provider_calls_a_failure_may_be_stored_as_either(
    name: str, state: str, told: bool, tmp_path: Path
) -> None:
    home = _Copy(name, tmp_path / "home")
    home.sql("UPDATE projection_turns SET state = ? WHERE turn_id IS NOT NULL", state)
    assert ("turn-outcome-differs" not in _codes(home.said())) is told


@needs_recordings
def test_a_failure_nobody_asked_for_stored_as_interrupted_is_untrue(tmp_path: Path) -> None:
    home = _Copy("0.0.28/04a-err402/1-after-error", tmp_path / "home")
    home.sql("UPDATE projection_turns SET state = 'interrupted' WHERE turn_id IS NOT NULL")
    assert "turn-outcome-differs" in _codes(home.said())


@needs_recordings
@pytest.mark.parametrize("checkpoint", [True, False])
def test_on_builds_before_0_0_28_an_outcome_is_final_with_its_checkpoint(checkpoint: bool, tmp_path: Path) -> None:
    """The end of a message writes `completed` there, and the checkpoint what counts, a moment later."""
    home = _Copy("0.0.23/04a-err402/1-after-error", tmp_path / "home")
    home.sql("UPDATE projection_turns SET state = 'completed' WHERE turn_id IS NOT NULL")
    if not checkpoint:
        home.sql("UPDATE projection_turns SET checkpoint_status = NULL")
    else:
        home.sql("UPDATE projection_turns SET checkpoint_status = 'ready'")
    assert ("turn-outcome-differs" in _codes(home.said())) is checkpoint
    assert "turn-outcome-differs" in _codes(home.said(after_s=30))


@needs_recordings
@pytest.mark.parametrize(("lost", "told"), [("session.started", True), ("turn.completed", False)])
def test_an_end_can_only_be_among_lost_lines_that_ended_something(lost: str, told: bool, tmp_path: Path) -> None:
    """A kill takes the log's last moment: what the database has of those lines tells whether the end is among them."""
    home = _Copy("0.0.28/01-normal-codex/1-live", tmp_path / "home")
    lines = home.log.read_bytes().splitlines(keepends=True)
    canonical = [json.loads(line.partition(b" CANON: ")[2]) for line in lines if b" CANON: " in line]
    (end,) = [event for event in canonical if event["type"] == "turn.completed"]
    (begin,) = [event for event in canonical if event["type"] == "turn.started"]
    home.log.write_bytes(b"".join(line for line in lines if end["eventId"].encode() not in line))
    if lost == "session.started":  # the end was never said; another event's line is what is lost
        home.sql(
            "UPDATE orchestration_events SET command_id = replace(command_id, ?, 'a-lost-event'), payload_json = "
            "json_set(payload_json, '$.session.status', 'running', '$.session.activeTurnId', ?) "
            "WHERE command_id LIKE ? AND event_type = 'thread.session-set'",
            end["eventId"],
            begin["turnId"],
            f"provider:{end['eventId']}:%",
        )
        home.sql(
            "DELETE FROM orchestration_events WHERE command_id LIKE ?",
            f"provider:{end['eventId']}:%",
        )
    assert ("turn-outcome-differs" in _codes(home.said(after_s=60))) is told


@needs_recordings
@pytest.mark.parametrize(("after_s", "verdict"), [(60, "working"), (130, "stuck")])
def test_a_session_that_is_ready_and_stays_starting_is_stuck_when_its_start_is_overdue(
    after_s: float, verdict: str, tmp_path: Path
) -> None:
    home = _Copy("0.0.33/01-normal-codex/1-live", tmp_path / "home")
    _cut_before_the_turn(home)
    said = home.said(after_s=after_s - 8)
    assert said.case.session is not None
    assert said.case.session.status == "starting"
    assert said.verdict == verdict
    assert sorted(loud(said)) == ([] if verdict == "working" else ["pending-turn-abandoned", "session-differs"])


@needs_recordings
@pytest.mark.parametrize("logged", [True, False])
@pytest.mark.parametrize(
    ("after_s", "silence_s", "told"),
    [
        (115, 600, set()),
        (125, 600, {"pending-turn-abandoned"}),
        (601, 600, {"pending-turn-abandoned", "silent-turn"}),
        (60, 30, set()),
    ],
)
def test_a_session_that_never_gets_past_starting_is_a_message_that_waits_and_then_silence_too(
    after_s: float, silence_s: float, told: set[str], logged: bool, tmp_path: Path
) -> None:
    home = _Copy("0.0.33/24-kill9-pending-start-codex/1-after-kill9", tmp_path / "home")
    event = {
        "eventId": "e", "threadId": home.thread if logged else "another", "provider": "codex",
        "createdAt": home.expected["as_of"], "type": "session.configured", "payload": {},
    }  # fmt: skip
    home.log.write_text(f"[{home.expected['as_of']}] CANON: {json.dumps(event)}\n")
    alone = home.said(server="alive")
    assert alone.case.session is not None
    assert (alone.case.session.status, alone.verdict) == ("starting", "working")
    last = alone.case.facts.last_log
    heard = max(alone.case.session.updated_at, last.at if last else 0)
    how = {"as_of": iso(heard + int(after_s * 1e6)), "thresholds": {"silence": silence_s}}
    said = home.said(server="alive", **how)
    assert (said.verdict, set(loud(said))) == ("stuck" if told else "working", told)


def _cut_before_the_turn(home: _Copy) -> None:
    """As if the provider had got ready and the turn had never begun."""
    lines = home.log.read_bytes().splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if b'"type":"turn.started"' in line)
    event_id = json.loads(lines[at].partition(b" CANON: ")[2])["eventId"]
    home.log.write_bytes(b"".join(line for line in lines[:at] if b"turn/started" not in line))
    ((first,),) = home.sql(
        "SELECT min(sequence) FROM orchestration_events WHERE command_id LIKE ?", f"provider:{event_id}:%"
    )
    home.sql("DELETE FROM orchestration_events WHERE sequence >= ?", first)
    home.sql("UPDATE projection_state SET last_applied_sequence = ?", first - 1)
    ((asked,),) = home.sql("SELECT payload_json FROM orchestration_events WHERE event_type = 'thread.turn-start-requested'")
    ((last,),) = home.sql(
        "SELECT payload_json FROM orchestration_events WHERE event_type = 'thread.session-set' "
        "ORDER BY sequence DESC LIMIT 1"
    )
    session, start = json.loads(last)["session"], json.loads(asked)
    home.sql(
        "UPDATE projection_thread_sessions SET status = ?, active_turn_id = ?, updated_at = ?",
        session["status"],
        session["activeTurnId"],
        session["updatedAt"],
    )
    home.sql(
        "UPDATE projection_turns SET turn_id = NULL, state = 'pending', pending_message_id = ?, started_at = NULL, "
        "completed_at = NULL, assistant_message_id = NULL, checkpoint_turn_count = NULL, checkpoint_ref = NULL, "
        "checkpoint_status = NULL",
        start["messageId"],
    )


@needs_recordings
@pytest.mark.parametrize(("rules", "told"), [(None, False), ("shipped-0.0.29", True)])
def test_rows_of_the_neighbouring_build_are_in_order_unless_the_build_was_told(
    rules: str | None, told: bool, tmp_path: Path
) -> None:
    """A stop deletes the pending start from July on only: a row that is still there tells the build before."""
    home = _Copy("0.0.28/06-stop-codex/1-after-stop", tmp_path / "home")
    home.sql(
        "INSERT INTO orchestration_events (event_id, aggregate_kind, stream_id, stream_version, event_type, occurred_at, "
        "command_id, actor_kind, payload_json, metadata_json) SELECT 'a', aggregate_kind, stream_id, 900, "
        "'thread.turn-start-requested', occurred_at, 'b', actor_kind, json_set(payload_json, '$.messageId', 'm'), '{}' "
        "FROM orchestration_events WHERE event_type = 'thread.session-stop-requested'"
    )
    home.sql(
        "INSERT INTO orchestration_events (event_id, aggregate_kind, stream_id, stream_version, event_type, occurred_at, "
        "command_id, actor_kind, payload_json, metadata_json) SELECT 'c', aggregate_kind, stream_id, 901, event_type, "
        "occurred_at, 'server:provider-session-set:d', actor_kind, payload_json, '{}' FROM orchestration_events "
        "WHERE event_type = 'thread.session-set' ORDER BY sequence DESC LIMIT 1"
    )
    home.sql(
        "INSERT INTO projection_turns (thread_id, pending_message_id, state, requested_at, checkpoint_files_json) "
        "SELECT thread_id, 'm', 'pending', requested_at, '[]' FROM projection_turns LIMIT 1"
    )
    home.sql("UPDATE projection_state SET last_applied_sequence = (SELECT max(sequence) FROM orchestration_events)")
    assert ("projection-differs" in _codes(home.said(rules=rules))) is told


def test_a_restart_names_the_message_that_has_no_answer(tmp_path: Path) -> None:
    """Not that of the turn before, which has one."""
    home = SimHome(tmp_path / "home", build="0.0.33")
    thread = home.thread("Speed up the parser", provider="codex")
    home.turn(thread, "Go.", Say())
    home.stop(thread)
    home.advance(5)
    home.send(thread, "And on.", Say())
    home.advance(0.2)
    home.kill_server()
    home.advance(5)
    home.start_server()
    home.advance(10)
    home.close()
    said = by_id(diagnosed(home.path, as_of=iso(home.now), server="alive"))[thread]
    (finding,) = [f for f in said.findings if f.code == "lost-at-restart"]
    asked = [e for e in said.case.facts.stored if e.type == "thread.turn-start-requested"]
    assert any(str(asked[-1].text("messageId")) in piece.excerpt for piece in finding.evidence)
    assert (said.verdict, finding.turn_id) == ("failed", None)


@pytest.mark.parametrize("excuse", ["none", "nothing was said", "another provider", "went back"])
def test_another_session_of_the_provider_is_a_swap_only_where_something_is_forgotten(excuse: str, tmp_path: Path) -> None:
    home = SimHome(tmp_path / "home", build="0.0.28")
    thread = home.thread("Speed up the parser", provider="codex")
    home.turn(thread, "Go.", Say())
    home.stop(thread)
    home.advance(5)
    home.forget_conversation(thread)
    home.turn(thread, "Again.", Say())
    home.advance(30)
    home.close()
    database = home.userdata / "state.sqlite"
    (log,) = (home.userdata / "logs" / "provider").glob("*.log")
    if excuse == "nothing was said":
        first = [True]

        def begun(line: bytes) -> bool:
            return b'"type":"turn.started"' in line and bool(first and first.pop())

        assert drop_log_lines(home.path, thread, begun) == 1
    elif excuse == "another provider":
        lines = log.read_bytes().splitlines(keepends=True)
        until = max(i for i, line in enumerate(lines) if b'"type":"thread.started"' in line)
        log.write_bytes(b"".join(x.replace(b'"codex"', b'"cursor"') for x in lines[:until]) + b"".join(lines[until:]))
    elif excuse == "went back":
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute(
                "UPDATE orchestration_events SET event_type = 'thread.reverted' WHERE sequence = "
                "(SELECT max(sequence) FROM orchestration_events WHERE event_type = 'thread.activity-appended')"
            )
    said = by_id(diagnosed(home.path, as_of=iso(home.now), server="alive"))[thread]
    assert ("provider-session-swapped" in _codes(said)) is (excuse == "none")
