"""Every recorded stuck state, with everything that can go wrong: the outcome is right and the journal true."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import t3lens
from t3lens.act import Decision, Journal, Outcome, Plan, Result
from t3lens.act.observe import observe
from tests.act.bench import Bench, bench, rows
from tests.act.faults import FAULTS, Fault
from tests.recordings import Recording, needs_recordings, recordings

pytestmark = needs_recordings

SESSION_OVER = ("request-on-dead-session", "answer-not-delivered", "pending-turn-abandoned")
"""Reasons for which a thread is stuck though its session is over."""


@dataclass(frozen=True)
class Stuck:
    """A recorded stuck thread, and what is right to do about it.

    Attributes:
        recording: The home.
        thread: Its place among the home's threads.
        reason: The finding that says why.
        adopt: The server that wrote the home still runs; else another was started since.
        decision: What the plan must come to.
    """

    recording: Recording
    thread: int
    reason: str
    adopt: bool
    decision: Decision

    @property
    def name(self) -> str:
        return f"{self.recording.name}#{self.thread}"


def _stuck() -> Iterator[Stuck]:
    for recording in recordings():
        stored = [row["thread_id"] for row in recording.rows("projection_threads", "created_at")]
        sessions = {row["thread_id"]: row for row in recording.rows("projection_thread_sessions")}
        for thread_id, expected in recording.expected["threads"].items():
            if expected["verdict"][0] != "stuck":
                continue
            session = sessions.get(thread_id)
            live = session is not None and session["status"] in ("starting", "running")
            must = expected["must"]
            scenario = recording.scenario
            heals = recording.build == "0.0.33"
            adopt = recording.expected["server"] == "alive" and "orphaned-turn" not in must
            if scenario.startswith(("20-", "08b-")):
                reason, decision = "command-queue-stalled", Decision.RESTART
            elif must:
                reason, decision = must[0], Decision.ACT
            else:
                reason, decision = "pending-turn-abandoned", Decision.ACT
            if decision is Decision.ACT and live and not adopt and heals:
                decision = Decision.NOTHING  # the server that was started since has ended it
            yield Stuck(recording, stored.index(thread_id), reason, adopt, decision)


STUCK = list(_stuck())


def _by_size() -> list[object]:
    """All states, those like one before it marked slow: same build, server and kind of session."""
    seen = set()
    chosen: list[object] = []
    for stuck in STUCK:
        over = stuck.reason in SESSION_OVER
        kind = (stuck.recording.build, stuck.adopt, stuck.decision, over)
        marks = [pytest.mark.slow] if kind in seen and stuck.decision is Decision.ACT else []
        seen.add(kind)
        chosen.append(pytest.param(stuck, id=stuck.name, marks=marks))
    return chosen


@contextmanager
def _state(stuck: Stuck, folder: Path) -> Iterator[tuple[Bench, Plan]]:
    with bench(
        stuck.recording,
        folder,
        thread=stuck.thread,
        adopt=stuck.adopt,
        build=stuck.recording.build,
    ) as b:
        yield b, b.plan(stuck.reason)


def _rows_of(b: Bench) -> list[object]:
    thread = b.target.thread_id
    return [
        b.rows("SELECT * FROM projection_thread_sessions WHERE thread_id = ?", thread),
        b.rows("SELECT * FROM projection_turns WHERE thread_id = ?", thread),
        b.rows("SELECT * FROM provider_session_runtime WHERE thread_id = ?", thread),
    ]


def _wrong(stuck: Stuck, fault: Fault, folder: Path) -> tuple[Outcome, list[str]]:
    """The outcome of one cell, and everything that is not right about it."""
    with _state(stuck, folder) as (b, plan):
        others, own = b.others(), _rows_of(b)
        known = plan.decision
        assert known is stuck.decision, f"{stuck.name}: {plan}"
        right = _right(stuck, fault, plan)
        b.patient = right is not Outcome.NOT_CONFIRMED  # that is what remains when the time is over
        result = fault.run(b, plan) if plan.acts else b.execute(plan)
        wrong = []
        if result.outcome is not right:
            wrong.append(f"is {result.outcome}, not {right}: {result.detail}")
        if b.others() != others and fault.name != "restart meanwhile":
            wrong.append("another thread changed")
        expected_asked = fault.asked if plan.acts else 0
        if expected_asked is not None and b.stop_requests() != expected_asked:
            wrong.append(f"asked {b.stop_requests()} times, not {expected_asked}")
        if not result.sent and fault.name not in ("state changes",) and _rows_of(b) != own:
            wrong.append("nothing was sent, and the thread changed")
        wrong += _untrue(b, result)
        return result.outcome, wrong


def _right(stuck: Stuck, fault: Fault, plan: Plan) -> Outcome:
    if plan.decision is Decision.NOTHING:
        return Outcome.ALREADY
    if not plan.acts:
        return Outcome.REFUSED
    if plan.declines and fault.name == "restart meanwhile":
        return Outcome.APPLIED  # the server ended the session itself, and the decline was still to do
    heals = stuck.recording.build == "0.0.33"
    live = plan.seen.session is not None and plan.seen.session.live
    return fault.expected(heals or not live)


def _untrue(b: Bench, result: Result) -> list[str]:
    """What result or journal say that the database does not."""
    wrong = []
    record = b.journal.records()[-1]
    if (record.outcome, record.changed) != (result.outcome, result.changed):
        wrong.append(f"the journal says {record.outcome}, changed {record.changed}")
    seen = observe(b.target)
    stopped = seen.session is not None and seen.session.stopped
    declined = "is declined" in result.detail
    if result.outcome is Outcome.APPLIED and not stopped and not declined:
        wrong.append("applied is claimed, and the session is not stopped")
    if result.good and seen.open_requests:
        wrong.append("success is claimed, and a request is open")
    if result.applied is not (result.outcome is Outcome.APPLIED):
        wrong.append("applied contradicts the outcome")
    if result.outcome is Outcome.ALREADY and result.changed:
        wrong.append("a no-op claims a change")
    if result.good and not seen.settled:
        wrong.append("success is claimed, and the session is not settled")
    if b.server.token in b.journal.path.read_text():
        wrong.append("the journal holds the token")
    return wrong


@pytest.mark.parametrize("stuck", _by_size())
def test_every_outcome_is_right(stuck: Stuck, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    cells, wrong = [], []
    # a plan that sends nothing is the same whatever goes wrong behind it
    faults = FAULTS if stuck.decision is Decision.ACT else FAULTS[-1:]
    for number, fault in enumerate(faults):
        folder = tmp_path / str(number)
        folder.mkdir()
        outcome, problems = _wrong(stuck, fault, folder)
        cells.append(f"{fault.name}={outcome}{' WRONG' if problems else ''}")
        wrong += [f"{fault.name}: {problem}" for problem in problems]
        shutil.rmtree(folder)
    record_property("fault_matrix", f"{stuck.name}|{stuck.decision}|{';'.join(cells)}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("stuck", STUCK, ids=lambda s: s.name)
def test_what_the_diagnosis_of_the_home_finds_leads_to_the_same_decision(stuck: Stuck, tmp_path: Path) -> None:
    with _state(stuck, tmp_path) as (b, by_hand), t3lens.open(b.home) as lens:
        lens.connect(token=b.server.token)
        plan = lens.thread(b.target.thread_id).reconcile().plan
        assert plan.decision is by_hand.decision is stuck.decision, plan


def test_the_matrix_covers_every_kind_of_decision() -> None:
    assert {stuck.decision for stuck in STUCK} == {
        Decision.ACT,
        Decision.NOTHING,
        Decision.RESTART,
    }
    assert sum(stuck.decision is Decision.ACT for stuck in STUCK) > 15
    assert {stuck.recording.build for stuck in STUCK} == {"0.0.23", "0.0.28", "0.0.33"}


def test_a_state_is_set_up_as_it_was_recorded(tmp_path: Path) -> None:
    stuck = next(s for s in STUCK if s.decision is Decision.ACT)
    with _state(stuck, tmp_path) as (b, plan):
        assert plan.acts
        assert rows(b.server.userdata / "state.sqlite", "SELECT count(*) FROM projection_threads")
        assert Journal(b.journal.path).records() == []
