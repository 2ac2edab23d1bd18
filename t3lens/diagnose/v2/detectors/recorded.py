"""Runs that are over, against what the agent's own record says of them."""

from __future__ import annotations

from collections.abc import Iterator

from t3lens.diagnose.detector import Group, Hit, detector
from t3lens.diagnose.detectors.outcomes import recorded_otherwise
from t3lens.diagnose.facts import ModelInUse
from t3lens.diagnose.v2.case import SecondCase
from t3lens.diagnose.v2.facts import RunRow
from t3lens.diagnose.witness import SETTLED, witness_of
from t3lens.diagnose.wording import capital
from t3lens.domain.finding import Confidence, Remedy, Severity, Verdict
from t3lens.t3code.v2.reducer import state_of_run
from t3lens.t3code.v2.words import RunStatus
from t3lens.time import iso

__all__ = ["turn_outcome_differs", "work_after_completion"]

_SECOND = (ModelInUse.SECOND,)
_BY_THE_AGENT = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.INTERRUPTED)
"""How a run is over that its agent ended; the others a server ends by itself."""


@detector(
    "turn-outcome-differs",
    Severity.MEDIUM,
    Group.MISMATCH,
    "PA",
    makes=Verdict.DIVERGED,
    models=_SECOND,
    condition="A run is stored as over, and the agent's own record tells of its end otherwise.",
    explanation=(
        "The run's outcome as stored is not what the agent itself recorded. Nothing blocks, but people and reports that "
        "count on it are told something untrue."
    ),
)
def turn_outcome_differs(case: SecondCase) -> Iterator[Hit]:
    """Stored outcome ≠ the recorded one."""
    for run in case.second_facts.runs:
        if run.status not in _BY_THE_AGENT or run.run_id in case.second_facts.reconciled:
            continue
        witness = witness_of(case, run.run_id)
        if witness is not None:
            state = state_of_run(run.status)
            yield from recorded_otherwise(case, witness, state, run.completed_at, case.run_row(run), run.run_id)


@detector(
    "work-after-completion",
    Severity.MEDIUM,
    Group.MISMATCH,
    "PA",
    makes=Verdict.DIVERGED,
    remedy=Remedy.INVESTIGATE,
    thresholds=("lag",),
    models=_SECOND,
    condition="The newest run is over, and the agent's own record goes on with the same turn more than 5 s later.",
    explanation=(
        "T3 Code considers the run over, but the agent goes on working (and spending). Background tasks and child sessions "
        "do not count."
    ),
)
def work_after_completion(case: SecondCase) -> Iterator[Hit]:
    """Work after the end of the newest run."""
    run = case.second_facts.runs[-1] if case.second_facts.runs else None
    if run is None or run.status not in _BY_THE_AGENT or run.completed_at is None or case.active is not None:
        return
    witness = witness_of(case, run.run_id)
    if witness is None or witness.turn.kind != "prompt" or witness.turn.void or witness.record.open_sub_agents:
        return
    worked = _worked_until(witness.turn.outcome, witness.turn.ended_at, witness.record.last_at)
    if worked is None or worked - run.completed_at <= max(case.context.threshold("lag"), SETTLED):
        return
    sure = witness.exact and _is_newest(case, run)
    yield Hit(
        summary=(
            f"{capital(witness.record.provider)}'s own record has work at {iso(worked)}, though the run of {case.name} was "
            f"over at {iso(run.completed_at)}."
        ),
        severity=None if sure else Severity.LOW,
        confidence=Confidence.LIKELY if sure else Confidence.POSSIBLE,
        no_verdict=not sure,
        also=f"Not surer because {witness.doubt}." if witness.doubt else "",
        turn_id=run.run_id,
        since=worked,
        evidence=(*witness.evidence, case.run_row(run)),
    )


def _worked_until(outcome: str, ended_at: int | None, last_at: int | None) -> int | None:
    """When the turn is known to have been worked on last."""
    if outcome == "open":
        return last_at
    return ended_at if outcome in ("finished", "failed", "aborted") else None


def _is_newest(case: SecondCase, run: RunRow) -> bool:
    """Whether nothing of the record's session came after the turn: its last line is of it."""
    own = list(case.recorded.values())
    return bool(own) and own[-1].turn_id in case.native_turns(run.run_id)
