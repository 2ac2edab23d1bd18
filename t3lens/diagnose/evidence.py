"""How a finding points at what it rests on: a log line, a stored event, a row, an agent's record, or an absence."""

from __future__ import annotations

import json
from typing import Final

from t3lens.diagnose.event_contents import session_of
from t3lens.diagnose.facts import (
    Failure,
    LogLine,
    RecordFacts,
    RecordTurn,
)
from t3lens.domain.event import Event
from t3lens.domain.finding import Evidence, EvidenceKind
from t3lens.t3code.v1.schema import (
    ORCHESTRATION_EVENTS,
)
from t3lens.time import Micros

__all__ = ["absence", "failure_evidence", "log_evidence", "record_evidence", "row_evidence", "stored_evidence"]


def row_evidence(table: str, key: str, at: Micros | None, excerpt: str) -> Evidence:
    """Evidence of a row of a table of T3 Code."""
    return Evidence(kind=EvidenceKind.ROW, source=table, key=key, at=at, excerpt=excerpt)


def log_evidence(ref: LogLine, event: Event | None = None, excerpt: str = "") -> Evidence:
    """Evidence of a log line."""
    return Evidence(
        kind=EvidenceKind.LOG,
        source=ref.path,
        line=ref.line,
        offset=ref.offset,
        event_id=event.event_id if event else None,
        at=ref.at,
        excerpt=excerpt or _describe(ref.type, event),
    )


_LATER: Final = {"cut": "another turn, which came after", "superseded": "the turn that took over"}
"""What the last place shows that such an outcome rests on: it is not of the turn itself."""


def record_evidence(record: RecordFacts, turn: RecordTurn) -> tuple[Evidence, ...]:
    """Evidence of a turn of an agent's own record, the most telling place first."""
    marks: list[dict[str, object]] = json.loads(turn.marks)
    found = []
    later = _LATER.get(turn.outcome) if len(marks) > 1 else None
    for mark in reversed(marks):
        of = f"of {later} turn {turn.turn_id}" if later and mark is marks[-1] else f"of turn {turn.turn_id}"
        line, offset, row, at = (mark.get(name) for name in ("line", "offset", "row", "at"))
        found.append(
            Evidence(
                kind=EvidenceKind.RECORD,
                source=record.path or record.provider,
                line=line if isinstance(line, int) else None,
                offset=offset if isinstance(offset, int) else None,
                key=str(row) if row is not None else None,
                at=at if isinstance(at, int) else None,
                excerpt=f"{mark.get('what')} {of}: {turn.outcome}",
            )
        )
    return tuple(found)


def stored_evidence(event: Event, excerpt: str = "") -> Evidence:
    """Evidence of a stored event."""
    return Evidence(
        kind=EvidenceKind.EVENT,
        source=ORCHESTRATION_EVENTS,
        event_id=event.event_id,
        key=str(event.sequence) if event.sequence is not None else None,
        at=event.at,
        excerpt=excerpt or _describe(event.type, event),
    )


def failure_evidence(failure: Failure) -> Evidence:
    """Evidence of an activity that tells of a failure."""
    return Evidence(
        kind=EvidenceKind.EVENT,
        source=ORCHESTRATION_EVENTS,
        event_id=failure.event_id,
        key=str(failure.sequence),
        at=failure.at,
        excerpt=failure.kind,
    )


def _describe(kind: str, event: Event | None) -> str:
    if event is None:
        return kind
    session = session_of(event)
    if session:
        return f"{kind}: {session.get('status')}, active turn {session.get('activeTurnId') or 'none'}"
    said = event.text("state") or event.text("status")
    turn = f" of turn {event.turn_id}" if event.turn_id else ""
    return f"{kind}{turn}{f': {said}' if said else ''}"


def absence(where: str, what: str) -> Evidence:
    """Evidence that something does not stand where it should."""
    return Evidence(kind=EvidenceKind.ABSENCE, source=where, excerpt=what)
