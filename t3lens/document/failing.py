"""Which findings fail a run: those at or above the threshold that no baseline knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from t3lens.document.audit import AuditDocument
from t3lens.domain.finding import Severity

__all__ = ["NEVER", "failing", "fails", "threshold"]

NEVER: Final = "never"
"""The threshold that nothing reaches."""


def threshold(document: AuditDocument) -> str:
    """The severity from which findings fail this run; ``high`` unless the document says."""
    return str(document.get("fail_on", Severity.HIGH.value))


def failing(finding: dict[str, Any], fail_on: str) -> bool:
    """Whether a finding fails a run.

    Args:
        finding: As it stands in the document.
        fail_on: A severity, or ``never``.
    """
    if fail_on == NEVER or finding.get("baseline") == "known":
        return False
    return Severity(finding["severity"]).at_least(Severity(fail_on))


def fails(document: AuditDocument) -> Iterator[dict[str, Any]]:
    """The findings that fail the run, home-wide ones first."""
    fail_on = threshold(document)
    for place in (*document["homes"], *document["threads"]):
        for finding in place["findings"]:
            if failing(finding, fail_on):
                yield finding
