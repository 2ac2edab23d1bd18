"""What a finding is worth in a home that goes beyond what is known of its data model."""

from __future__ import annotations

from typing import Final

import msgspec

from t3lens.diagnose.context import Context
from t3lens.diagnose.detector import Detector
from t3lens.diagnose.facts import Input
from t3lens.domain.finding import Confidence, Finding

__all__ = ["less_sure"]

_OF_DATABASE: Final = frozenset({Input.EVENTS, Input.PROJECTIONS, Input.RECEIPTS, Input.BINDING})
_AS_READ: Final = frozenset({"schema-unknown", "database-corrupt"})
"""Findings about the database itself, whatever its tables mean."""

_NEXT: Final = {
    Confidence.CERTAIN: Confidence.LIKELY,
    Confidence.LIKELY: Confidence.POSSIBLE,
    Confidence.POSSIBLE: Confidence.POSSIBLE,
}


def less_sure(finding: Finding, detector: Detector, context: Context) -> Finding:
    """The finding, one step less sure if it rests on a database that goes beyond what is known.

    Args:
        finding: The finding as a detector made it.
        detector: What found it.
        context: The standing of the home.
    """
    if not context.home.standing.beyond or detector.code in _AS_READ:
        return finding
    if not _OF_DATABASE.intersection(detector.inputs):
        return finding
    return msgspec.structs.replace(finding, confidence=_NEXT[finding.confidence])
