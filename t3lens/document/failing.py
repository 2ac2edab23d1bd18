"""Which findings fail a run: those at or above the threshold that no baseline knows."""

from __future__ import annotations

from collections.abc import Iterator

from t3lens.document.model import AuditDocument, FailOn, FindingEntry

__all__ = ["failing", "fails", "threshold"]


def threshold(document: AuditDocument) -> FailOn:
    """The severity from which findings fail this run; ``high`` unless the document says."""
    return document.fail_on or FailOn.HIGH


def failing(finding: FindingEntry, fail_on: FailOn) -> bool:
    """Whether a finding fails a run.

    Args:
        finding: As it stands in the document.
        fail_on: The threshold of the run.
    """
    return not finding.known and fail_on.reached_by(finding.severity)


def fails(document: AuditDocument) -> Iterator[FindingEntry]:
    """The findings that fail the run, home-wide ones first."""
    fail_on = threshold(document)
    for place in document.places:
        for finding in place.findings:
            if failing(finding, fail_on):
                yield finding
