"""Which findings fail a run: those at or above the threshold that no baseline knows.

What makes a thread stuck counts as high whatever its own severity: a run that finds a stuck thread does not pass unless
somebody asked for that.
"""

from __future__ import annotations

from collections.abc import Iterator

from t3lens.counted import counted
from t3lens.document.model import AuditDocument, FailOn, FindingEntry, HomeEntry, ThreadEntry
from t3lens.domain.finding import Severity, Verdict

__all__ = ["failing", "failing_told", "fails", "threshold"]


def threshold(document: AuditDocument) -> FailOn:
    """The severity from which findings fail this run; ``high`` unless the document says."""
    return document.fail_on or FailOn.HIGH


def failing(finding: FindingEntry, place: HomeEntry | ThreadEntry, fail_on: FailOn) -> bool:
    """Whether a finding fails a run.

    Args:
        finding: As it stands in the document.
        place: What it stands at.
        fail_on: The threshold of the run.
    """
    stuck = isinstance(place, ThreadEntry) and place.verdict is Verdict.STUCK and finding.code == place.primary
    reached = fail_on.reached_by(finding.severity) or (stuck and fail_on.reached_by(Severity.HIGH))
    return reached and not finding.known


def fails(document: AuditDocument) -> Iterator[FindingEntry]:
    """The findings that fail the run, home-wide ones first."""
    fail_on = threshold(document)
    for place in document.places:
        for finding in place.findings:
            if failing(finding, place, fail_on):
                yield finding


def failing_told(document: AuditDocument) -> str:
    """How many findings fail the run, as a sentence; empty where none could."""
    least = threshold(document)
    if least is FailOn.NEVER:
        return ""
    number = sum(1 for _ in fails(document))
    new = (" is new" if number == 1 else " are new") if document.baseline is not None else ""
    return f"{counted(number, 'finding')} of severity {least} or more{new}."
