"""The domain, pure: events, states, rules, ``reduce()``, findings. It does no I/O and imports no other room."""

from t3lens.model.events import Event
from t3lens.model.finding import (
    VERDICT_ORDER,
    Confidence,
    Evidence,
    EvidenceKind,
    Finding,
    Remedy,
    Severity,
    Verdict,
)
from t3lens.model.history import History
from t3lens.model.interleave import interleave
from t3lens.model.projection import ProjectedThread, SessionRow, TurnRow, project
from t3lens.model.reducer import reduce, replay, transitions
from t3lens.model.rules import PROFILES, REFERENCE, Rules, profile
from t3lens.model.state import (
    EMPTY,
    LIVE,
    Session,
    SessionStatus,
    ThreadState,
    Transition,
    Turn,
    TurnState,
)

__all__ = [
    "EMPTY",
    "LIVE",
    "PROFILES",
    "REFERENCE",
    "VERDICT_ORDER",
    "Confidence",
    "Event",
    "Evidence",
    "EvidenceKind",
    "Finding",
    "History",
    "ProjectedThread",
    "Remedy",
    "Rules",
    "Session",
    "SessionRow",
    "SessionStatus",
    "Severity",
    "ThreadState",
    "Transition",
    "Turn",
    "TurnRow",
    "TurnState",
    "Verdict",
    "interleave",
    "profile",
    "project",
    "reduce",
    "replay",
    "transitions",
]
