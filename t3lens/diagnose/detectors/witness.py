"""What an agent's own record tells of a turn that T3 Code says is running: that it ended, or died."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from t3lens.diagnose.case import Case, record_evidence
from t3lens.diagnose.detector import Group, Hit, detector
from t3lens.diagnose.witness import Witness, witness_of
from t3lens.domain.finding import Remedy, Severity, Verdict
from t3lens.domain.state import SessionStatus
from t3lens.time import SECOND, iso

__all__ = ["provider_cut", "provider_ended"]

_SETTLED: Final = 5 * SECOND
"""An agent writes an end before it tells it; after this long T3 Code has missed it."""

_ENDED: Final = {"finished": "had finished", "failed": "had failed", "aborted": "was aborted"}

_MISSED: Final = (
    "The agent wrote down that this turn is over, and T3 Code never took notice. Nothing more will come for it: the "
    "thread shows as working until somebody stops it."
)
_DIED: Final = (
    "The agent has begun another turn of the same session since: the turn that T3 Code waits for died or was shut "
    "down, and nobody will ever write its end."
)


@detector(
    "provider-ended",
    Severity.HIGH,
    Group.SPLIT,
    "PA",
    makes=Verdict.STUCK,
    remedy=Remedy.STOP,
    condition=(
        "The session is stored as running a turn, and the agent's own record has the end of that turn, more than 5 s ago."
    ),
    explanation=_MISSED,
)
def provider_ended(case: Case) -> Iterator[Hit]:
    """Running here, over there."""
    witness = _witness(case)
    if witness is None or witness.turn.outcome not in _ENDED or witness.record.open_sub_agents:
        return
    ended = witness.turn.ended_at
    if ended is None or case.context.as_of - ended <= _SETTLED:
        return
    turn = witness.turn
    said = f" ({turn.error})" if turn.error else ""
    yield Hit(
        summary=(
            f"{case.name} is stored as running turn {_active(case)}, but {witness.record.provider} itself recorded at "
            f"{iso(ended)} that it {_ENDED[turn.outcome]}{said}."
        ),
        confidence=witness.confidence,
        explanation=_explained(_MISSED, witness),
        turn_id=_active(case),
        since=ended,
        evidence=(*record_evidence(witness.record, turn), case.session_row()),
    )


@detector(
    "provider-cut",
    Severity.HIGH,
    Group.SPLIT,
    "PA",
    makes=Verdict.STUCK,
    remedy=Remedy.STOP,
    condition=(
        "The session is stored as running a turn that has no end in the agent's own record, where a later turn follows."
    ),
    explanation=_DIED,
)
def provider_cut(case: Case) -> Iterator[Hit]:
    """Running here, dead there."""
    witness = _witness(case)
    if witness is None or witness.turn.outcome != "cut":
        return
    turn = witness.turn
    evidence = record_evidence(witness.record, turn)
    later = evidence[0].at if evidence else None
    if later is None or case.context.as_of - later <= _SETTLED:
        return  # T3 Code may be about to say that the later turn runs
    yield Hit(
        summary=(
            f"{case.name} is stored as running turn {_active(case)}, which has no end in {witness.record.provider}'s own "
            "record, while a later turn follows there: it died."
        ),
        confidence=witness.confidence,
        explanation=_explained(_DIED, witness),
        turn_id=_active(case),
        since=turn.started_at,
        evidence=(*evidence, case.session_row()),
    )


def _explained(why: str, witness: Witness) -> str:
    return f"{why} Not surer because {witness.doubt}." if witness.doubt else why


def _active(case: Case) -> str | None:
    return case.session.active_turn_id if case.session is not None else None


def _witness(case: Case) -> Witness | None:
    """The record's word on the turn that the stored session runs."""
    session = case.session
    if session is None or session.status != SessionStatus.RUNNING or case.inferred:
        return None
    return witness_of(case.facts, session.active_turn_id)
