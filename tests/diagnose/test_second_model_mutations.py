# ruff: noqa: E501 - a table reads best with a case a line
"""One row of a recorded home of the second data model altered: the right code appears, and nothing unrelated does."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from t3lens.time import iso, parse_iso
from tests.diagnose.homes import diagnosed, loud
from tests.recordings import RECORDED_V2, needs_recordings_v2

pytestmark = needs_recordings_v2

_RUNS = "orchestration_v2_projection_runs"
_OUTBOX = "orchestration_v2_effect_outbox"
_SECOND = 1_000_000


@dataclass
class Home:
    """A writable copy of a recorded home."""

    path: Path

    @property
    def moment(self) -> int:
        return parse_iso(json.loads((self.path / "expected.json").read_text())["as_of"])

    def sql(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.path / "userdata" / "state.sqlite")) as con, con:
            assert con.execute(statement, values).rowcount != 0

    def run(self, ordinal: int = 1, **changes: object) -> None:
        """Alter a run: its column and its payload."""
        for name, value in changes.items():
            column = name if name in ("status", "completed_at") else None
            key = {"completed_at": "completedAt", "queue_held": "queueHeld"}.get(name, name)
            if column:
                self.sql(f"update {_RUNS} set {column} = ? where ordinal = ?", value, ordinal)
            self.sql(
                f"update {_RUNS} set payload_json = json_set(payload_json, '$.{key}', json(?)) where ordinal = ?",
                json.dumps(value),
                ordinal,
            )

    def queue(self, *, held: bool) -> None:
        """Put a second run behind the first."""
        self.sql(
            f"insert into {_RUNS} select run_id || ':2', thread_id, 2, provider, provider_thread_id, 'queued', "
            "requested_at, null, json_set(json_set(payload_json, '$.status', 'queued'), '$.queueHeld', json(?)), "
            f"provider_instance_id from {_RUNS} where ordinal = 1",
            json.dumps(held),
        )

    def effect(self, status: str, *, kind: str = "terminal.cleanup", ago: int = 600, **more: object) -> None:
        """Put an effect into the outbox, begun some seconds before the moment."""
        since = iso(self.moment - ago * _SECOND)
        lease = iso(self.moment - (ago - 30) * _SECOND) if status == "running" else None
        self.sql(
            f"insert into {_OUTBOX} (effect_id, command_id, thread_id, effect_type, payload_json, status, attempt_count, "
            "available_at, lease_owner, lease_expires_at, created_at, updated_at, last_error) "
            f"select 'effect:{more.get('id', 'x')}', 'cmd-x', thread_id, ?, '{{}}', ?, ?, ?, 'orchestration-v2:1', ?, ?, ?, ? from {_RUNS} limit 1",
            kind, status, more.get("attempts", 1), since, lease, since, since, more.get("error"),
        )  # fmt: skip


Mutation = Callable[[Home], None]
HEALTHY = "0.0.31-20260807/01-normal/1-live"
CODEX = "0.0.31-20260807/03-tools-codex/1-live"
WORKING = "0.0.31-20260807/11-two-threads/1-both-running"


def _home(tmp_path: Path, name: str) -> Home:
    shutil.copytree(RECORDED_V2 / name, tmp_path / "home")
    for path in (tmp_path / "home").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (tmp_path / "home").chmod(0o755)
    return Home(tmp_path / "home")


def _nothing(home: Home) -> None:
    pass


def _background_tool(home: Home) -> None:
    home.sql(
        "insert into orchestration_v2_projection_nodes select node_id || ':tool', thread_id, run_id, node_id, root_node_id, "
        "'tool_call', 'running', provider_thread_id, provider_turn_id, null, null, started_at, null, payload_json "
        "from orchestration_v2_projection_nodes where kind = 'root_turn'"
    )


def _in_background(home: Home) -> None:
    home.sql(
        "update orchestration_v2_projection_provider_threads set payload_json = "
        "json_set(payload_json, '$.pendingBackgroundTasks', json('[{\"id\": \"t\"}]'))"
    )


def _unbound_session(home: Home) -> None:
    home.sql("delete from orchestration_v2_projection_provider_session_bindings")
    home.sql("update orchestration_v2_projection_provider_sessions set status = 'error'")


def _asked(home: Home, capability: str) -> None:
    home.sql(
        "insert into orchestration_v2_projection_runtime_requests (runtime_request_id, thread_id, node_id, kind, status, "
        "created_at, payload_json) select 'request:x', thread_id, 'node:gone', 'user_input', 'pending', requested_at, "
        f"json_object('responseCapability', json_object('type', ?)) from {_RUNS} limit 1",
        capability,
    )


CASES: list[tuple[str, Mutation, int, str, str, set[str]]] = [
    ("nothing", _nothing, 60, "alive", "idle", set()),
    ("nothing-dead", _nothing, 60, "dead", "idle", set()),
    ("checkpoint-soon", lambda h: h.run(status="waiting", completed_at=None), 30, "alive", "working", set()),
    ("checkpoint-late", lambda h: h.run(status="waiting", completed_at=None), 600, "alive", "stuck", {"checkpoint-stalled"}),
    ("background-work", lambda h: (h.run(status="waiting", completed_at=None), _in_background(h)), 600, "alive", "working", set()),
    ("background-work-and-no-checkpoint", lambda h: (h.run(status="waiting", completed_at=None), _in_background(h),
     h.effect("running", kind="checkpoint.capture", ago=600)), 600, "alive", "stuck", {"checkpoint-stalled", "effect-stalled"}),
    ("queue-held", lambda h: h.queue(held=True), 60, "alive", "stuck", {"queue-held"}),
    ("queued-behind-nothing", lambda h: h.queue(held=False), 60, "alive", "stuck", {"queued-behind-stuck-run"}),
    ("effect-hangs-idle", lambda h: h.effect("running"), 0, "alive", "idle", {"effect-stalled"}),
    ("effect-within-lease", lambda h: h.effect("running", ago=20), 0, "alive", "idle", set()),
    ("effects-wait-idle", lambda h: (h.effect("running", kind="provider-session.detach"), h.effect("pending", ago=500, id="y")),
     0, "alive", "idle", {"effect-stalled"}),
    ("checkpoint-at-work", lambda h: (h.run(status="waiting", completed_at=None), h.effect("running", kind="checkpoint.capture", ago=100)),
     0, "alive", "working", set()),
    ("checkpoint-hangs", lambda h: (h.run(status="waiting", completed_at=None), h.effect("running", kind="checkpoint.capture", ago=600)),
     600, "alive", "stuck", {"checkpoint-stalled", "effect-stalled"}),
    ("slow-start", lambda h: (h.run(status="starting", completed_at=None), h.effect("running", kind="provider-turn.start", ago=45)),
     0, "alive", "working", set()),
    ("slow-start-heard", lambda h: (h.run(status="starting", completed_at=None), h.effect("running", kind="provider-turn.start", ago=75)),
     0, "alive", "working", set()),
    ("start-hangs", lambda h: (h.run(status="starting", completed_at=None), h.effect("running", kind="provider-turn.start", ago=5)),
     100, "alive", "stuck", {"effect-stalled"}),
    ("title-failed", lambda h: h.effect("failed", kind="thread-title.generate", ago=0), 0, "alive", "idle", {"effect-failed"}),
    ("asked-by-nobody", lambda h: _asked(h, "live"), 60, "dead", "diverged", {"request-on-dead-session"}),
    ("asked-by-message", lambda h: _asked(h, "message"), 60, "alive", "waiting", {"waiting-for-user"}),
    ("asked-by-message-dead", lambda h: _asked(h, "message"), 60, "dead", "idle", {"waiting-for-user"}),
    ("cancelled-untold", lambda h: (h.run(status="cancelled"), h.sql("delete from orchestration_events")),
     60, "alive", "failed", {"lost-at-restart"}),
    ("cancelled-in-queue", lambda h: (h.run(status="cancelled", startedAt=None), h.sql("delete from orchestration_events")),
     60, "alive", "idle", set()),
    ("title-hangs", lambda h: h.effect("running", kind="thread-title.generate"), 0, "alive", "idle", {"effect-stalled"}),
    ("effect-failed", lambda h: h.effect("failed", ago=0, error="no such folder"), 0, "alive", "idle", {"effect-failed"}),
    ("effect-retried", lambda h: h.effect("pending", ago=1, attempts=3), 0, "alive", "idle", {"effect-retrying"}),
    ("background-tool", _background_tool, 60, "alive", "idle", set()),
    ("session-let-go", _unbound_session, 60, "alive", "idle", set()),
    ("root-node-open", lambda h: h.sql("update orchestration_v2_projection_nodes set status = 'running' where kind = 'root_turn'"),
     60, "alive", "diverged", {"node-open-after-run"}),
    ("attempt-open", lambda h: h.sql("update orchestration_v2_projection_run_attempts set status = 'running'"),
     60, "alive", "diverged", {"node-open-after-run"}),
    ("cursor-behind", lambda h: h.sql("update orchestration_v2_projection_metadata set last_sequence = 3"),
     60, "dead", "diverged", {"projection-gap"}),
    ("cursor-behind-alive", lambda h: h.sql("update orchestration_v2_projection_metadata set last_sequence = 3"),
     60, "alive", "idle", set()),
    ("import-failed", lambda h: h.sql("insert into orchestration_v2_legacy_imports select thread_id, requested_at, requested_at, null, 0, 'disk full' "
                                      f"from {_RUNS}"), 60, "alive", "idle", {"import-failed"}),
    ("status-unknown", lambda h: h.run(status="pondering"), 60, "alive", "unknown", set()),
    ("events-compacted", lambda h: h.sql("delete from orchestration_events where event_type like 'node.%' or event_type like 'message.%'"),
     60, "alive", "idle", set()),
    ("receipts-gone", lambda h: h.sql("delete from orchestration_command_receipts"), 60, "alive", "idle", set()),
    ("running-dead", lambda h: h.run(status="running", completed_at=None), 60, "dead", "stuck", {"orphaned-turn"}),
    ("running-silent", lambda h: h.run(status="running", completed_at=None), 3600, "alive", "stuck", {"silent-turn"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("mutation", "later", "server", "verdict", "codes"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_the_right_code_appears_and_nothing_else(
    mutation: Mutation, later: int, server: str, verdict: str, codes: set[str], tmp_path: Path
) -> None:
    home = _home(tmp_path, HEALTHY)
    mutation(home)
    as_of = iso(home.moment + later * _SECOND)
    diagnosis = diagnosed(home.path, as_of=as_of, server=server)
    (thread,) = diagnosis.threads
    assert thread.verdict == verdict
    assert {finding.code for finding in thread.findings} == codes
    assert diagnosis.homes[0].findings == ()


@pytest.mark.parametrize("base", [HEALTHY, CODEX, "0.0.31-20260807/03-tools/1-live"])
@pytest.mark.parametrize("later", [60, 3600, 86_400])
def test_time_alone_makes_nothing_of_an_idle_thread(base: str, later: int, tmp_path: Path) -> None:
    home = _home(tmp_path, base)
    for server in ("alive", "dead"):
        as_of = iso(home.moment + later * _SECOND)
        (thread,) = diagnosed(home.path, as_of=as_of, server=server).threads
        assert thread.verdict == "idle"
        assert loud(thread) == []


def test_heartbeats_are_no_sign_of_life(tmp_path: Path) -> None:
    home = _home(tmp_path, WORKING)
    logs = sorted((home.path / "userdata" / "logs" / "provider").glob("events.*.log"))
    for later, verdict in ((120, "working"), (1200, "stuck")):
        for log in logs:
            last = log.read_text().splitlines()[-1]
            record = json.loads(last.partition("NTIVE: ")[2])
            record["event"]["payload"]["method"] = "server.heartbeat"
            at = iso(home.moment + (later - 5) * _SECOND)
            with log.open("a") as out:
                out.write(f"[{at}] NTIVE: {json.dumps(record, separators=(',', ':'))}\n")
        as_of = iso(home.moment + later * _SECOND)
        for thread in diagnosed(home.path, as_of=as_of, server="alive").threads:
            assert thread.verdict == verdict
            said = {finding.code for finding in thread.findings}
            assert said == ({"silent-turn"} if verdict == "stuck" else set())


def test_what_a_subagent_does_in_a_thread_of_its_own_is_a_sign_of_life(tmp_path: Path) -> None:
    home = _home(tmp_path, WORKING)
    later = home.moment + 1200 * _SECOND

    def verdicts() -> dict[str, str]:
        return {t.thread_id: t.verdict for t in diagnosed(home.path, as_of=iso(later), server="alive").threads}

    parent, child = sorted(verdicts())
    home.sql(
        "insert into orchestration_events select sequence + 1000, event_id || ':later', aggregate_kind, stream_id, "
        "stream_version + 1000, event_type, ?, command_id, causation_event_id, correlation_id, actor_kind, payload_json, "
        "metadata_json, application_event_version from orchestration_events where stream_id = ? and event_type = "
        "'turn-item.updated' limit 1",
        iso(later - 10 * _SECOND),
        child,
    )
    assert verdicts() == {parent: "stuck", child: "working"}
    home.sql(
        "insert into orchestration_v2_projection_subagents select 'sub:x', thread_id, run_id, 'node:x', provider, null, ?, "
        "'app_owned', 'running', requested_at, null, requested_at, '{}', 'opencode', provider_instance_id "
        f"from {_RUNS} where thread_id = ?",
        child,
        parent,
    )
    assert verdicts() == {parent: "working", child: "working"}
