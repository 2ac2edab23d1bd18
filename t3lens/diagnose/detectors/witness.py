"""What an agent's own record tells of a turn that T3 Code says is running: that it ended, or died."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from t3lens.diagnose.case import Case
from t3lens.diagnose.detector import Group, Hit, detector
from t3lens.diagnose.facts import ModelInUse
from t3lens.diagnose.witness import ENDED, SETTLED, Witness, witness_of
from t3lens.diagnose.wording import capital
from t3lens.domain.finding import Confidence, Remedy, Severity, Verdict
from t3lens.domain.state import SessionStatus
from t3lens.time import Micros, iso

__all__ = ["provider_cut", "provider_ended"]

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
    thresholds=("lag",),
    models=(ModelInUse.FIRST, ModelInUse.SECOND),
    condition=(
        "The session is stored as running a turn, and the agent's own record has the end of that turn, more than 5 s ago."
    ),
    explanation=_MISSED,
)
def provider_ended(case: Case) -> Iterator[Hit]:
    """Running here, over there."""
    witness = _witness(case)
    if witness is None or not witness.ended or not _is_settled(case, witness.turn.ended_at):
        return
    turn = witness.turn
    said = f" ({turn.error})" if turn.error else ""
    yield _weaker_if_working(
        case,
        turn.ended_at,
        Hit(
            summary=(
                f"{capital(witness.record.provider)} itself recorded at {iso(turn.ended_at or 0)} that the turn "
                f"{ENDED[turn.outcome]}{said}, but {case.name} is still stored as running it."
            ),
            confidence=witness.confidence,
            explanation=_explained(_MISSED, witness) + _unasked(case, witness),
            turn_id=_active(case),
            since=turn.ended_at,
            evidence=(*witness.evidence, case.session_row()),
        ),
    )


@detector(
    "provider-cut",
    Severity.HIGH,
    Group.SPLIT,
    "PA",
    makes=Verdict.STUCK,
    remedy=Remedy.STOP,
    thresholds=("lag",),
    models=(ModelInUse.FIRST, ModelInUse.SECOND),
    condition=(
        "The session is stored as running a turn that has no end in the agent's own record, where a later turn follows."
    ),
    explanation=_DIED,
)
def provider_cut(case: Case) -> Iterator[Hit]:
    """Running here, dead there."""
    witness = _witness(case)
    if witness is None or not witness.cut:
        return
    later = witness.later_at
    if not _is_settled(case, later):
        return  # T3 Code may be about to say that the later turn runs
    sure = witness.confidence is not Confidence.POSSIBLE
    yield _weaker_if_working(
        case,
        later,
        Hit(
            summary=(
                f"{capital(witness.record.provider)}'s own record has no end of the turn that {case.name} is stored as "
                "running, while a later turn follows there: it died."
            ),
            confidence=witness.confidence,
            explanation=_explained(_DIED, witness),
            turn_id=_active(case),
            since=witness.turn.started_at,
            evidence=(*witness.evidence, case.session_row()),
            severity=None if sure else Severity.LOW,
            no_verdict=not sure,
            remedy=None if sure else Remedy.INVESTIGATE,
        ),
    )


def _weaker_if_working(case: Case, at: Micros | None, hit: Hit) -> Hit:
    """The hit, or a weak one where T3 Code's own log has work of the thread after the moment it is about."""
    worked = case.worked_at
    if at is None or worked is None or worked - at <= case.context.threshold("lag"):
        return hit
    return msgspec.structs.replace(
        hit,
        severity=Severity.LOW,
        confidence=Confidence.POSSIBLE,
        no_verdict=True,
        remedy=Remedy.INVESTIGATE,
        also=f"T3 Code itself contradicts this: it has work of the thread until {iso(worked)}.",
    )


def _explained(why: str, witness: Witness) -> str:
    return f"{why} Not surer because {witness.doubt}." if witness.doubt else why


def _unasked(case: Case, witness: Witness) -> str:
    """What is to be said of an abort that nobody asked T3 Code for."""
    turn, active = witness.turn, _active(case)
    if turn.outcome != "aborted" or active is None or case.stop_asked(active, turn.started_at or 0):
        return ""
    return " Nobody asked T3 Code to stop it: the agent was shut down, or stopped from elsewhere."


def _active(case: Case) -> str | None:
    return case.session.active_turn_id if case.session is not None else None


def _is_settled(case: Case, at: Micros | None) -> bool:
    """Whether it was long enough ago when the database was read: what T3 Code stored since is not known."""
    seen = case.context.home.database_seen_at
    moment = case.context.as_of if seen is None else min(case.context.as_of, seen)
    return at is not None and moment - at > SETTLED


def _witness(case: Case) -> Witness | None:
    """The record's word on the turn that the stored session runs."""
    session = case.session
    if session is None or session.status != SessionStatus.RUNNING or case.inferred:
        return None
    return witness_of(case, session.active_turn_id)
