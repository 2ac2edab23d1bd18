"""The verdict of a thread: the first of the list that applies, and the finding that explains it."""

from __future__ import annotations

from collections.abc import Sequence

from t3lens.diagnose.case import Case
from t3lens.diagnose.detector import DETECTORS
from t3lens.diagnose.v2.case import SecondCase
from t3lens.diagnose.v2.verdict import second_verdict, what_is_missing_of_second
from t3lens.domain.finding import WRONG_VERDICTS, Finding, Severity, Verdict
from t3lens.domain.state import SessionStatus
from t3lens.t3code.v1.lifecycle.settling import STATUSES

__all__ = ["order", "primary", "verdict", "what_is_missing"]

_BY_STATUS = {
    SessionStatus.STARTING: Verdict.WORKING,
    SessionStatus.RUNNING: Verdict.WORKING,
    SessionStatus.STOPPED: Verdict.STOPPED,
    SessionStatus.READY: Verdict.IDLE,
    SessionStatus.IDLE: Verdict.IDLE,
    SessionStatus.INTERRUPTED: Verdict.IDLE,
}


def verdict(case: Case, findings: Sequence[Finding]) -> Verdict:
    """What a thread is, given its findings.

    Args:
        case: The thread.
        findings: All its findings.

    Returns:
        The first verdict of the list in ``Verdict`` that applies.
    """
    if isinstance(case, SecondCase):
        return second_verdict(case, findings)
    row = case.facts.row
    if row is not None and row.deleted_at is not None:
        return Verdict.DELETED
    made = {finding.makes for finding in findings}
    for forced in WRONG_VERDICTS:
        if forced in made:
            return forced
    session = case.session
    if case.start.awaited is not None:
        return Verdict.WORKING  # a message is on its way to the provider, and not for too long
    if session is None:
        return Verdict.UNKNOWN if case.inferred else Verdict.IDLE
    status = STATUSES.get(session.status)
    found = _BY_STATUS.get(status) if status is not None else None
    if found is Verdict.WORKING and _cannot_tell(case):
        return Verdict.UNKNOWN
    return found or Verdict.UNKNOWN


def _cannot_tell(case: Case) -> bool:
    """A log whose last word is "running", of a server nobody knows or that started since, or of a thread that the
    database does not know."""
    return case.inferred and (case.context.server.status == "unknown" or case.stranger or case.ended_unseen)


def what_is_missing(case: Case) -> str:
    """What there is too little of to tell what a thread is, in words; empty if its verdict is not ``unknown``."""
    if case.context.home.standing.cannot_judge is not None:
        return f"its home cannot be judged: {case.context.home.standing.cannot_judge}"
    if isinstance(case, SecondCase):
        return what_is_missing_of_second(case)
    session = case.session
    database = "the database does not know it" if case.stranger else "there is no database"
    if session is None:
        return f"the log has no session event, and {database}" if case.inferred else ""
    if session.status not in set(SessionStatus):
        return f"its session is stored as {session.status!r}, which is not known"
    if session.live and _cannot_tell(case):
        said = f"the log's last word is that its session is {session.status}, and {database}"
        if case.ended_unseen and case.orphaned is not None:
            return f"{said}; {case.orphaned.reason}, and a start of this build ends such sessions"
        if case.context.server.status != "unknown":
            return said
        why = case.context.server.why
        return f"{said}; whether its server runs is not known{f' ({why})' if why else ''}"
    return ""


def order(findings: Sequence[Finding], of: Verdict) -> list[Finding]:
    """Findings with the explaining one first: those that make the verdict, then by group, then the worst."""

    def rank(finding: Finding) -> tuple[bool, int, int, str]:
        group = DETECTORS[finding.code].group
        return (finding.makes is not of, int(group), finding.severity.rank, finding.code)

    return sorted(findings, key=rank)


def primary(findings: Sequence[Finding], of: Verdict) -> str | None:
    """The code that explains the verdict; of a verdict no finding makes, the worst of medium and up."""
    ordered = order(findings, of)
    for finding in ordered:
        if finding.makes is of:
            return finding.code
    bad = [finding for finding in ordered if finding.severity.at_least(Severity.MEDIUM)]
    return min(bad, key=lambda finding: finding.severity.rank).code if bad else None
