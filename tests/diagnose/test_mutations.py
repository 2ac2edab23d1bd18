"""One thing removed or altered in a healthy home: the right code appears, names the event, and nothing unrelated does."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from t3lens.time import iso, parse_iso
from tests.diagnose.homes import diagnosed, loud
from tests.recordings import RECORDED, needs_recordings

pytestmark = needs_recordings

HEALTHY = [
    "0.0.28/01-normal/1-live",
    "0.0.28/01-normal-codex/1-live",
    "0.0.28/02-multi-turn/1-live",
    "0.0.28/03-tools/1-live",
    "0.0.28/03-tools-codex/1-live",
    "0.0.33/01-normal/1-live",
    "0.0.33/01-normal-codex/1-live",
    "0.0.33/03-tools/1-live",
]

A_MINUTE = 60_000_000
"""After the recording: beyond every threshold but those of silence."""


@dataclass
class Home:
    """A writable copy of a healthy recording, and what its last turn is called."""

    path: Path

    @property
    def later(self) -> str:
        return iso(parse_iso(json.loads((self.path / "expected.json").read_text())["as_of"]) + A_MINUTE)

    @property
    def log(self) -> Path:
        return next((self.path / "userdata" / "logs" / "provider").glob("*.log"))

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with (
            closing(sqlite3.connect(self.path / "userdata" / "state.sqlite")) as database,
            database,
        ):
            return database.execute(statement, values).fetchall()

    def lines(self) -> list[bytes]:
        return self.log.read_bytes().splitlines(keepends=True)

    def write(self, lines: list[bytes]) -> None:
        self.log.write_bytes(b"".join(lines))

    def canonical(self, kind: str) -> dict[str, str]:
        """The last canonical event of a type."""
        found = [json.loads(line.partition(b" CANON: ")[2]) for line in self.lines() if b" CANON: " in line]
        return [event for event in found if event["type"] == kind][-1]

    def drop_line(self, event_id: str) -> None:
        self.write([line for line in self.lines() if f'"eventId":"{event_id}"'.encode() not in line])

    def forget_ingestion(self, event_id: str, turn_id: str) -> None:
        """As if ingestion had never met the event, nor anything after it."""
        like = f"provider:{event_id}:%"
        (first,) = self.sql("select min(sequence) from orchestration_events where command_id like ?", like)[0]
        self.sql(
            "delete from orchestration_command_receipts where command_id in "
            "(select command_id from orchestration_events where sequence >= ?)",
            first,
        )
        self.sql("delete from orchestration_events where sequence >= ?", first)
        self.sql("update projection_state set last_applied_sequence = ?", first - 1)
        self.sql("update projection_thread_sessions set status = 'running', active_turn_id = ?", turn_id)
        self.sql(
            "update projection_turns set state = 'running', completed_at = null, checkpoint_turn_count = null, "
            "checkpoint_ref = null, checkpoint_status = null where turn_id = ?",
            turn_id,
        )


Mutation = Callable[[Home], tuple[set[str], str | None]]
"""Alters a home; returns the codes of medium and up that are right, and the event one of them must name."""


def nothing(home: Home) -> tuple[set[str], str | None]:
    return set(), None


def terminal_line_lost(home: Home) -> tuple[set[str], str | None]:
    home.drop_line(home.canonical("turn.completed")["eventId"])
    return set(), None


def terminal_not_ingested(home: Home) -> tuple[set[str], str | None]:
    event = home.canonical("turn.completed")
    home.forget_ingestion(event["eventId"], event["turnId"])
    return {"terminal-not-ingested", "session-differs"}, event["eventId"]


def terminal_not_understood(home: Home) -> tuple[set[str], str | None]:
    event = home.canonical("turn.completed")
    home.forget_ingestion(event["eventId"], event["turnId"])
    home.drop_line(event["eventId"])
    return {"native-terminal-lost"}, None


def session_row_flipped(home: Home) -> tuple[set[str], str | None]:
    event = home.canonical("turn.completed")
    home.sql(
        "update projection_thread_sessions set status = 'running', active_turn_id = ?",
        event["turnId"],
    )
    (last,) = home.sql(
        "select event_id from orchestration_events where event_type = 'thread.session-set' order by sequence desc limit 1"
    )[0]
    return {"projection-differs", "terminal-turn-live-session"}, str(last)


def turn_row_flipped(home: Home) -> tuple[set[str], str | None]:
    event = home.canonical("turn.completed")
    home.sql("update projection_turns set state = 'interrupted' where turn_id = ?", event["turnId"])
    return {"projection-differs", "turn-outcome-differs"}, event["eventId"]


def log_head_cut(home: Home) -> tuple[set[str], str | None]:
    lines = home.lines()
    home.write(lines[len(lines) // 2 :])
    return set(), None


def log_tail_cut(home: Home) -> tuple[set[str], str | None]:
    lines = home.lines()
    home.write(lines[: len(lines) // 2])
    return set(), None


def writers_reordered(home: Home) -> tuple[set[str], str | None]:
    """Two writers of one file: each canonical line before the native lines of its moment."""
    lines = home.lines()
    for i in range(len(lines) - 1):
        if b" NTIVE: " in lines[i] and b" CANON: " in lines[i + 1]:
            lines[i], lines[i + 1] = lines[i + 1], lines[i]
    home.write(lines)
    return set(), None


def binding_stopped(home: Home) -> tuple[set[str], str | None]:
    home.sql("update provider_session_runtime set status = 'stopped'")
    return set(), None


def badge_wrong(home: Home) -> tuple[set[str], str | None]:
    home.sql("update projection_threads set pending_approval_count = 2")
    return {"request-count-mismatch"}, None


def projector_behind(home: Home) -> tuple[set[str], str | None]:
    home.sql("update projection_state set last_applied_sequence = 3 where projector = 'projection.thread-turns'")
    (event,) = home.sql(
        "select event_id from orchestration_events where aggregate_kind = 'thread' and sequence > 3 "
        "order by sequence limit 1"
    )[0]
    return {"projection-gap"}, str(event)


MUTATIONS = [
    nothing,
    terminal_line_lost,
    terminal_not_ingested,
    terminal_not_understood,
    session_row_flipped,
    turn_row_flipped,
    log_head_cut,
    log_tail_cut,
    writers_reordered,
    binding_stopped,
    badge_wrong,
]


def _copy(name: str, to: Path) -> Home:
    shutil.copytree(RECORDED / name, to, copy_function=shutil.copyfile)
    for path in [to, *to.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return Home(to)


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
@pytest.mark.parametrize("name", HEALTHY)
def test_the_right_code_appears_and_nothing_unrelated(name: str, mutate: Mutation, tmp_path: Path) -> None:
    home = _copy(name, tmp_path / "home")
    right, event_id = mutate(home)
    diagnosis = diagnosed(home.path, as_of=home.later, server="alive")
    (thread,) = diagnosis.threads
    found = set(loud(thread))
    assert found == right
    if event_id is not None:
        named = {piece.event_id for finding in thread.findings for piece in finding.evidence}
        assert event_id in named


@pytest.mark.parametrize("name", HEALTHY[:2])
def test_a_projector_behind_a_dead_server_names_the_first_event_it_missed(name: str, tmp_path: Path) -> None:
    home = _copy(name, tmp_path / "home")
    right, event_id = projector_behind(home)
    (thread,) = diagnosed(home.path, as_of=home.later, server="dead").threads
    assert set(loud(thread)) == right
    assert thread.findings[0].since_event_id == event_id


@pytest.mark.parametrize("name", ["0.0.28/19-long-silent-tool/1-in-tool-40s", "0.0.33/22-long-stream/1-streaming-30s"])
def test_a_restart_under_a_running_turn_orphans_it(name: str, tmp_path: Path) -> None:
    home = _copy(name, tmp_path / "home")
    moment = json.loads((home.path / "expected.json").read_text())["as_of"]
    runtime = home.path / "userdata" / "server-runtime.json"
    alone = diagnosed(home.path, as_of=moment, server="alive").threads[0]
    assert (alone.verdict, loud(alone)) == ("working", [])
    runtime.write_text(re.sub(r'"startedAt":"[^"]*"', f'"startedAt":"{moment}"', runtime.read_text()))
    thread = diagnosed(home.path, as_of=moment, server="alive").threads[0]
    assert (thread.verdict, loud(thread)) == ("stuck", ["orphaned-turn"])
