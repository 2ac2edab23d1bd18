"""A finding and the verdict of a thread: what t3lens says, and on what it rests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from t3lens.time import Micros

__all__ = [
    "VERDICT_ORDER",
    "WRONG_VERDICTS",
    "Confidence",
    "Evidence",
    "EvidenceKind",
    "Finding",
    "Remedy",
    "Severity",
    "Verdict",
    "named",
]


class Severity(StrEnum):
    """How bad, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for ``critical`` … 4 for ``info``: sort ascending for worst first."""
        return tuple(Severity).index(self)

    def at_least(self, threshold: Severity) -> bool:
        """Whether this is as bad as ``threshold`` or worse."""
        return self.rank <= threshold.rank


class Confidence(StrEnum):
    """How sure: ``certain`` rests on records alone, ``likely`` on one assumption, ``possible`` on silence."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Verdict(StrEnum):
    """What a thread is, the first that applies."""

    DELETED = "deleted"
    STUCK = "stuck"
    DIVERGED = "diverged"
    WAITING = "waiting"
    FAILED = "failed"
    WORKING = "working"
    STOPPED = "stopped"
    IDLE = "idle"
    UNKNOWN = "unknown"


VERDICT_ORDER: Final = (
    Verdict.STUCK,
    Verdict.DIVERGED,
    Verdict.WAITING,
    Verdict.FAILED,
    Verdict.WORKING,
    Verdict.UNKNOWN,
    Verdict.STOPPED,
    Verdict.IDLE,
    Verdict.DELETED,
)
"""Worst first: the order in which people want to see threads."""


WRONG_VERDICTS: Final = (Verdict.STUCK, Verdict.DIVERGED, Verdict.WAITING, Verdict.FAILED)
"""Those that ask for somebody's attention, worst first."""


class Remedy(StrEnum):
    """What brings a thread back: the kind of plan ``reconcile()`` makes, or advice."""

    NONE = "none"
    STOP = "stop"
    DECLINE = "decline"
    ANSWER = "answer"
    NEW_MESSAGE = "new-message"
    RESTART_SERVER = "restart-server"
    WAIT = "wait"
    OFFLINE_REPAIR = "offline-repair"
    RESTORE_BACKUP = "restore-backup"
    DETACH = "detach"
    RESUME_QUEUE = "resume-queue"
    INVESTIGATE = "investigate"


class EvidenceKind(StrEnum):
    """Where a piece of evidence stands."""

    LOG = "log"
    ROW = "row"
    EVENT = "event"
    RECORD = "record"
    ABSENCE = "absence"


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One record a finding rests on, or the absence of one.

    Attributes:
        kind: ``log`` line, database ``row``, stored ``event``, a line or row of an agent's own ``record``, or
            ``absence`` (nothing stands where it should).
        source: File path relative to the home, or table name; for a record the path of its file; for an absence
            where was looked.
        line: 1-based line number in the file.
        offset: Byte offset of the line's first byte in the file.
        event_id: Id of the canonical or stored event.
        key: Primary key of the row, or the ``sequence`` of a stored event, as text; of a log line that asks something,
            the request's id.
        at: When it happened, microseconds UTC.
        excerpt: What it says, in one short line: types, ids, states; never prompt or answer text.
    """

    kind: EvidenceKind
    source: str
    line: int | None = None
    offset: int | None = None
    event_id: str | None = None
    key: str | None = None
    at: Micros | None = None
    excerpt: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong (or worth knowing) about a thread or a home.

    Attributes:
        finding_id: The name of its row and of its mark in figures: the same as long as it is about the same thing.
            It has one as soon as it stands in a diagnosis (``named``); before that it is empty.
        code: Stable kebab-case name, one of ``t3lens.diagnose.DETECTORS``.
        thread_id: The thread; None for a home-wide finding.
        turn_id: The turn, where one is concerned.
        severity: How bad it is for the people who use the thread.
        confidence: How sure, and so how much to check before acting.
        since: Since when it is so, microseconds UTC.
        since_event_id: The event where it began, if one is known.
        summary: One sentence with the ids in it.
        explanation: Why this is so, in plain words.
        remedy: The kind of plan that brings the thread back, or advice.
        makes: The verdict it forces (``stuck``, ``diverged``, ``waiting``), if any.
        evidence: The records it rests on, most telling first.
        references: Public issue numbers or addresses, where useful.
    """

    code: str
    severity: Severity
    confidence: Confidence
    summary: str
    explanation: str
    remedy: Remedy = Remedy.NONE
    thread_id: str | None = None
    turn_id: str | None = None
    since: Micros | None = None
    since_event_id: str | None = None
    makes: Verdict | None = None
    evidence: tuple[Evidence, ...] = ()
    references: tuple[str, ...] = ()
    finding_id: str = ""


def named(findings: Iterable[Finding], home_id: str) -> tuple[Finding, ...]:
    """The findings of one thread, or the home-wide ones of a home, in their order, each with its ``finding_id``.

    Args:
        findings: In the order in which they are told, which is part of the name.
        home_id: Their home.
    """
    return tuple(
        msgspec.structs.replace(finding, finding_id=_finding_id(home_id, rank, finding))
        for rank, finding in enumerate(findings)
    )


def _finding_id(home_id: str, rank: int, finding: Finding) -> str:
    about = "\0".join(
        (
            home_id,
            finding.code,
            finding.thread_id or "",
            finding.turn_id or "",
            str(finding.since),
            str(rank),
        )
    )
    return hashlib.sha256(about.encode()).hexdigest()[:16]
