"""Rates of trouble, incidents and time lost over homes, versions, providers, projects, causes and days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from t3lens.diagnose import Diagnosis, ThreadDiagnosis
from t3lens.domain.finding import Verdict
from t3lens.errors import UsageError
from t3lens.incidents import Episode
from t3lens.time import SECOND, Micros, to_datetime
from t3lens.view.labels import home_labels

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DIMENSIONS", "trends"]

DIMENSIONS: Final = ("day", "home", "version", "provider", "project", "code")
"""What can be counted by: ``day`` is that of a thread's newest turn, and of an incident the one it began (UTC); ``version``
the rules of the build; ``code`` the finding that explains it."""

_SHOWN: Final = (
    Verdict.STUCK,
    Verdict.DIVERGED,
    Verdict.WAITING,
    Verdict.FAILED,
)


_LOSES_TIME: Final = (Verdict.STUCK, Verdict.DIVERGED, Verdict.WAITING)
"""What keeps a person from going on; after a failure nothing does."""


def trends(diagnosis: Diagnosis, episodes: Iterable[Episode], by: Sequence[str] = ("day",)) -> pd.DataFrame:
    """One row per combination of what is counted by: how threads stand now, and what was wrong with them at any time.

    Columns: those of ``by``; ``threads``, ``turns``, ``stuck``, ``diverged``, ``waiting``, ``failed`` (counts);
    ``stuck_rate`` and ``trouble_rate`` (share of threads, 0 to 1; trouble is stuck or diverged); ``cause`` (the
    finding that explains most of the trouble, or none); ``incidents`` (their number, those that are over too),
    ``incidents_open`` (that go on), ``time_lost_s`` and ``longest_s`` (seconds for which threads were stuck, stored
    untruly or waiting; of what goes on, at least). Counted by home, ``home`` is what of its path tells it from the others,
    and a last column has the ``path``.

    Args:
        diagnosis: What was concluded.
        episodes: Its incidents.
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
    paths = {home.home.home_id: home.home.path for home in diagnosis.homes}
    groups: dict[tuple[str, ...], list[ThreadDiagnosis]] = {}
    for thread in diagnosis.threads:
        key = tuple(_dimension(thread, name, rules) for name in by)
        groups.setdefault(key, []).append(thread)
    had: dict[tuple[str, ...], list[Episode]] = {}
    for episode in episodes:
        key = tuple(_of_episode(episode, name, rules) for name in by)
        had.setdefault(key, []).append(episode)
    rows = [
        dict(zip(by, key, strict=True)) | _counts(groups.get(key, [])) | _lost(had.get(key, []))
        for key in sorted({*groups, *had})
    ]
    if "home" in by:
        labels = home_labels(paths)
        rows = [row | {"home": labels.get(row["home"], row["home"]), "path": paths.get(row["home"])} for row in rows]
    columns = [*by, *_counts([]), *_lost([]), *(["path"] if "home" in by else [])]
    return pd.DataFrame(rows, columns=columns)


def _dimension(thread: ThreadDiagnosis, name: str, rules: dict[str, str]) -> str:
    if name == "day":
        moments = [turn.started_at or turn.requested_at for turn in thread.case.facts.turns]
        newest = max((at for at in moments if at is not None), default=thread.since)
        return _day(newest) if newest is not None else "unknown"
    if name == "code":
        return thread.primary or "none"
    if name == "home":
        return thread.home_id
    if name == "version":
        return rules.get(thread.home_id, "unknown")
    said = thread.provider if name == "provider" else thread.project_id
    return said or "unknown"


def _of_episode(episode: Episode, name: str, rules: dict[str, str]) -> str:
    """Where an incident is counted: as the thread it is of, but on the day it began, and by its own cause."""
    if name == "day":
        return _day(episode.since)
    return episode.code if name == "code" else _dimension(episode.judgement, name, rules)


def _day(at: Micros) -> str:
    return f"{to_datetime(at):%Y-%m-%d}"


def _lost(episodes: Sequence[Episode]) -> dict[str, Any]:
    lost = [one.lasted for one in episodes if one.verdict in _LOSES_TIME]
    return {
        "incidents": len(episodes),
        "incidents_open": sum(one.open for one in episodes),
        "time_lost_s": sum(lost) / SECOND,
        "longest_s": max(lost, default=0) / SECOND,
    }


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
