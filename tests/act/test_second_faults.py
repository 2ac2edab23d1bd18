"""Every recorded stuck state of the second data model, with everything that can go wrong: the outcome is right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import t3lens
from t3lens.act import BoundPlan, Decision, Outcome, Plan, Progress, Result, connect
from t3lens.act.answer import Answer as NativeRecord
from t3lens.act.errors import Interrupted
from t3lens.act.queue_change import Queued
from t3lens.domain.finding import Verdict
from t3lens.sim import HttpFault
from t3lens.sim.auth import READ, HttpReply
from t3lens.sim.script import Ask, AskApproval, Hang, Say
from t3lens.sim.v2.builds import SECOND_BUILDS
from tests.act.bench import writable_copy
from tests.act.second import QUICK, SHORT, SecondBench, second_bench, second_home
from tests.recordings import Recording, needs_recordings_v2, recordings_v2

APPLIED, ALREADY, FAILED = Outcome.APPLIED, Outcome.ALREADY, Outcome.FAILED
REFUSED, UNCONFIRMED = Outcome.REFUSED, Outcome.NOT_CONFIRMED
TICKET, SOCKET = "/api/auth/websocket-ticket", "/ws"


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        name: As in the matrix.
        run: Makes it happen and carries the plan out.
        right: The outcome that is right.
        stored: How many commands of ours may be stored then.
    """

    name: str
    run: Callable[[SecondBench, Plan], Result]
    right: Outcome
    stored: int


def _with(fault: HttpFault) -> Callable[[SecondBench, Plan], Result]:
    def run(b: SecondBench, plan: Plan) -> Result:
        b.server.http_faults.append(fault)
        return b.execute(plan, timing=SHORT if fault.times is None and fault.drop not in ("after", "never") else QUICK)

    return run


def _unauthorised(b: SecondBench, plan: Plan) -> Result:
    b.server.auth.revoke_all()
    return b.execute(plan, timing=SHORT)


def _read_only(b: SecondBench, plan: Plan) -> Result:
    b.connection._token = None
    b.connection._given = connect(b.home, token=b.server.auth.issue((READ,)))._given
    return b.execute(plan, timing=SHORT)


def _lost_ticket(b: SecondBench, plan: Plan) -> Result:
    opened = b.server.open_socket

    def forgotten(path: str) -> tuple[str, ...] | HttpReply:
        b.server.forget_tickets()
        return opened(path)

    b.server.open_socket = forgotten  # type: ignore[method-assign]
    return b.execute(plan, timing=SHORT)


def _other_home(b: SecondBench, plan: Plan) -> Result:
    b.connection.environment_id = "another-environment"
    return b.execute(plan, timing=SHORT)


def _somebody_else(b: SecondBench, plan: Plan) -> Result:
    step, thread = plan.steps[0], b.target.thread_id
    b.server.do(step.action.value, thread, **step.about)
    with b.server.lock:
        before = b.server.core.database.sequence
    assert before
    return b.execute(plan, timing=SHORT)


def _provider_comes_back(b: SecondBench, plan: Plan) -> Result:
    with b.server.lock:
        core, thread = b.server.core, b.target.thread_id
        run = core.database.entities("run", thread)[-1]
        core._says(run["id"], "after all")
    return b.execute(plan, timing=SHORT)


def _effect_hangs(b: SecondBench, plan: Plan) -> Result:
    b.server.faults.hangs.update(_effects(plan))
    return b.execute(plan, timing=SHORT)


def _effect_fails(b: SecondBench, plan: Plan) -> Result:
    b.server.faults.fails.update(dict.fromkeys(_effects(plan), "The provider did not answer."))
    return b.execute(plan, timing=QUICK)


def _effects(plan: Plan) -> list[str]:
    kind = plan.steps[0].action.value
    of = {"run.interrupt": "provider-turn.interrupt", "queued-message.promote-to-steer": "provider-turn.steer"}
    return [of.get(kind, kind)]


def _restarts(b: SecondBench, plan: Plan) -> Result:
    b.server.faults.hangs.update(_effects(plan))
    done: list[bool] = []

    def on_step(progress: Progress) -> None:
        if progress.phase == "accepted" and not done:
            done.append(True)
            b.server.kill()
            b.server.faults.hangs.clear()
            b.server.start()

    return b.execute(plan, timing=QUICK, on_step=on_step)


def _interrupted(phase: str) -> Callable[[SecondBench, Plan], Result]:
    def run(b: SecondBench, plan: Plan) -> Result:
        def on_step(progress: Progress) -> None:
            if progress.phase == phase:
                raise KeyboardInterrupt

        b.server.faults.hangs.update(_effects(plan))
        try:
            b.execute(plan, timing=SHORT, on_step=on_step)
        except Interrupted as interrupt:
            assert isinstance(interrupt.result, Result)
            return interrupt.result
        raise AssertionError("the interrupt was swallowed")

    return run


FAULTS = (
    Fault("401", _unauthorised, FAILED, 0),
    Fault("403", _read_only, FAILED, 0),
    Fault("426", _with(HttpFault(path=SOCKET, answer=HttpReply(426))), FAILED, 0),
    Fault("lost ticket", _lost_ticket, FAILED, 0),
    Fault("no ticket", _with(HttpFault(path=TICKET, drop="before")), FAILED, 0),
    Fault("no socket", _with(HttpFault(path=SOCKET, answer=HttpReply(503))), FAILED, 0),
    Fault("wrong home", _other_home, REFUSED, 0),
    Fault("somebody else", _somebody_else, REFUSED, 0),
    Fault("provider comes back", _provider_comes_back, REFUSED, 0),
    Fault("interrupt before", _interrupted("sending"), REFUSED, 0),
    Fault("interrupt after", _interrupted("accepted"), UNCONFIRMED, 1),
    Fault("lost before, always", _with(HttpFault(path=SOCKET, drop="before")), UNCONFIRMED, 0),
    Fault("lost before, once", _with(HttpFault(path=SOCKET, drop="before", times=1)), APPLIED, 1),
    Fault("lost after, once", _with(HttpFault(path=SOCKET, drop="after", times=1)), APPLIED, 1),
    Fault("lost after, always", _with(HttpFault(path=SOCKET, drop="after")), APPLIED, 1),
    Fault("never answered", _with(HttpFault(path=SOCKET, drop="never")), APPLIED, 1),
    Fault("effect hangs", _effect_hangs, UNCONFIRMED, 1),
    Fault("effect fails", _effect_fails, FAILED, 1),
    Fault("restart meanwhile", _restarts, ALREADY, 1),
    Fault("answers", lambda b, plan: b.execute(plan), APPLIED, 1),
)
"""Each on its own copy of the state, so that none hides another."""


def _silent(b: SecondBench) -> Plan:
    b.server.send(b.target.thread_id, "again", Say("one", pace=0.1), Hang())
    b.turn_runs()
    b.answered("one")  # or what it says would end the plan
    return b.plan("silent-turn")


def _asking(b: SecondBench) -> Plan:
    b.server.send(b.target.thread_id, "asks", AskApproval())
    b.until(lambda core: bool(core.database.entities("runtime-request", b.target.thread_id)))
    return b.plan("waiting-for-user", kind="decline", verdict=Verdict.WAITING)


def _error(b: SecondBench) -> Plan:
    with b.server.lock:
        process = b.server.core.process_of(b.target.thread_id)
        assert process is not None
        b.server.core.kill_process(process)
    return b.plan("session-error-not-reopened", verdict=Verdict.FAILED)


def _queued(b: SecondBench) -> Plan:
    _silent(b)
    b.server.send(b.target.thread_id, "behind it")
    return b.plan(kind="cancel-queued")


def _queue(b: SecondBench) -> list[str]:
    _queued(b)
    b.server.send(b.target.thread_id, "after that")
    return [run["id"] for run in b.server.core.database.entities("run", b.target.thread_id)[-2:]]


def _by_message(b: SecondBench) -> Plan:
    b.server.send(b.target.thread_id, "asks", Ask(options=("main", "next"), waits=False), Hang())
    b.until(lambda core: bool(core.database.entities("runtime-request", b.target.thread_id)))
    return b.plan("waiting-for-user", kind="answer", verdict=Verdict.WAITING, answer=NativeRecord(options=("main",)))


def _moved(b: SecondBench) -> Plan:
    first, second = _queue(b)
    return b.plan(kind="move-queued", queued=Queued(run_id=second, before=first))


def _edited(b: SecondBench) -> Plan:
    return b.plan(kind="edit-queued", queued=Queued(run_id=_queue(b)[0], text="something else"))


def _promoted(b: SecondBench) -> Plan:
    return b.plan(kind="promote-queued", queued=Queued(run_id=_queue(b)[0]), verdict=Verdict.WORKING)


def _held(b: SecondBench) -> Plan:
    _queued(b)
    b.server.restart(kill=True)
    return b.plan("queue-held", kind="resume-queue", verdict=Verdict.STUCK)


def _question(b: SecondBench) -> Plan:
    b.server.send(b.target.thread_id, "asks", Ask(options=("main", "next")))
    b.until(lambda core: bool(core.database.entities("runtime-request", b.target.thread_id)))
    return b.plan("waiting-for-user", kind="answer", verdict=Verdict.WAITING, answer=NativeRecord(options=("main",)))


STATES: dict[str, tuple[Callable[[SecondBench], Plan], dict[str, Outcome]]] = {
    "silent": (_silent, {}),
    # a run that asks works, so its provider may say something; an answer that a restart overtakes reaches nobody
    "asking": (_asking, {"provider comes back": APPLIED, "restart meanwhile": FAILED}),
    # a detach is done again at a start, and letting a session go needs nobody's answer
    "error": (_error, {"provider comes back": REFUSED, "restart meanwhile": APPLIED}),
    "question": (_question, {"provider comes back": APPLIED, "restart meanwhile": FAILED}),
    # these have no effect in the outbox: what is stored is done
    "queued": (_queued, {}),
    "held": (_held, {}),
    "moved": (_moved, {}),
    "edited": (_edited, {}),
    # a message that a restart overtakes reaches nobody
    # its effect is the start of a run, or nothing where one is live
    "by message": (_by_message, {}),
    "promoted": (_promoted, {"restart meanwhile": FAILED}),
}
"""What a plan that acts is made for, and where what is right differs from the rest."""


def _untrue(b: SecondBench, plan: Plan, result: Result) -> list[str]:
    """What result or journal say that the database does not."""
    wrong = []
    record = b.journal.records()[-1]
    if (record.outcome, record.changed) != (result.outcome, result.changed):
        wrong.append(f"the journal says {record.outcome}, changed {record.changed}")
    if result.applied is not (result.outcome is APPLIED):
        wrong.append("applied contradicts the outcome")
    if result.outcome is ALREADY and result.changed:
        wrong.append("a no-op claims a change")
    if result.outcome is APPLIED:
        run_id = plan.steps[0].about.get("runId")
        effects = b.rows("SELECT status FROM orchestration_v2_effect_outbox WHERE command_id LIKE 't3lens-%'")
        without = plan.kind in _NO_EFFECT or (
            plan.seen.second is not None and plan.seen.second.pending[:1] and plan.seen.second.pending[0].by_message
        )
        if effects != ([] if without else [("succeeded",)]):
            wrong.append(f"applied is claimed, and its effects are {effects}")
        runs = b.rows("SELECT status FROM orchestration_v2_projection_runs WHERE run_id = ?", run_id)
        right = {"cancel-queued": "cancelled", "move-queued": "queued", "edit-queued": "queued"}.get(
            plan.kind, "interrupted"
        )
        if run_id is not None and runs != [(right,)]:
            wrong.append(f"applied is claimed, and the run is {runs}")
    if b.server.token in b.journal.path.read_text():
        wrong.append("the journal holds the token")
    return wrong


_NO_EFFECT = ("cancel-queued", "resume-queue", "move-queued", "edit-queued")

ON_THE_WAY = 10
"""So many faults, the first ones, are of the way to the server: the same whatever the command."""


WITHOUT_EFFECT = ("somebody else", "interrupt before", "lost before, always", "lost before, once", "lost after, once",
                  "lost after, always", "answers")  # fmt: skip
"""What can go wrong with a command that asks for no effect; the way to the server is the same for all."""
SEEN_BY_OTHERS = ("moved", "edited", "by message")
"""Sent and read back as others are: what is most likely to differ is always tried, the rest in the long run."""
WITH_ANSWER = ("somebody else", "lost after, always", "effect hangs", "restart meanwhile", "answers")


def _cells() -> Iterator[object]:
    for state in STATES:
        for place, fault in enumerate(FAULTS):
            if state in ("queued", "held", "moved", "edited", "by message") and fault.name not in WITHOUT_EFFECT:
                continue
            if state in ("question", "promoted") and fault.name not in WITH_ANSWER:
                continue
            slow = state != "silent" and place < ON_THE_WAY and fault.name not in ("somebody else", "provider comes back")
            slow = slow or (state != "silent" and fault.name == "never answered")
            slow = slow or (state in SEEN_BY_OTHERS and fault.name not in ("somebody else", "lost after, always"))
            yield pytest.param(fault, state, id=f"{state}: {fault.name}", marks=[pytest.mark.slow] if slow else [])


@pytest.mark.parametrize(("fault", "state"), list(_cells()))
def test_every_outcome_is_right(
    fault: Fault, state: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    # each build takes its turn over the cells; both are in the tests of each action
    build = list(SECOND_BUILDS)[1 if state == "held" else (len(fault.name) + len(state)) % 2]
    make, exceptions = STATES[state]
    thread = second_home(tmp_path, build=build)
    with second_bench(tmp_path / "home", thread, timeout=4.0 if fault.name == "never answered" else 120.0) as b:
        plan = make(b)
        assert plan.acts, plan
        others = b.others()
        result = fault.run(b, plan)
        right = exceptions.get(fault.name, fault.right)
        wrong = "" if result.outcome is right else " WRONG"
        record_property("fault_matrix", f"{state} ({build}): {fault.name}|{plan.decision}|={result.outcome}{wrong}")
        assert result.outcome is right, result
        stored = [receipt for receipt in b.receipts() if receipt[1] == "accepted"]
        assert len(stored) == (1 if right is APPLIED else fault.stored)
        assert b.others() == others
        assert _untrue(b, plan, result) == []


# --- the recorded states -----------------------------------------------------------------------------------------

RESTART, ACT, NOTHING = Decision.RESTART, Decision.ACT, Decision.NOTHING


def _recorded() -> Iterator[tuple[Recording, str]]:
    for recording in recordings_v2():
        if recording.expected["server"] != "alive" or not (recording.path / "userdata" / "server-runtime.json").exists():
            continue
        for thread_id, expected in recording.expected["threads"].items():
            if expected["verdict"] == ["stuck"] or "session-error-not-reopened" in expected["must"]:
                yield recording, thread_id


RECORDED = list(_recorded())


@contextmanager
def _state(recording: Recording, thread_id: str, folder: Path) -> Iterator[SecondBench]:
    home = writable_copy(recording.path, folder / "home")
    with second_bench(home, thread_id, adopt=True) as b:
        yield b


def _one_of_each_story() -> Iterator[object]:
    seen: set[str] = set()
    for recording, thread_id in RECORDED:
        yield pytest.param(recording, thread_id, recording.scenario not in seen and len(seen) < 2, id=recording.name)
        seen.add(recording.scenario)


@needs_recordings_v2
@pytest.mark.parametrize(("recording", "thread_id", "first"), list(_one_of_each_story()))
def test_what_is_done_about_a_recorded_state_is_what_was_seen_to_help(
    recording: Recording, thread_id: str, first: bool, tmp_path: Path, full_size: bool
) -> None:
    """Behind a hanging effect nothing is sent, and a restart brings it back; a session in error is let go."""
    with _state(recording, thread_id, tmp_path) as b, t3lens.open(b.home) as lens:
        lens.connect(token=b.server.token)
        others, own = b.others(), b.own()
        hangs = any(row[0] == "running" for row in b.rows(
            "SELECT status FROM orchestration_v2_effect_outbox WHERE thread_id = ?", thread_id))  # fmt: skip
        bound = lens.thread(thread_id).reconcile()
        assert bound.plan.decision is (RESTART if hangs else ACT), bound
        result = b.execute(bound.plan)
        if hangs:
            assert result.outcome is REFUSED
            assert b.server.commands == []
            assert b.own() == own
        else:
            assert result.outcome is APPLIED, result
            (command,) = b.server.commands
            assert command["type"] == "provider-session.detach"
        assert b.others() == others
        if hangs and (first or full_size):
            _a_restart_brings_it_back(b, bound)


def _a_restart_brings_it_back(b: SecondBench, bound: BoundPlan) -> None:
    def on_step(progress: Progress) -> None:
        if "restart the T3 Code server now" in progress.text:
            b.server.restart(kill=True)

    result = bound.execute(confirm=True, wait=True, on_step=on_step)
    assert result.outcome is ALREADY, result
    with b.server.lock:
        runs = b.server.core.database.entities("run", b.target.thread_id)
    assert [run for run in runs if run["status"] in ("running", "starting")] == []


def test_the_recorded_states_are_of_both_kinds() -> None:
    assert not recordings_v2() or len(RECORDED) > 5
