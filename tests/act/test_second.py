"""Acting on a thread of the second data model: over a real socket, verified by what is read back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from t3lens.act import Action, Decision, Outcome, Sighting
from t3lens.act.answer import Answer
from t3lens.act.queue_change import Queued
from t3lens.act.v2.choice import choose
from t3lens.act.v2.observation import SecondObservation
from t3lens.act.v2.situation import SecondSituation
from t3lens.domain.finding import Verdict
from t3lens.errors import UsageError
from t3lens.sim.script import Ask, AskApproval, Die, Hang, Say, ScriptStep, Tool
from t3lens.t3code.v2.wire import thread_shown
from tests.act.bench import belief
from tests.act.second import QUICK, SHORT, SecondBench, second_bench, second_home


@pytest.fixture(params=["0.0.31", "0.0.46-nightly.20261011.2955"])
def b(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SecondBench]:
    """A server of each build, with one idle thread."""
    thread = second_home(tmp_path, build=request.param)
    with second_bench(tmp_path / "home", thread) as bench:
        yield bench


@pytest.fixture
def october(tmp_path: Path) -> Iterator[SecondBench]:
    thread = second_home(tmp_path)
    with second_bench(tmp_path / "home", thread) as bench:
        yield bench


@pytest.fixture
def codex(tmp_path: Path) -> Iterator[SecondBench]:
    thread = second_home(tmp_path, provider="codex")
    with second_bench(tmp_path / "home", thread) as bench:
        yield bench


def hang(b: SecondBench) -> None:
    """A run whose model says nothing more."""
    b.server.send(b.target.thread_id, "again", Say("one two", pace=0.2), Hang())
    b.turn_runs()
    b.answered("one two")


def test_a_stop_interrupts_the_live_run_and_proves_it(b: SecondBench) -> None:
    hang(b)
    plan = b.plan(kind="stop", verdict=Verdict.WORKING)
    assert (plan.decision, [step.action for step in plan.steps]) == (Decision.ACT, [Action.INTERRUPT])
    result = b.execute(plan)
    assert result.outcome is Outcome.APPLIED, result
    assert result.changed
    assert b.server.runs(b.target.thread_id) == ["completed", "interrupted"]
    assert b.receipts() == [("run.interrupt", "accepted")]
    effects = b.rows("SELECT status FROM orchestration_v2_effect_outbox WHERE command_id LIKE 't3lens-%'")
    assert effects == [("succeeded",)]
    (record,) = b.journal.records()
    assert (record.outcome, record.changed) == (Outcome.APPLIED, True)


def test_stopping_what_is_over_sends_nothing(b: SecondBench) -> None:
    plan = b.plan(kind="stop", verdict=Verdict.IDLE)
    assert plan.decision is Decision.NOTHING
    assert b.execute(plan).outcome is Outcome.ALREADY
    assert b.server.commands == []


def test_a_silent_run_is_brought_back_by_an_interrupt_and_the_queue_goes_on(b: SecondBench) -> None:
    hang(b)
    b.server.send(b.target.thread_id, "behind it", Hang())
    plan = b.plan("silent-turn")
    assert plan.steps[0].about.keys() == {"runId"}, "reconcile leaves the queue alone"
    result = b.execute(plan)
    assert result.outcome is Outcome.APPLIED, result
    b.turn_runs()
    assert b.server.runs(b.target.thread_id)[1:] == ["interrupted", "running"]


def test_stop_holds_the_queue_where_the_build_can(b: SecondBench) -> None:
    hang(b)
    b.server.send(b.target.thread_id, "behind it", Hang())
    plan = b.plan(kind="stop", verdict=Verdict.WORKING)
    result = b.execute(plan)
    assert result.outcome is Outcome.APPLIED, result
    if b.server.build.holds_queue:
        assert b.server.runs(b.target.thread_id)[1:] == ["interrupted", "queued"]
        assert "held" in result.detail
    else:
        assert any("queued" in risk for risk in plan.risks)
        b.turn_runs()
        assert b.server.runs(b.target.thread_id)[1:] == ["interrupted", "running"]


def test_an_interrupt_of_a_frozen_provider_is_not_confirmed_and_says_what_a_restart_costs(b: SecondBench) -> None:
    hang(b)
    b.server.core.freeze(b.target.thread_id)
    b.server.send(b.target.thread_id, "behind it")
    result = b.execute(b.plan(kind="stop", verdict=Verdict.WORKING), timing=SHORT)
    assert (result.outcome, result.code) == (Outcome.NOT_CONFIRMED, "effect-held")
    said = " ".join(result.advice)
    assert "only a restart" in said
    assert ("is held until you resume" if b.server.build.holds_queue else "is cancelled") in said
    assert b.server.runs(b.target.thread_id)[1] == "running"
    b.server.core.thaw(b.target.thread_id)
    b.until(lambda core: core.database.entities("run", b.target.thread_id)[1]["status"] == "interrupted")


def test_nothing_is_sent_behind_an_effect_that_hangs(october: SecondBench) -> None:
    b = october
    hang(b)
    b.server.core.freeze(b.target.thread_id)
    b.execute(b.plan(kind="stop", verdict=Verdict.WORKING), timing=SHORT)
    past = "UPDATE orchestration_v2_effect_outbox SET lease_expires_at = '2026-01-01T00:00:00.000Z' WHERE status = 'running'"
    with b.server.lock:
        b.server.core.database.connection.execute(past)
    for kind in ("stop", "reconcile"):
        plan = b.plan("effect-stalled", kind=kind)
        assert plan.decision is Decision.RESTART, plan
        assert b.execute(plan).outcome is Outcome.REFUSED
    assert len(b.server.commands) == 1


def test_after_a_restart_that_was_waited_for_the_server_has_ended_it_itself(october: SecondBench) -> None:
    b = october
    hang(b)
    b.server.faults.hangs.add("provider-turn.interrupt")
    b.execute(b.plan(kind="stop", verdict=Verdict.WORKING), timing=SHORT)
    b.server.faults.hangs.clear()
    past = "UPDATE orchestration_v2_effect_outbox SET lease_expires_at = '2026-01-01T00:00:00.000Z' WHERE status = 'running'"
    with b.server.lock:
        b.server.core.database.connection.execute(past)
    plan = b.plan("effect-stalled")

    def on_step(progress: object) -> None:
        if "restart the T3 Code server now" in str(progress):
            b.server.restart(kill=True)

    result = b.execute(plan, wait=True, timing=QUICK, on_step=on_step)
    assert result.outcome is Outcome.ALREADY, result
    assert b.server.runs(b.target.thread_id) == ["completed", "cancelled"]


def test_a_session_in_error_is_let_go_and_the_next_message_works(b: SecondBench) -> None:
    thread = b.target.thread_id
    with b.server.lock:
        process = b.server.core.process_of(thread)
        assert process is not None
        b.server.core.kill_process(process)
    b.server.send(thread, "fails at once")
    b.until(lambda core: core.database.entities("run", thread)[-1]["status"] == "failed")
    plan = b.plan("session-error-not-reopened", verdict=Verdict.FAILED)
    assert [step.action for step in plan.steps] == [Action.DETACH]
    result = b.execute(plan)
    assert result.outcome is Outcome.APPLIED, result
    b.server.send(thread, "works again")
    b.until(lambda core: core.database.entities("run", thread)[-1]["status"] == "completed")


def test_a_session_is_never_let_go_under_a_live_run(b: SecondBench) -> None:
    thread = b.target.thread_id
    hang(b)
    with b.server.lock:
        core = b.server.core
        session = core.database.entities("provider-session", thread)[-1]
        core.database.append("provider-session.updated", thread, session | {"status": "error"}, core.now)
    plan = b.plan("session-error-not-reopened", verdict=Verdict.FAILED)
    assert plan.decision is Decision.REFUSE
    assert "under a live run" in plan.because[0]


def test_a_detach_whose_session_works_by_now_is_not_sent(b: SecondBench) -> None:
    thread = b.target.thread_id
    with b.server.lock:
        process = b.server.core.process_of(thread)
        assert process is not None
        b.server.core.kill_process(process)
    plan = b.plan("session-error-not-reopened", verdict=Verdict.FAILED)
    assert plan.acts
    with b.server.lock:
        process.alive = True
    hang(b)
    result = b.execute(plan)
    assert (result.outcome, result.code) == (Outcome.REFUSED, "changed-since-plan")
    assert b.server.commands == []


def test_codex_whose_process_is_gone_needs_a_restart(codex: SecondBench) -> None:
    b = codex
    b.server.send(b.target.thread_id, "dies", Say("one", pace=0.1), Die())
    b.turn_runs()
    process = b.server.core.process_of(b.target.thread_id)
    assert process is not None
    b.until(lambda _: not process.alive)
    plan = b.plan("dead-provider")
    assert plan.decision is Decision.RESTART
    result = b.execute(b.plan(kind="stop", verdict=Verdict.WORKING), timing=SHORT)
    assert (result.outcome, result.code) == (Outcome.NOT_CONFIRMED, "effect-held")


def test_a_start_that_hangs_is_settled_by_an_interrupt_at_once(codex: SecondBench) -> None:
    b, thread = codex, codex.target.thread_id
    with b.server.lock:
        process = b.server.core.process_of(thread)
        assert process is not None
        b.server.core.kill_process(process)
    b.server.send(thread, "hangs")
    b.until(lambda core: core.database.entities("run", thread)[-1]["status"] == "running")
    result = b.execute(b.plan(kind="stop", verdict=Verdict.WORKING))
    assert result.outcome is Outcome.APPLIED, result
    started = b.rows(
        "SELECT status FROM orchestration_v2_effect_outbox WHERE effect_type = 'provider-turn.start' ORDER BY rowid"
    )
    assert started[-1] == ("cancelled",)


def test_a_run_that_ends_by_itself_is_not_called_interrupted(b: SecondBench) -> None:
    thread = b.target.thread_id
    b.server.send(thread, "ends", Say("one two three", pace=4), Tool(seconds=600))
    b.turn_runs()
    b.server.faults.hangs.add("provider-turn.interrupt")
    plan = b.plan(kind="stop", verdict=Verdict.WORKING)

    def on_step(progress: object) -> None:
        if "accepted" in str(progress):
            with b.server.lock:
                run = b.server.core.database.entities("run", thread)[-1]
                b.server.core._fail(run["id"], "the model is gone")
                for effect in b.server.core.database.open_effects(thread):
                    b.server.core.database.end_effect(effect["effect_id"], b.server.core.now)

    result = b.execute(plan, on_step=on_step)
    assert result.outcome is Outcome.ALREADY, result
    assert "failed" in result.detail


def test_a_waiting_run_is_left_alone_and_can_be_stopped(b: SecondBench) -> None:
    thread = b.target.thread_id
    b.server.send(thread, "asks", AskApproval())
    b.until(lambda core: bool(core.database.entities("runtime-request", thread)))
    assert b.plan("waiting-for-user", verdict=Verdict.WAITING).decision is Decision.REFUSE
    result = b.execute(b.plan(kind="stop", verdict=Verdict.WAITING))
    assert result.outcome is Outcome.APPLIED, result
    assert b.rows("SELECT status FROM orchestration_v2_projection_runtime_requests") == [("cancelled",)]


def test_no_server_of_the_other_data_model_is_asked(tmp_path: Path) -> None:
    from t3lens.act import connect
    from t3lens.act.execute import execute
    from t3lens.sim import SimServer
    from tests.act.test_execute import stuck_home

    thread = second_home(tmp_path)
    with second_bench(tmp_path / "home", thread) as b:
        hang(b)
        plan = b.plan(kind="stop", verdict=Verdict.WORKING)
        environment = b.target.environment_id
    other = tmp_path / "other"
    other.mkdir()
    stuck_home(other, "stuck")
    (other / "home" / "userdata" / "environment-id").write_text(str(environment))
    with SimServer(other / "home") as first, connect(tmp_path / "home", url=first.origin, token=first.token) as link:
        result = execute(plan, connection=link, journal=b.journal, confirm=True, timing=SHORT)
    assert result.outcome is Outcome.REFUSED, result
    assert not [path for method, path in first.requests if method == "POST"]


def ask(b: SecondBench, *more: object) -> str:
    """A run that asks a person, and the question's id."""
    thread = b.target.thread_id
    b.server.send(thread, "asks", AskApproval(), Say("then not"))
    b.until(lambda core: bool(core.database.entities("runtime-request", thread)))
    (request,) = b.observe().open_requests or ()
    return request


def test_a_question_is_declined_and_its_provider_goes_on(b: SecondBench) -> None:
    request = ask(b)
    plan = b.plan("waiting-for-user", kind="decline", verdict=Verdict.WAITING)
    assert plan.declines == (request,)
    result = b.execute(plan)
    assert result.outcome is Outcome.APPLIED, result
    (command,) = b.server.commands
    assert (command["type"], command["decision"]) == ("runtime-request.respond", "decline")
    b.until(lambda core: core.database.entities("run", b.target.thread_id)[-1]["status"] == "completed")


def test_resolved_alone_proves_nothing_while_the_answer_is_not_delivered(b: SecondBench) -> None:
    ask(b)
    plan = b.plan("waiting-for-user", kind="decline", verdict=Verdict.WAITING)
    b.server.core.freeze(b.target.thread_id)
    result = b.execute(plan, timing=SHORT)
    assert b.rows("SELECT status FROM orchestration_v2_projection_runtime_requests") == [("resolved",)]
    assert (result.outcome, result.code) == (Outcome.NOT_CONFIRMED, "effect-held")


def test_a_question_that_somebody_else_answers_is_not_declined(b: SecondBench) -> None:
    request = ask(b)
    plan = b.plan("waiting-for-user", kind="decline", verdict=Verdict.WAITING)
    b.server.do("runtime-request.respond", b.target.thread_id, requestId=request, decision="accept")
    result = b.execute(plan)
    assert (result.outcome, result.code) == (Outcome.REFUSED, "changed-since-plan")
    assert b.server.commands == []


def test_nothing_is_declined_that_is_not_asked(b: SecondBench) -> None:
    assert b.plan(kind="decline", verdict=Verdict.IDLE).decision is Decision.NOTHING
    ask(b)
    plan = b.plan(kind="decline", verdict=Verdict.WAITING)
    assert plan.acts
    b.server.restart(kill=True)
    again = b.plan(kind="decline", verdict=Verdict.FAILED)
    assert again.decision is Decision.NOTHING, "a start expires what was asked"
    assert b.execute(plan).outcome is Outcome.REFUSED


def test_a_question_whose_run_is_over_is_not_answered(b: SecondBench) -> None:
    ask(b)
    with b.server.lock:
        core = b.server.core
        run = core.database.entities("run", b.target.thread_id)[-1]
        core.database.append("run.updated", b.target.thread_id, run | {"status": "failed"}, core.now)
    plan = b.plan("request-on-dead-session", kind="decline", verdict=Verdict.DIVERGED)
    assert plan.decision is Decision.REFUSE
    assert "nobody takes an answer" in plan.because[0]


def test_a_plan_made_before_the_upgrade_is_not_carried_out_after_it(tmp_path: Path) -> None:
    """The server that answers then has the home's environment id, and speaks for another database."""
    from t3lens.act import connect
    from t3lens.act.execute import execute
    from t3lens.sim.v2.builds import SECOND_BUILDS
    from t3lens.sim.v2.server import SecondServer
    from tests.act.bench import bench
    from tests.act.test_execute import stuck_home

    stuck_home(tmp_path, "stuck")
    with bench(tmp_path / "home", tmp_path / "copy") as first:
        plan = first.plan("orphaned-turn")
        assert plan.acts
    home = tmp_path / "copy" / "home"
    october = list(SECOND_BUILDS.values())[-1]
    with SecondServer(home, build=october) as server, connect(home, token=server.token) as link:
        result = execute(plan, connection=link, journal=first.journal, confirm=True, timing=SHORT)
        assert (result.outcome, result.code) == (Outcome.REFUSED, "cannot-judge")
        assert "speaks orchestration protocol 2" in result.detail
        assert server.commands == []
        assert not [path for method, path in server.requests if method == "POST"]


def test_among_many_an_effect_that_hangs_holds_up_its_own_thread_only(tmp_path: Path) -> None:
    from t3lens.act import Actor
    from t3lens.sim.v2.home import SecondHome
    from tests.act.bench import belief
    from tests.act.second import found, second_target

    with SecondHome(tmp_path / "home") as home:
        held, silent = home.thread("Held"), home.thread("Silent")
        for thread in (held, silent):
            home.send(thread, "hangs", Hang())
        run = home.wait_running(held)
        home.wait_running(silent)
        home.core.freeze(held)
        home.do("run.interrupt", held, runId=run)
        home.advance(70)
    with second_bench(tmp_path / "home", held, adopt=True) as b:
        actor = Actor(b.connection, journal=b.journal)
        plans = [
            actor.plan("reconcile", target=second_target(b.home, thread, b.server.build), belief=belief(found(code))).plan
            for thread, code in ((held, "effect-stalled"), (silent, "silent-turn"))
        ]
        result = actor.bind(plans).execute(why="a test", confirm=True)
        assert [one.outcome for one in result.results] == [Outcome.APPLIED], result
        assert [plan.target.thread_id for plan, _ in result.skipped] == [held]
        assert result.stopped_because is None
        assert b.server.runs(silent) == ["interrupted"]


def test_an_approval_is_accepted_and_its_provider_goes_on(b: SecondBench) -> None:
    request = ask(b)
    plan = b.plan("waiting-for-user", kind="answer", verdict=Verdict.WAITING, answer=Answer(decision="accept"))
    assert (plan.decision, plan.declines) == (Decision.ACT, (request,))
    result = b.execute(plan)
    assert result.outcome is Outcome.APPLIED, result
    assert "is accepted" in result.detail
    (command,) = b.server.commands
    assert (command["type"], command["decision"]) == ("runtime-request.respond", "accept")
    b.until(lambda core: core.database.entities("run", b.target.thread_id)[-1]["status"] == "completed")


@pytest.mark.parametrize(
    ("options", "answer", "sent"),
    [
        ((), Answer(text="the main one"), "the main one"),
        (("main", "next"), Answer(options=("next",)), "next"),
        (("main", "next"), Answer(text="neither"), "neither"),
    ],
)
def test_a_question_is_answered_with_words_or_a_choice(
    b: SecondBench, options: tuple[str, ...], answer: Answer, sent: str
) -> None:
    b.server.send(b.target.thread_id, "asks", Ask(options=options), Say("thanks"))
    b.until(lambda core: bool(core.database.entities("runtime-request", b.target.thread_id)))
    plan = b.plan("waiting-for-user", kind="answer", verdict=Verdict.WAITING, answer=answer)
    result = b.execute(plan)
    assert result.outcome is Outcome.APPLIED, result
    (command,) = b.server.commands
    assert command["answers"] == {"1": sent}
    b.until(lambda core: core.database.entities("run", b.target.thread_id)[-1]["status"] == "completed")


def test_what_does_not_answer_what_is_asked_is_not_sent(october: SecondBench) -> None:
    b, thread = october, october.target.thread_id
    waiting = {"kind": "answer", "verdict": Verdict.WAITING}
    assert b.plan(answer=Answer(text="yes"), **waiting).decision is Decision.NOTHING
    ask(b)
    assert "yes or no" in b.plan(answer=Answer(text="yes"), **waiting).because[0]
    b.execute(b.plan(kind="decline", verdict=Verdict.WAITING))
    b.until(lambda core: core.database.entities("run", thread)[-1]["status"] == "completed")
    b.server.send(thread, "asks", Ask(options=("main", "next")))
    b.until(lambda core: len(core.database.entities("runtime-request", thread)) == 2)
    for answer, said in (
        (Answer(options=("other",)), "'other' cannot be chosen"),
        (Answer(options=("main", "next")), "one option"),
        (Answer(decision="accept"), "is a question"),
    ):
        plan = b.plan(answer=answer, **waiting)
        assert plan.decision is Decision.REFUSE
        assert said in plan.because[0]
    b.server.restart(kill=True)
    assert b.plan(kind="answer", answer=Answer(text="late"), verdict=Verdict.FAILED).decision is Decision.NOTHING
    assert len(b.server.commands) == 1


@pytest.mark.parametrize("given", [{}, {"text": " "}, {"text": "a", "decision": "accept"}])
def test_an_answer_says_one_thing(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="answer"):
        Answer(**given)


def _queued(b: SecondBench) -> None:
    hang(b)
    b.server.send(b.target.thread_id, "second")
    b.server.send(b.target.thread_id, "third")


def test_a_queued_message_is_taken_out_also_behind_an_effect_that_hangs(b: SecondBench) -> None:
    thread = b.target.thread_id
    _queued(b)
    b.server.core.freeze(thread)
    b.server.do("run.interrupt", thread, runId=b.server.core.database.entities("run", thread)[1]["id"])
    assert b.plan(kind="cancel-queued").decision is Decision.REFUSE, "one of two has to be named"
    queued = b.server.core.database.entities("run", thread)[2]["id"]
    result = b.execute(b.plan(kind="cancel-queued", queued=Queued(run_id=queued)))
    assert result.outcome is Outcome.APPLIED, result
    assert b.server.runs(thread) == ["completed", "running", "cancelled", "queued"]
    assert b.plan(kind="cancel-queued", queued=Queued(run_id=queued)).decision is Decision.NOTHING


def test_a_queued_run_that_begins_meanwhile_is_not_called_cancelled(october: SecondBench) -> None:
    b, thread = october, october.target.thread_id
    hang(b)
    b.server.send(thread, "second", Hang())
    plan = b.plan(kind="cancel-queued")
    b.server.do("run.interrupt", thread, runId=b.server.core.database.entities("run", thread)[1]["id"])
    b.until(lambda core: core.database.entities("run", thread)[2]["status"] == "running")
    assert b.execute(plan).outcome is Outcome.REFUSED
    assert b.server.commands == []


def test_a_held_queue_goes_on_when_it_is_asked_for(october: SecondBench) -> None:
    b, thread = october, october.target.thread_id
    _queued(b)
    b.server.restart(kill=True)
    assert b.server.runs(thread)[2:] == ["queued", "queued"]
    held = b.plan("queue-held")
    assert held.decision is Decision.NOTHING
    assert "resume-queue" in held.advice[0]
    result = b.execute(b.plan("queue-held", kind="resume-queue", verdict=Verdict.STUCK))
    assert result.outcome is Outcome.APPLIED, result
    b.until(lambda core: core.database.entities("run", thread)[-1]["status"] == "completed")
    assert b.plan(kind="resume-queue", verdict=Verdict.IDLE).decision is Decision.NOTHING


def test_a_build_that_holds_no_queue_is_not_asked_to_let_one_go_on(tmp_path: Path) -> None:
    thread = second_home(tmp_path, build="0.0.31")
    with second_bench(tmp_path / "home", thread) as b:
        plan = b.plan(kind="resume-queue", verdict=Verdict.IDLE)
        assert (plan.decision, plan.because) == (Decision.NOTHING, ("this build holds no queue",))


def _queue(b: SecondBench) -> list[str]:
    return [run["id"] for run in b.server.core.database.entities("run", b.target.thread_id)[2:]]


def test_a_queued_message_is_moved_and_sent_in_the_new_order(b: SecondBench) -> None:
    thread = b.target.thread_id
    _queued(b)
    second, third = _queue(b)
    result = b.execute(b.plan(kind="move-queued", queued=Queued(run_id=third, before=second)))
    assert result.outcome is Outcome.APPLIED, result
    assert [command["type"] for command in b.server.commands] == ["queued-run.reorder"]
    said = b.plan(kind="move-queued", queued=Queued(run_id=second))
    assert (said.decision, said.because) == (Decision.NOTHING, (f"queued run {second} stands there already",))
    b.execute(b.plan(kind="stop", verdict=Verdict.WORKING)) if not b.server.build.holds_queue else b.server.do(
        "run.interrupt", thread, runId=b.server.core.database.entities("run", thread)[1]["id"]
    )
    b.until(lambda core: core.database.entities("run", thread)[3]["status"] == "completed")
    runs = {run["id"]: run for run in b.server.core.database.entities("run", thread)}
    b.until(lambda core: core.database.entities("run", thread)[2]["status"] == "completed")
    runs = {run["id"]: run for run in b.server.core.database.entities("run", thread)}
    assert runs[third]["startedAt"] < runs[second]["startedAt"]


def test_a_place_that_is_none_is_not_asked_for(october: SecondBench) -> None:
    b = october
    _queued(b)
    second, third = _queue(b)
    for queued, said in (
        (Queued(run_id=second, before="run:elsewhere"), "is not queued"),
        (Queued(run_id=second, before=second), "is that run itself"),
        (Queued(), "one is to be named"),
    ):
        plan = b.plan(kind="move-queued", queued=queued)
        assert plan.decision is Decision.REFUSE
        assert said in plan.because[0]
    assert b.plan(kind="move-queued", queued=Queued(run_id=second, before=third)).decision is Decision.NOTHING
    assert b.server.commands == []


def test_a_queued_message_says_something_else_and_keeps_its_place(b: SecondBench) -> None:
    _queued(b)
    second, third = _queue(b)
    plan = b.plan(kind="edit-queued", queued=Queued(run_id=second, text="rather this"))
    assert "rather this" in plan.command_line
    assert b.execute(plan).outcome is Outcome.APPLIED
    said = b.rows(
        "SELECT json_extract(payload_json, '$.text') FROM orchestration_v2_projection_messages WHERE run_id = ?", second
    )
    assert said == [("rather this",)]
    assert _queue(b) == [second, third]
    assert b.plan(kind="edit-queued", queued=Queued(run_id=second, text="rather this")).decision is Decision.NOTHING


def test_a_message_that_somebody_else_changed_is_not_overwritten(b: SecondBench) -> None:
    _queued(b)
    second, third = _queue(b)
    plan = b.plan(kind="edit-queued", queued=Queued(run_id=second, text="mine"))
    b.server.do("queued-run.edit", b.target.thread_id, runId=second, text="theirs")
    assert "the queue was changed" in b.execute(plan).detail
    plan = b.plan(kind="move-queued", queued=Queued(run_id=third, before=second))
    b.server.do("queued-run.reorder", b.target.thread_id, runId=third, beforeRunId=second)
    assert b.execute(plan).outcome is Outcome.REFUSED
    assert b.server.commands == []


def test_a_queued_message_is_handed_to_the_run_at_work(b: SecondBench) -> None:
    thread = b.target.thread_id
    _queued(b)
    second, third = _queue(b)
    result = b.execute(b.plan(kind="promote-queued", queued=Queued(run_id=second), verdict=Verdict.WORKING))
    assert result.outcome is Outcome.APPLIED, result
    assert b.server.runs(thread) == ["completed", "running", "cancelled", "queued"]
    working = b.server.core.database.entities("run", thread)[1]["id"]
    said = {one["text"]: one["runId"] for one in b.server.core.database.entities("message", thread)}
    assert (said["second"], said["third"]) == (working, third)


def test_nothing_is_handed_to_a_run_that_cannot_take_it(october: SecondBench) -> None:
    b, thread = october, october.target.thread_id
    _queued(b)
    second, _ = _queue(b)
    working = b.server.core.database.entities("run", thread)[1]["id"]
    plan = b.plan(kind="promote-queued", queued=Queued(run_id=second), verdict=Verdict.WORKING)
    b.server.core.freeze(thread)
    b.server.do("run.interrupt", thread, runId=working, holdQueue=True)
    assert b.execute(plan).outcome is Outcome.REFUSED, "the run was interrupted since"
    b.server.core.thaw(thread)
    b.until(lambda core: core.database.entities("run", thread)[1]["status"] == "interrupted")
    plan = b.plan("queue-held", kind="promote-queued", queued=Queued(run_id=second), verdict=Verdict.STUCK)
    assert (plan.decision, plan.because[0].split(",")[0]) == (Decision.REFUSE, "no run is at work")
    assert "resume-queue" in plan.advice[0]
    assert b.server.commands == []


def test_a_message_of_no_words_is_none() -> None:
    with pytest.raises(UsageError, match="no words"):
        Queued(text="  ")


def _asks(b: SecondBench, *script: ScriptStep) -> str:
    b.server.send(b.target.thread_id, "asks", *script)
    b.until(lambda core: bool(core.database.entities("runtime-request", b.target.thread_id)))
    return str(b.server.core.database.entities("runtime-request", b.target.thread_id)[0]["id"])


_WAITING: dict[str, Any] = {"kind": "answer", "verdict": Verdict.WAITING}


def test_each_of_several_things_that_are_asked_has_its_answer(b: SecondBench) -> None:
    keep = Ask("Which tests shall stay?", options=("unit", "slow", "browser"), several=True)
    _asks(b, Ask("Which branch?", options=("main", "next"), more=(keep, Ask("And its name?"))), Say("thanks"))
    plan = b.plan(answer=Answer(text="main"), **_WAITING)
    assert plan.decision is Decision.REFUSE
    assert "asks 3 things" in plan.because[0]
    assert "1: Which branch? (main, next)" in plan.because
    assert plan.advice == ("answer each: --to 1=… --to 2=… --to 3=…",)
    plan = b.plan(answer=Answer(each={"1": ("next",), "2": ("unit", "slow"), "3": ("my own words",)}), **_WAITING)
    assert "--to 2=unit --to 2=slow" in plan.command_line
    result = b.execute(plan)
    assert result.outcome is Outcome.APPLIED, result
    (command,) = b.server.commands
    assert command["answers"] == {"1": "next", "2": ["unit", "slow"], "3": "my own words"}
    b.until(lambda core: core.database.entities("run", b.target.thread_id)[-1]["status"] == "completed")


@pytest.mark.parametrize(
    ("each", "said"),
    [
        ({"1": ("main",)}, "2 is to be answered too"),
        ({"1": ("main", "next"), "2": ("x",)}, "1: one option"),
        ({"1": ("main", "other"), "2": ("x",)}, "1: 'other' cannot be chosen"),
        ({"1": ("main",), "2": ("x",), "7": ("y",)}, "'7' is not asked"),
    ],
)
def test_half_an_answer_is_none(october: SecondBench, each: dict[str, tuple[str, ...]], said: str) -> None:
    _asks(october, Ask("Which branch?", options=("main", "next"), more=(Ask("And its name?"),)))
    plan = october.plan(answer=Answer(each=each), **_WAITING)
    assert plan.decision is Decision.REFUSE
    assert said in plan.because[0]
    assert october.server.commands == []


@pytest.mark.parametrize("over", [False, True])
def test_a_question_that_its_run_does_not_wait_for_is_answered_by_a_message(october: SecondBench, over: bool) -> None:
    b, thread = october, october.target.thread_id
    request = _asks(b, Ask(options=("main", "next"), waits=False), *(() if over else (Hang(),)))
    if over:
        b.until(lambda core: core.database.entities("run", thread)[-1]["status"] == "completed")
        b.server.restart(kill=True)  # it outlives its server too
    assert "is a question" in b.plan(kind="decline", verdict=Verdict.WAITING).because[0]
    result = b.execute(b.plan(answer=Answer(options=("next",)), **_WAITING))
    assert result.outcome is Outcome.APPLIED, result
    assert "a message of the thread" in result.detail
    said = [one["text"] for one in b.server.core.database.entities("message", thread) if request in one["id"]]
    assert said == ["Which branch shall I use?\nnext"]
    assert b.server.runs(thread)[-1] in (("starting", "running", "waiting", "completed") if over else ("queued",))
    assert b.plan(answer=Answer(options=("next",)), **_WAITING).decision is Decision.NOTHING


def test_what_a_question_allows_is_what_is_sent() -> None:
    asked = {
        "id": "q", "question": "Where?", "allowCustomAnswer": False,
        "options": [{"label": "Here", "value": "here-1"}, {"label": "There", "value": "there-2"}],
    }  # fmt: skip
    maybe = {"id": "why", "question": "Why?", "options": [], "required": False}
    shown = thread_shown(
        {
            "runs": [{"id": "r", "ordinal": 1, "status": "running"}],
            "runtimeRequests": [
                {"id": "a", "kind": "user_input", "status": "pending", "responseCapability": {"type": "live"}}
            ],
            "turnItems": [{"type": "user_input_request", "requestId": "a", "questions": [asked, maybe]}],
        }
    )
    case = SecondSituation(
        kind="answer",
        belief=belief(verdict=Verdict.WAITING),
        seen=Sighting(at=0, found=True, second=SecondObservation.of(shown)),
        holds_queue=True,
        answer=Answer(each={"q": ("There",)}),
    )
    assert choose(case).about == ({"requestId": "a", "answers": {"q": "there-2"}},)
    refused = choose(structs.replace(case, answer=Answer(each={"q": ("elsewhere",)})))
    assert "cannot be chosen" in refused.because[0]
