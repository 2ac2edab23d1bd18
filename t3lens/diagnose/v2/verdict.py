"""The verdict of a thread of the second data model: the first of the list that applies."""

from __future__ import annotations

from collections.abc import Sequence

from t3lens.diagnose.v2.case import SecondCase
from t3lens.domain.finding import Finding, Verdict
from t3lens.t3code.v2.words import RUN_OVER, RunStatus

__all__ = ["second_verdict", "what_is_missing_of_second"]


def second_verdict(case: SecondCase, findings: Sequence[Finding]) -> Verdict:
    """What a thread is, given its findings.

    Args:
        case: The thread.
        findings: All its findings.
    """
    row, facts = case.facts.row, case.second_facts
    if row is not None and row.deleted_at is not None:
        return Verdict.DELETED
    made = {finding.makes for finding in findings}
    # a failure comes after what there is too little of to tell
    for forced in (Verdict.STUCK, Verdict.DIVERGED, Verdict.WAITING):
        if forced in made:
            return forced
    if what_is_missing_of_second(case):
        return Verdict.UNKNOWN
    latest = facts.latest
    if any(run.live for run in facts.runs):
        return Verdict.WORKING
    if latest is None:
        return Verdict.IDLE
    if Verdict.FAILED in made:
        return Verdict.FAILED
    if latest.status == RunStatus.INTERRUPTED and not facts.sessions:
        return Verdict.STOPPED
    return Verdict.IDLE


def what_is_missing_of_second(case: SecondCase) -> str:
    """What there is too little of to tell what a thread is, in words; empty if there is enough."""
    if case.stranger:
        return "the database does not know it, and the log of this data model does not tell"
    known = RUN_OVER | {run.status for run in case.second_facts.runs if run.live}
    strange = [run for run in case.second_facts.runs if run.status not in known]
    if strange:
        return f"its run {strange[-1].run_id} is stored as {strange[-1].status!r}, which is not known"
    return ""
