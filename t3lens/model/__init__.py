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
from t3lens.model.interleave import interleave
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
    "Remedy",
    "Rules",
    "Session",
    "SessionStatus",
    "Severity",
    "ThreadState",
    "Transition",
    "Turn",
    "TurnState",
    "Verdict",
    "interleave",
    "profile",
    "reduce",
    "replay",
    "transitions",
]
