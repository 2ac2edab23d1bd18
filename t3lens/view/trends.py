"""Rates of trouble over homes, versions, providers, projects and days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from t3lens.diagnose import Diagnosis, ThreadDiagnosis
from t3lens.domain.finding import Verdict
from t3lens.errors import UsageError
from t3lens.time import to_datetime

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DIMENSIONS", "trends"]

DIMENSIONS: Final = ("day", "home", "version", "provider", "project")
"""What can be counted by: ``day`` is that of a thread's newest turn (UTC), ``version`` the rules of its build."""

_SHOWN: Final = (
    Verdict.STUCK,
    Verdict.DIVERGED,
    Verdict.WAITING,
    Verdict.FAILED,
)


def trends(diagnosis: Diagnosis, by: Sequence[str] = ("day",)) -> pd.DataFrame:
    """One row per combination of what is counted by: threads, turns, verdict counts, rates, and the leading cause.

    Columns: those of ``by``; ``threads``, ``turns``, ``stuck``, ``diverged``, ``waiting``, ``failed`` (counts);
    ``stuck_rate`` and ``trouble_rate`` (share of threads, 0 to 1; trouble is stuck or diverged); ``cause`` (the
    finding that explains most of the trouble, or none).

    Args:
        diagnosis: What was concluded.
        by: Some of ``DIMENSIONS``.

    Raises:
        UsageError: Nothing can be counted by that.
    """
    import pandas as pd

    unknown = [name for name in by if name not in DIMENSIONS]
    if unknown or not by:
        raise UsageError(
            f"trends can be counted by {', '.join(DIMENSIONS)}; not by {', '.join(unknown) or 'nothing'}",
            code="bad-trend",
        )
    rules = {home.home.home_id: home.context.rules.name for home in diagnosis.homes}
    groups: dict[tuple[str, ...], list[ThreadDiagnosis]] = {}
    for thread in diagnosis.threads:
        key = tuple(_dimension(thread, name, rules) for name in by)
        groups.setdefault(key, []).append(thread)
    rows = [dict(zip(by, key, strict=True)) | _counts(threads) for key, threads in sorted(groups.items())]
    columns = [*by, *_counts([])]
    return pd.DataFrame(rows, columns=columns)


def _dimension(thread: ThreadDiagnosis, name: str, rules: dict[str, str]) -> str:
    if name == "day":
        moments = [turn.started_at or turn.requested_at for turn in thread.case.facts.turns]
        newest = max((at for at in moments if at is not None), default=thread.since)
        return f"{to_datetime(newest):%Y-%m-%d}" if newest is not None else "unknown"
    if name == "home":
        return thread.home_id
    if name == "version":
        return rules.get(thread.home_id, "unknown")
    said = thread.provider if name == "provider" else thread.project_id
    return said or "unknown"


def _counts(threads: Sequence[ThreadDiagnosis]) -> dict[str, Any]:
    number = len(threads)
    counts = {one.value: sum(t.verdict is one for t in threads) for one in _SHOWN}
    bad = [t for t in threads if t.verdict in (Verdict.STUCK, Verdict.DIVERGED)]
    causes = sorted(t.primary for t in bad if t.primary)
    return {
        "threads": number,
        "turns": sum(len(t.case.facts.turns) or len(t.case.expected.turns) for t in threads),
        **counts,
        "stuck_rate": counts["stuck"] / number if number else 0.0,
        "trouble_rate": len(bad) / number if number else 0.0,
        "cause": max(dict.fromkeys(causes), key=causes.count) if causes else None,
    }
