"""The simulated server acts as measured: late, in one queue, on disk, and with its faults."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from t3lens.sim import HttpFault, SimHome, SimServer
from t3lens.sim.auth import READ, HttpReply
from t3lens.sim.script import Hang, Say, Tool
from t3lens.t3code.v1.rules import STARTUP_RECONCILE_ERROR
from tests.sim.conftest import command, log_lines, message, orphan, query

Serve = Callable[..., SimServer]


class Client:
    """A client of one server."""

    def __init__(self, server: SimServer, token: str | None = None) -> None:
        self.server = server
        self.token = token or server.token

    def get(self, path: str) -> httpx2.Response:
        return self._ask("GET", path)

    def send(self, kind: str, thread: str, **body: Any) -> httpx2.Response:
        return self.post(command(self.server, kind, thread, **body))

    def post(self, body: dict[str, Any]) -> httpx2.Response:
        return self._ask("POST", "/api/orchestration/dispatch", json=body)

    def session(self, thread: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.get(f"/api/orchestration/threads/{thread}").json()["thread"]["session"]
        return shown

    def _ask(self, method: str, path: str, **how: Any) -> httpx2.Response:
        with httpx2.Client(base_url=self.server.origin, timeout=60, trust_env=False) as client:
            return client.request(method, path, headers={"authorization": f"Bearer {self.token}"}, **how)


def status_becomes(server: SimServer, thread: str, status: str) -> bool:
    return server.wait(lambda core: core.thread(thread).state.status == status, 10)


def working_home(home: Path, *, build: str = "0.0.28", provider: str = "opencode") -> tuple[str, str]:
    """A home with a thread at work and an idle one, and a server that is meant to carry on."""
    with SimHome(home, build=build, seed=3) as told:
        idle = told.thread("Fix the typo", provider=provider)
        told.turn(idle, "Fix it.", Say())
        busy = told.thread("Speed up the parser", provider=provider)
        told.send(busy, "Do it.", Say("I begin."), Tool("make all", 600), Hang())
        told.wait_running(busy)
        told.advance(5)
    return busy, idle


@pytest.mark.parametrize("build", ["0.0.23", "0.0.28"])
def test_a_stop_heals_a_session_that_a_restart_orphaned(home: Path, serve: Serve, build: str) -> None:
    thread = orphan(home, build=build)
    server = serve(home)
    assert query(home, "SELECT status FROM projection_thread_sessions") == [("running",)]
    client = Client(server)
    answer = client.send("thread.session.stop", thread)
    assert answer.status_code == 200
    assert status_becomes(server, thread, "stopped")
    assert query(home, "SELECT status, active_turn_id FROM projection_thread_sessions") == [("stopped", None)]
    settled = "interrupted" if build == "0.0.28" else "running"  # 0.0.23 leaves the turn running for ever
    assert query(home, "SELECT state FROM projection_turns ORDER BY row_id")[-1] == (settled,)


def test_200_means_stored_not_done(home: Path, serve: Serve) -> None:
    busy, _ = working_home(home)
    server = serve(home, adopt=True)
    server.block_queue()
    answer = Client(server).send("thread.session.stop", busy)
    assert answer.status_code == 200
    asked = query(
        home,
        "SELECT count(*) FROM orchestration_events WHERE event_type = 'thread.session-stop-requested'",
    )
    assert asked == [(1,)]
    assert Client(server).session(busy)["status"] == "running"
    server.unblock_queue()
    assert status_becomes(server, busy, "stopped")


def test_an_interrupt_first_revives_an_orphaned_opencode_turn_and_leaves_it_stuck(home: Path, serve: Serve) -> None:
    thread = orphan(home)
    server = serve(home)
    Client(server).send("thread.turn.interrupt", thread)
    revived = "SELECT count(*) FROM orchestration_events WHERE event_type = 'thread.session-set' AND command_id LIKE ?"
    before = query(home, revived, "provider:%")[0][0]
    assert server.wait(lambda core: core.thread(thread).provider is not None, 10)
    assert server.wait(lambda core: not core.reactor.busy_with and not core.reactor.waiting, 10)
    assert query(home, revived, "provider:%")[0][0] >= before
    assert Client(server).session(thread)["status"] == "running"
    assert query(home, "SELECT state FROM projection_turns ORDER BY row_id")[-1] == ("running",)


def test_an_interrupt_first_writes_an_orphaned_codex_turn_falsely_completed(home: Path, serve: Serve) -> None:
    thread = orphan(home, provider="codex")
    server = serve(home)
    Client(server).send("thread.turn.interrupt", thread)
    assert status_becomes(server, thread, "ready")
    assert query(home, "SELECT state FROM projection_turns ORDER BY row_id")[-1] == ("completed",)


def test_an_interrupt_of_a_dead_codex_blocks_every_thread(home: Path, serve: Serve) -> None:
    busy, idle = working_home(home, provider="codex")
    server = serve(home, adopt=True)
    with server.lock:
        provider = server.thread(busy).provider
        assert provider is not None
        provider.die()
    client = Client(server)
    assert client.send("thread.turn.interrupt", busy, turnId=client.session(busy)["activeTurnId"]).status_code == 200
    assert client.send("thread.turn.start", idle, **message()).status_code == 200
    assert client.send("thread.session.stop", busy).status_code == 200
    assert server.wait(lambda core: core.reactor.waiting == 2, 10), "both later commands wait behind the first"
    assert client.session(busy)["status"] == "running"
    server.restart(kill=True)
    assert server.core.reactor.waiting == 0, "queued commands are not replayed"
    client.send("thread.session.stop", busy)
    assert status_becomes(server, busy, "stopped")


def test_a_dead_codex_is_stopped_by_a_stop(home: Path, serve: Serve) -> None:
    busy, _ = working_home(home, provider="codex")
    server = serve(home, adopt=True)
    with server.lock:
        provider = server.thread(busy).provider
        assert provider is not None
        provider.die()
    Client(server).send("thread.session.stop", busy)
    assert status_becomes(server, busy, "stopped")


def test_the_august_server_ends_orphans_before_it_answers(home: Path, serve: Serve) -> None:
    thread = orphan(home, build="0.0.33")
    server = serve(home)
    session = Client(server).session(thread)
    assert (session["status"], session["lastError"]) == ("error", STARTUP_RECONCILE_ERROR)
    assert query(home, "SELECT status FROM provider_session_runtime") == [("stopped",)]
    started = json.loads((home / "userdata" / "server-runtime.json").read_text())["startedAt"]
    assert session["updatedAt"] <= started
    actor = query(
        home,
        "SELECT actor_kind, command_id FROM orchestration_events ORDER BY sequence DESC LIMIT 1",
    )[0]
    assert actor[0] == "client"
    assert ":" not in actor[1]
    Client(server).send("thread.turn.start", thread, **message())
    assert status_becomes(server, thread, "ready"), "a new message is enough"


def test_the_same_command_id_is_answered_for_ever_and_done_once(home: Path, serve: Serve) -> None:
    thread = orphan(home)
    server = serve(home)
    client = Client(server)
    stop = command(server, "thread.session.stop", thread)
    first = client.post(stop).json()
    assert status_becomes(server, thread, "stopped")
    server.restart()
    again = Client(server, server.token).post({**stop, "createdAt": "2030-01-01T00:00:00.000Z"})
    assert (again.status_code, again.json()) == (200, first)
    stops = query(
        home,
        "SELECT count(*) FROM orchestration_events WHERE event_type = 'thread.session-stop-requested'",
    )
    assert stops == [(1,)]


def test_a_refused_command_id_stays_refused_and_its_reason_stands_in_the_receipt_alone(home: Path, serve: Serve) -> None:
    thread = orphan(home)
    client = Client(serve(home))
    unarchive = command(client.server, "thread.unarchive", thread)
    assert [client.post(unarchive).status_code for _ in range(2)] == [500, 500]
    assert "not archived" not in client.post(unarchive).text
    refused = "SELECT error FROM orchestration_command_receipts WHERE status = 'rejected'"
    assert query(home, refused) == [(f"Thread '{thread}' is not archived.",)]


def test_an_archived_thread_is_not_found_and_its_stop_does_nothing_until_it_is_unarchived(home: Path, serve: Serve) -> None:
    thread = orphan(home)
    server = serve(home)
    client = Client(server)
    client.send("thread.archive", thread)
    assert client.get(f"/api/orchestration/threads/{thread}").status_code == 404
    assert client.send("thread.session.stop", thread).status_code == 200
    assert server.wait(lambda core: not core.reactor.waiting and not core.reactor.busy_with, 10)
    assert query(home, "SELECT status FROM projection_thread_sessions") == [("running",)]
    client.send("thread.unarchive", thread)
    client.send("thread.session.stop", thread)
    assert status_becomes(server, thread, "stopped")


def test_a_read_token_may_look_and_not_act(home: Path, serve: Serve) -> None:
    thread = orphan(home)
    server = serve(home)
    reader = Client(server, server.auth.issue((READ,)))
    assert reader.get("/api/orchestration/snapshot").status_code == 200
    refused = reader.send("thread.session.stop", thread)
    assert (refused.status_code, refused.json()["requiredScope"]) == (403, "orchestration:operate")
    assert Client(server, "nonsense").get("/api/orchestration/shell").status_code == 401


def test_a_failing_stop_changes_nothing_and_is_lost_or_recorded(home: Path, serve: Serve) -> None:
    busy, _ = working_home(home)
    server = serve(home, adopt=True)
    server.faults.stop_fails[busy] = "The provider process did not end."
    client = Client(server)
    failed = "SELECT count(*) FROM projection_thread_activities WHERE kind = 'provider.session.stop.failed'"
    client.send("thread.session.stop", busy)
    assert server.wait(lambda core: not core.reactor.waiting and not core.reactor.busy_with, 10)
    assert (client.session(busy)["status"], query(home, failed)) == ("running", [(0,)])
    server.faults.records_failed_stop = True
    client.send("thread.session.stop", busy)
    assert server.wait(lambda core: not core.reactor.waiting and not core.reactor.busy_with, 10)
    assert (client.session(busy)["status"], query(home, failed)) == ("running", [(1,)])


def test_an_approval_is_answered_by_the_session_that_asked(home: Path, serve: Serve) -> None:
    with SimHome(home, seed=5) as told:
        thread = told.thread("Remove the old build", provider="codex", runtime_mode="approval-required")
        told.send(thread, "Remove it.", Tool("rm -rf build", approval=True))
        request = told.wait_request(thread)
    server = serve(home, adopt=True)
    Client(server).send("thread.approval.respond", thread, requestId=request, decision="accept")
    assert status_becomes(server, thread, "ready")
    assert query(home, "SELECT status, decision FROM projection_pending_approvals") == [("resolved", "accept")]
    assert query(home, "SELECT pending_approval_count FROM projection_threads") == [(0,)]


def test_an_answer_after_a_restart_is_stale_and_the_session_stays_stuck(home: Path, serve: Serve) -> None:
    with SimHome(home, seed=5) as told:
        thread = told.thread("Remove the old build", runtime_mode="approval-required")
        told.send(thread, "Remove it.", Tool("rm -rf build", approval=True))
        request = told.wait_request(thread)
        told.kill_server()
    server = serve(home)
    Client(server).send("thread.approval.respond", thread, requestId=request, decision="accept")
    stale = "SELECT count(*) FROM projection_thread_activities WHERE kind = 'provider.approval.respond.failed'"
    assert server.wait(lambda core: bool(query(home, stale)[0][0]), 10)
    assert query(home, "SELECT status FROM projection_pending_approvals") == [("resolved",)]
    assert Client(server).session(thread)["status"] == "running"


@pytest.mark.parametrize("build", ["0.0.23", "0.0.28", "0.0.33"])
def test_an_answer_to_a_stopped_session_closes_the_row_and_starts_nothing(build: str, home: Path, serve: Serve) -> None:
    with SimHome(home, seed=5, build=build) as told:
        thread = told.thread("Remove the old build", runtime_mode="approval-required")
        told.send(thread, "Remove it.", Tool("rm -rf build", approval=True))
        request = told.wait_request(thread)
        told.stop(thread)
        told.wait_idle(thread)
    server = serve(home, build=build)
    assert query(home, "SELECT status FROM projection_pending_approvals") == [("pending",)]
    Client(server).send("thread.approval.respond", thread, requestId=request, decision="decline")
    why = (
        "SELECT payload_json ->> 'detail' FROM projection_thread_activities WHERE kind = 'provider.approval.respond.failed'"
    )
    assert server.wait(lambda core: bool(query(home, why)), 10)
    assert query(home, why) == [("No active provider session is bound to this thread.",)]
    assert query(home, "SELECT status, decision FROM projection_pending_approvals") == [("resolved", "decline")]
    assert query(home, "SELECT status FROM projection_thread_sessions") == [("stopped",)]
    assert server.thread(thread).provider is None


def test_an_answer_to_a_session_in_error_resumes_its_provider_as_it_was_recorded(home: Path, serve: Serve) -> None:
    with SimHome(home, seed=5, build="0.0.33") as told:
        thread = told.thread("Remove the old build", runtime_mode="approval-required")
        told.send(thread, "Remove it.", Tool("rm -rf build", approval=True))
        request = told.wait_request(thread)
        told.kill_server()
    server = serve(home, build="0.0.33")
    assert Client(server).session(thread)["status"] == "error"
    Client(server).send("thread.approval.respond", thread, requestId=request, decision="accept")
    assert status_becomes(server, thread, "ready")
    assert query(home, "SELECT status FROM projection_pending_approvals") == [("resolved",)]
    assert query(home, "SELECT status FROM provider_session_runtime") == [("running",)]


def test_a_lost_answer_was_done_and_a_lost_request_was_not(home: Path, serve: Serve) -> None:
    thread = orphan(home)
    server = serve(home)
    server.http_faults = [HttpFault(path="/api/orchestration/dispatch", drop="before", times=1)]
    stop = command(server, "thread.session.stop", thread)
    asked = "SELECT count(*) FROM orchestration_events WHERE event_type = 'thread.session-stop-requested'"
    with pytest.raises(httpx2.TransportError):
        Client(server).post(stop)
    assert query(home, asked) == [(0,)]
    server.http_faults = [HttpFault(path="/api/orchestration/dispatch", drop="after", times=1)]
    with pytest.raises(httpx2.TransportError):
        Client(server).post(stop)
    assert query(home, asked) == [(1,)]
    assert Client(server).post(stop).status_code == 200
    assert query(home, asked) == [(1,)], "the same id on a retry does it once"


def test_a_fault_can_answer_in_the_servers_place(home: Path, serve: Serve) -> None:
    orphan(home)
    server = serve(home)
    server.http_faults = [HttpFault(path="/api/orchestration/snapshot", answer=HttpReply(500), times=1)]
    client = Client(server)
    assert [client.get("/api/orchestration/snapshot").status_code for _ in range(2)] == [500, 200]


def test_a_killed_server_leaves_its_runtime_file_and_its_wal(home: Path, serve: Serve) -> None:
    thread = orphan(home)
    server = serve(home)
    Client(server).send("thread.session.stop", thread)
    assert status_becomes(server, thread, "stopped")
    server.kill()
    assert (home / "userdata" / "server-runtime.json").exists()
    assert (home / "userdata" / "state.sqlite-wal").stat().st_size > 0
    assert query(home, "SELECT status FROM projection_thread_sessions") == [("stopped",)]


def test_a_clean_shutdown_in_a_turn_logs_an_abort_that_nobody_ingests(home: Path, serve: Serve) -> None:
    busy, _ = working_home(home)
    server = serve(home, adopt=True)
    turn = Client(server).session(busy)["activeTurnId"]
    server.stop()
    assert not (home / "userdata" / "server-runtime.json").exists()
    ended = [json.loads(line.split(": ", 1)[1]) for line in log_lines(home, "CANON") if '"turn.completed"' in line]
    (event,) = [event for event in ended if event["turnId"] == turn]
    assert event["payload"] == {"state": "failed", "errorMessage": "Aborted"}
    stored = "SELECT count(*) FROM orchestration_events WHERE command_id LIKE ?"
    assert query(home, stored, f"provider:{event['eventId']}:%") == [(0,)]
    running = "SELECT status FROM projection_thread_sessions WHERE thread_id = ?"
    assert query(home, running, busy) == [("running",)]


def test_a_turn_runs_to_its_end_on_disk(home: Path, serve: Serve) -> None:
    _, idle = working_home(home)
    server = serve(home, adopt=True)
    server.will_do(idle, Say("A few words."), Tool("make check", 0.5))
    before = len(log_lines(home))
    Client(server).send("thread.turn.start", idle, **message())
    assert server.wait(lambda core: core.thread(idle).state.active_turn_id is not None, 10)
    assert status_becomes(server, idle, "ready")
    server.stop()
    assert len(log_lines(home)) > before + 10
    turns = query(home, "SELECT state FROM projection_turns WHERE thread_id = ? ORDER BY row_id", idle)
    assert turns == [("completed",), ("completed",)]


def test_a_provider_that_hung_comes_back_and_ends_its_turn(home: Path, serve: Serve) -> None:
    busy, _ = working_home(home)
    server = serve(home, adopt=True)
    assert Client(server).session(busy)["status"] == "running"
    server.work_on(busy, Say("Here I am again."))
    assert status_becomes(server, busy, "ready")
    assert query(home, "SELECT state FROM projection_turns ORDER BY row_id")[-1] == ("completed",)
