"""Carrying plans out beyond the fault matrix: archives, restarts, dry runs, confirmation, many threads."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from t3lens.act import (
    Actor,
    Decision,
    Interrupted,
    Journal,
    Outcome,
    Plan,
    Progress,
    Result,
    Timing,
    connect,
    make_plan,
    run_bulk,
)
from t3lens.act.errors import ActionsOff
from t3lens.act.journal import JournalError
from t3lens.act.observe import newest_marks, observe
from t3lens.act.target import Scope
from t3lens.domain.finding import Confidence, Severity
from t3lens.errors import UsageError
from t3lens.sim import HttpFault, SimHome, SimServer
from t3lens.sim.script import Hang, Say
from tests.act.bench import QUICK, Bench, belief, finding, target_in

DISPATCH = "/api/orchestration/dispatch"
SHORT = Timing(poll=0.4, interval=0.02, restart=10)


def stuck_home(folder: Path, *titles: str, build: str = "0.0.28") -> list[str]:
    """A home whose server was killed while every thread had a turn running."""
    with SimHome(folder / "home", build=build) as home:
        home.project()
        threads = []
        for title in titles:
            thread = home.thread(title)
            home.turn(thread, "first", Say())
            home.send(thread, "second", Say("one two three", pace=0.2), Hang())
            home.wait_running(thread)
            threads.append(thread)
        home.advance(3)
        home.kill_server()
    return threads


def over(server: SimServer, thread_id: str, folder: Path) -> Bench:
    home = server.userdata.parent
    return Bench(
        home,
        server,
        target_in(home, thread_id),
        Journal(folder / "actions.jsonl"),
        connect(home, token=server.token, prompt=False, timeout=120.0),
    )


@pytest.fixture
def b(tmp_path: Path) -> Iterator[Bench]:
    (thread,) = stuck_home(tmp_path, "stuck")
    with SimServer(tmp_path / "home", speed=20) as server:
        yield over(server, thread, tmp_path)


# --- before anything is sent ----------------------------------------------------------------------------------


def test_the_intent_is_on_the_disk_before_the_command_is_sent(b: Bench) -> None:
    seen: list[tuple[int, list[str]]] = []

    def on_step(progress: Progress) -> None:
        if progress.phase in ("checking", "sending"):
            seen.append((b.dispatches(), [e.entry for e in b.journal.entries()]))

    b.execute(b.plan("orphaned-turn"), on_step=on_step)
    assert seen[0] == (0, ["intent"])
    assert b.dispatches() == 1


def test_without_a_journal_nothing_is_sent(b: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    b.journal = Journal(tmp_path / "file" / "x")
    with pytest.raises(JournalError):
        b.execute(b.plan("orphaned-turn"))
    assert b.dispatches() == 0


def test_if_the_journal_fails_after_the_command_the_result_still_says_what_is_known(
    b: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = b.journal.append

    def append(action_id: str, entry: str, data: Any, *, at: int) -> None:
        if entry == "outcome" or data.get("ended") is not None:
            raise JournalError("the disk is full")
        written(action_id, entry, data, at=at)

    monkeypatch.setattr(b.journal, "append", append)
    result = b.execute(b.plan("orphaned-turn"))
    assert result.outcome is Outcome.APPLIED
    assert "the disk is full" in result.detail
    assert b.journal.records()[0].outcome == "cut off"


def test_a_server_that_ends_after_the_command_is_named(b: Bench) -> None:
    b.server.block_queue()

    def on_step(progress: Progress) -> None:
        if progress.phase == "accepted":
            b.server.kill()

    result = b.execute(b.plan("orphaned-turn"), timing=SHORT, on_step=on_step)
    assert (result.outcome, result.code) == (Outcome.NOT_CONFIRMED, "server-gone")
    assert result.after is not None


def test_a_plan_needs_a_confirmation(b: Bench) -> None:
    plan = b.plan("orphaned-turn")
    for refuse in (False, lambda _: False, None):
        result = b.execute(plan, confirm=refuse)
        assert (result.outcome, result.code) == (Outcome.REFUSED, "not-confirmed-by-you")
    assert b.dispatches() == 0
    assert [r.outcome for r in b.journal.records()] == ["refused"] * 3


def test_a_dry_run_sends_and_journals_nothing(b: Bench) -> None:
    result = b.execute(b.plan("orphaned-turn"), dry_run=True)
    assert (result.outcome, result.dry_run, result.changed) == (Outcome.DRY_RUN, True, False)
    assert b.dispatches() == 0
    assert not b.journal.path.exists()


def test_where_nobody_watches_it_is_refused_and_journaled(b: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T3LENS_ACTIONS", "0")
    result = b.execute(b.plan("orphaned-turn"))
    assert (result.outcome, result.code) == (Outcome.REFUSED, ActionsOff.code)
    assert b.dispatches() == 0
    assert b.journal.records()[0].outcome == "refused"


def test_making_a_plan_sends_nothing_but_reads(b: Bench) -> None:
    Actor(b.connection, journal=b.journal).plan("reconcile", target=b.target, belief=belief("orphaned-turn"))
    assert {method for method, _ in b.server.requests} == {"GET"}
    assert not b.journal.path.exists()


def test_the_envelope_says_before_and_after(b: Bench) -> None:
    result = b.execute(b.plan("orphaned-turn"), why="it hangs since noon")
    data = result.to_dict()
    assert {"target", "applied", "changed", "dry_run", "outcome", "detail", "before", "after"} <= data.keys()
    assert (data["applied"], data["changed"], data["outcome"]) == (True, True, "applied")
    assert data["before"]["session"]["status"] == "running"
    assert data["after"]["session"]["status"] == "stopped"
    record = b.journal.records()[0]
    assert record.why == "it hangs since noon"
    assert record.plan["target"]["thread_id"] == b.target.thread_id
    assert record.after == data["after"]


def test_a_second_reconcile_is_a_no_op(b: Bench) -> None:
    assert b.execute(b.plan("orphaned-turn")).applied
    again = b.execute(b.plan("orphaned-turn"))
    assert (again.outcome, again.changed, again.sent) == (Outcome.ALREADY, False, False)
    assert b.stop_requests() == 1


def test_an_unexpected_error_is_journaled_before_it_is_raised(b: Bench) -> None:
    def on_step(progress: Progress) -> None:
        if progress.phase == "accepted":
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        b.execute(b.plan("orphaned-turn"), on_step=on_step)
    assert b.journal.records()[0].outcome == "not confirmed"


# --- archived threads -----------------------------------------------------------------------------------------


@pytest.fixture
def archived(b: Bench) -> Bench:
    with b.server.lock:
        b.server.core.dispatch({"type": "thread.archive", "commandId": "by-hand", "threadId": b.target.thread_id})
    assert b.observe().archived
    return b


def commands(b: Bench) -> list[str]:
    (record,) = b.journal.records()
    return [step["command"] for step in record.steps if step.get("ended") is None]


def test_an_archived_thread_is_stopped_and_archived_again(archived: Bench) -> None:
    result = archived.execute(archived.plan("orphaned-turn"))
    assert result.outcome is Outcome.APPLIED
    assert "archived again" in result.detail
    seen = observe(archived.target)
    assert seen.archived
    assert seen.session is not None
    assert seen.session.stopped
    assert commands(archived) == ["thread.unarchive", "thread.session.stop", "thread.archive"]


def test_it_is_archived_again_also_if_the_stop_fails(archived: Bench) -> None:
    faults = archived.server.faults
    faults.stop_fails[archived.target.thread_id] = "No."
    faults.records_failed_stop = True
    result = archived.execute(archived.plan("orphaned-turn"))
    assert result.outcome is Outcome.FAILED
    assert "No." in result.detail
    assert observe(archived.target).archived


def test_it_is_archived_again_also_if_a_person_interrupts(archived: Bench) -> None:
    archived.server.block_queue()

    def on_step(progress: Progress) -> None:
        if progress.text.startswith("waiting for the session"):
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        archived.execute(archived.plan("orphaned-turn"), on_step=on_step)
    archived.server.unblock_queue()
    assert observe(archived.target).archived
    assert archived.journal.left_unarchived(archived.target.thread_id) is None
    assert archived.journal.records()[0].outcome == "not confirmed"


def test_a_thread_that_could_not_be_archived_again_is_no_success_and_is_remembered(
    archived: Bench,
) -> None:
    def on_step(progress: Progress) -> None:
        if progress.text == "sending thread.archive":
            archived.server.http_faults.append(HttpFault(path=DISPATCH, drop="before"))

    result = archived.execute(archived.plan("orphaned-turn"), timing=SHORT, on_step=on_step)
    archived.server.http_faults.clear()
    assert (result.outcome, result.code) == (Outcome.FAILED, "not-archived-again")
    assert result.changed
    assert "archive the thread" in result.advice[0]
    actor = Actor(archived.connection, journal=archived.journal)
    later = actor.plan("reconcile", target=archived.target, belief=belief("orphaned-turn"))
    assert "archive it again" in later.plan.advice[0]


# --- a blocked queue, and waiting for the restart -----------------------------------------------------------


def test_told_to_wait_it_goes_on_by_itself_after_the_restart(b: Bench) -> None:
    plan = b.plan(finding("command-queue-stalled", since=2**60))
    assert plan.decision is Decision.RESTART
    asked = threading.Event()

    def on_step(progress: Progress) -> None:
        if progress.text.startswith("restart the T3 Code server now"):
            asked.set()

    def person() -> None:
        asked.wait(120)
        b.server.restart(kill=True)

    hands = threading.Thread(target=person)
    hands.start()
    result = b.execute(plan, wait=True, timing=QUICK, on_step=on_step)
    hands.join()
    assert result.outcome is Outcome.APPLIED
    assert b.stop_requests() == 1


def test_not_told_to_wait_it_sends_nothing_and_says_what_to_do(b: Bench) -> None:
    result = b.execute(b.plan(finding("command-queue-stalled", since=2**60)))
    assert (result.outcome, result.sent) == (Outcome.REFUSED, False)
    assert any("restart" in advice for advice in result.advice)
    assert b.dispatches() == 0


def test_a_server_that_is_not_restarted_in_time_gets_nothing(b: Bench) -> None:
    plan = b.plan(finding("command-queue-stalled", since=2**60))
    timing = Timing(poll=0.2, interval=0.02, restart=0.2)
    result = b.execute(plan, wait=True, timing=timing)
    assert (result.outcome, result.code) == (Outcome.REFUSED, "not-restarted")
    assert b.dispatches() == 0


def test_waiting_needs_a_confirmation_too(b: Bench) -> None:
    plan = b.plan(finding("command-queue-stalled", since=2**60))
    assert b.execute(plan, wait=True, confirm=False).code == "not-confirmed-by-you"


def test_wait_does_not_stand_for_a_confirmation(b: Bench) -> None:
    result = b.execute(b.plan("orphaned-turn"), wait=True, confirm=False)
    assert result.code == "not-confirmed-by-you"
    assert b.dispatches() == 0


def test_a_blocked_queue_is_named_and_no_second_command_is_sent(b: Bench) -> None:
    plan = b.plan("orphaned-turn")
    b.server.block_queue()
    result = b.execute(plan, timing=SHORT)
    assert (result.code, result.queue_blocked) == ("queue-blocked", True)
    assert "no further commands" in result.advice[0]
    assert b.dispatches() == 1
    b.server.unblock_queue()


# --- many threads -------------------------------------------------------------------------------------------


@pytest.fixture
def many(tmp_path: Path) -> Iterator[list[Bench]]:
    threads = stuck_home(tmp_path, "a", "b", "c", "d")
    with SimServer(tmp_path / "home", speed=20) as server:
        yield [over(server, thread, tmp_path) for thread in threads]


def carry(many: list[Bench], **more: Any) -> Callable[[Plan], Result]:
    return lambda plan: many[0].execute(plan, **{"timing": SHORT, **more})


def plans_of(many: list[Bench]) -> list[Plan]:
    severities = (Severity.MEDIUM, Severity.CRITICAL, Severity.HIGH, Severity.HIGH)
    since = (1, 1, 9, 5)
    return [
        b.plan(finding("orphaned-turn", severity=severity, since=at))
        for b, severity, at in zip(many, severities, since, strict=True)
    ]


def test_the_worst_and_oldest_come_first(many: list[Bench]) -> None:
    result = run_bulk(plans_of(many), carry(many), why="cleaning up", confirm=True)
    ids = [b.target.thread_id for b in many]
    assert [r.target["thread_id"] for r in result.results] == [ids[1], ids[3], ids[2], ids[0]]
    assert result.counts == {"applied": 4}
    assert result.stopped_because is None


def test_it_ends_at_the_first_sign_of_a_blocked_queue_and_can_go_on_later(
    many: list[Bench],
) -> None:
    plans = plans_of(many)
    many[0].server.block_queue()
    first = run_bulk(plans, carry(many), why="cleaning up", confirm=True)
    assert len(first.results) == 1
    assert len(first.left) == 3
    assert "blocked" in (first.stopped_because or "")
    assert many[0].dispatches() == 1
    many[0].server.unblock_queue()
    assert many[1].wait(lambda seen: seen.settled)
    again = run_bulk(plans_of(many), carry(many), why="cleaning up", confirm=True)
    assert again.counts == {"applied": 3}
    assert len(again.skipped) == 1


def test_a_limit_is_kept(many: list[Bench]) -> None:
    result = run_bulk(plans_of(many), carry(many), why="some", confirm=True, limit=2)
    assert len(result.results) == 2
    assert len(result.left) == 2
    assert "limit" in (result.stopped_because or "")


def test_many_threads_need_a_reason_and_one_confirmation(many: list[Bench]) -> None:
    with pytest.raises(UsageError, match="reason"):
        run_bulk(plans_of(many), carry(many), why=" ", confirm=True)
    asked: list[int] = []

    def refuse(plans: Any) -> bool:
        asked.append(len(plans))
        return False

    result = run_bulk(plans_of(many), carry(many), why="x", confirm=refuse)
    assert asked == [4]
    assert (len(result.results), len(result.left)) == (0, 4)
    assert many[0].dispatches() == 0


def test_what_is_only_possible_is_not_done_in_bulk(many: list[Bench]) -> None:
    unsure = [b.plan(finding("silent-turn", confidence=Confidence.POSSIBLE)) for b in many]
    result = run_bulk(unsure, carry(many), why="x", confirm=True)
    assert len(result.skipped) == 4
    assert many[0].dispatches() == 0


def test_a_stalled_queue_stops_the_bulk_before_it_begins(many: list[Bench]) -> None:
    plans = [*plans_of(many)[:3], many[3].plan(finding("command-queue-stalled", since=2**60))]
    result = run_bulk(plans, carry(many), why="x", confirm=True)
    assert (len(result.results), len(result.left)) == (0, 3)
    assert many[0].dispatches() == 0


def test_a_wrong_token_is_tried_once_and_not_for_every_thread(many: list[Bench]) -> None:
    plans = plans_of(many)
    many[0].server.auth.revoke_all()
    result = run_bulk(plans, carry(many), why="x", confirm=True)
    assert len(result.results) == 1
    assert result.results[0].code == "auth-invalid"


def test_an_interrupt_ends_the_bulk_with_what_is_known(many: list[Bench]) -> None:
    def on_step(progress: Progress) -> None:
        if progress.phase == "sending" and many[0].dispatches() == 1:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        run_bulk(plans_of(many), carry(many, on_step=on_step), why="x", confirm=True)
    summary = caught.value.result
    assert [r.outcome for r in summary.results] == [Outcome.APPLIED, Outcome.REFUSED]  # type: ignore[attr-defined]
    assert len(summary.left) == 2  # type: ignore[attr-defined]


# --- looking -------------------------------------------------------------------------------------------------


def test_a_look_reads_server_database_and_log_and_says_how_new_each_is(b: Bench) -> None:
    seen = b.observe()
    assert [source.source for source in seen.sources] == ["server", "state.sqlite", "log"]
    assert all(source.newest_at for source in seen.sources)
    assert seen.session == seen.session_in_database


def test_a_look_without_a_server_reads_the_files(b: Bench) -> None:
    seen = observe(b.target)
    assert [source.source for source in seen.sources] == ["state.sqlite", "log"]
    assert seen.running_turns


def test_the_newest_line_is_found_from_the_end_and_a_torn_one_is_none(tmp_path: Path) -> None:
    def line(at: int, kind: str, thread: str = "Thread-1") -> str:
        return (
            f"[2026-11-22T12:00:{at:02d}.000Z] CANON:"
            f' {{"eventId":"e{at}","threadId":"{thread}","type":"{kind}","payload":{{}}}}\n'
        )

    old = line(1, "turn.started") + line(2, "item.completed") + line(3, "content.delta")
    (tmp_path / "thread-1.log.1").write_text(old)
    (tmp_path / "thread-1.log").write_text(
        line(4, "runtime.warning")
        + line(5, "turn.started", "another")
        + "junk\n"
        + "x" * 600_000
        + "\n"
        + line(6, "turn.completed")[:-9]
    )
    found = {scope: mark[:24] for scope, mark in newest_marks(tmp_path, "Thread-1").items()}
    assert found == {
        Scope.ANY: "2026-11-22T12:00:04.000Z",
        Scope.PROGRESS: "2026-11-22T12:00:02.000Z",
        Scope.LIFECYCLE: "2026-11-22T12:00:01.000Z",
    }
    assert newest_marks(tmp_path / "absent", "Thread-1") == {}
    with (tmp_path / "events.thread-1.log").open("w") as file:  # as Claude's adapter writes: no thread of its own
        file.write('[2026-11-22T12:00:08.000Z] NTIVE: {"event":{"method":"claude","payload":{"threadId":"18f3"}}}\n')
    assert newest_marks(tmp_path, "Thread-1")[Scope.ANY].startswith("2026-11-22T12:00:08.000Z")


@pytest.mark.parametrize("chunk", [1, 2, 7, 64, 1 << 18])
def test_reading_backwards_gives_every_complete_line_with_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    tail = importlib.import_module("t3lens.act.tail")
    monkeypatch.setattr(tail, "_CHUNK", chunk)
    content = b"one\n\ntwo\r\nthree\nunfinished"
    (tmp_path / "f").write_bytes(content)
    with (tmp_path / "f").open("rb") as stream:
        lines = list(tail.lines_backwards(stream, 1 << 20))
    assert lines == [(15, b"three"), (9, b"two"), (4, b""), (3, b"one")]


def test_a_retry_loop_may_go_on_retrying_until_it_is_stopped(b: Bench) -> None:
    plan = make_plan("reconcile", target=b.target, belief=belief("retry-loop"), seen=b.observe())
    log = next(Path(str(b.target.log_dir)).glob("*.log"))
    with log.open("a") as file:
        file.write(
            f'[2099-01-01T00:00:00.000Z] CANON: {{"eventId":"r","threadId":"{b.target.thread_id}",'
            '"type":"runtime.warning","payload":{}}\n'
        )
    assert b.execute(plan).outcome is Outcome.APPLIED
