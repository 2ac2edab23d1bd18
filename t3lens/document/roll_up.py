"""Many homes read as one: findings counted by what they have in common, and what began everywhere at once as one matter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from msgspec.structs import replace

from t3lens.document.model import (
    AuditDocument,
    FindingEntry,
    HomeEntry,
    MatterEntry,
    Novelty,
    RollUpBy,
    RollUpEntry,
    RollUpRow,
    ThreadEntry,
)
from t3lens.document.rows import each
from t3lens.domain.finding import Severity
from t3lens.time import parse_moment
from t3lens.view.labels import home_hosts, home_labels

__all__ = ["folded_into_matters", "labels", "matter_told", "matters", "roll_up", "with_roll_ups"]

_NONE: Final = "–"
_HOUR_US: Final = int(timedelta(hours=1).total_seconds() * 1_000_000)
_LEAST_HOMES: Final = 3
"""In fewer homes nothing is everywhere."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A finding and where it stands, as far as it is counted by: without what it rests on, of which there is much.

    Attributes:
        finding: Without texts and evidence.
        home_id: Of its home.
        thread_id: Of its thread; None of a home-wide one.
        named: The provider and the project of its thread.
    """

    finding: FindingEntry
    home_id: str
    thread_id: str | None
    named: dict[str, str | None]


def labels(document: AuditDocument) -> dict[str, str]:
    """What of its path tells each home from the others, by home id."""
    return home_labels({home.home_id: home.path for home in document.homes})


def with_roll_ups(document: AuditDocument, by: Iterable[RollUpBy]) -> AuditDocument:
    """An audit that also says what is one matter, and counts its findings by what is asked for.

    Args:
        document: As it is told; not changed.
        by: What to count by; nothing counts nothing.
    """
    return replace(document, matters=matters(document), roll_ups=tuple(roll_up(document, one) for one in by))


def roll_up(document: AuditDocument, by: RollUpBy) -> RollUpEntry:
    """The findings of severity low or worse, counted by what they have in common; the worst first.

    Args:
        document: An audit.
        by: What to count by. Home-wide findings have no provider and no project.
    """
    name = _namer(document, by)
    groups: dict[str, list[_Placed]] = {}
    for one in _placed_findings(document):
        groups.setdefault(name(one), []).append(one)
    compared = document.baseline is not None
    rows = [_row(key, some, compared=compared) for key, some in groups.items()]
    return RollUpEntry(by=by, rows=tuple(sorted(rows, key=lambda row: (row.severity.rank, -row.findings, row.name))))


def _placed_findings(document: AuditDocument) -> list[_Placed]:
    return [
        _placed_at(finding, place)
        for place in document.places
        for finding in place.findings
        if finding.severity.at_least(Severity.LOW)
    ]


def _placed_at(finding: FindingEntry, place: HomeEntry | ThreadEntry) -> _Placed:
    bare = replace(finding, summary="", explanation="", references=(), evidence=())
    if isinstance(place, HomeEntry):
        return _Placed(bare, place.home_id, None, {})
    return _Placed(bare, place.home_id, place.thread_id, {"provider": place.provider, "project": place.project})


def _namer(document: AuditDocument, by: RollUpBy) -> Callable[[_Placed], str]:
    paths = {home.home_id: home.path for home in document.homes}
    if by is RollUpBy.CODE:
        return lambda one: one.finding.code
    if by is RollUpBy.HOME or by is RollUpBy.HOST:
        names = home_labels(paths) if by is RollUpBy.HOME else home_hosts(paths)
        return lambda one: names.get(one.home_id, one.home_id)
    if by is RollUpBy.BUILD:
        builds = {home.home_id: _build(home) for home in document.homes}
        return lambda one: builds.get(one.home_id, _NONE)
    return lambda one: one.named.get(by.value) or _NONE


def _build(home: HomeEntry) -> str:
    return home.server_version or f"{home.rules}{' (guessed)' if home.rules_guessed else ''}"


def _row(name: str, some: Sequence[_Placed], *, compared: bool) -> RollUpRow:
    return RollUpRow(
        name=name,
        severity=_worst_severity(some),
        findings=len(some),
        threads=len({(one.home_id, one.thread_id) for one in some if one.thread_id is not None}),
        homes=len({one.home_id for one in some}),
        new=_count_new(some) if compared else None,
        since=min((one.finding.since for one in some if one.finding.since is not None), default=None),
    )


def _worst_severity(some: Sequence[_Placed]) -> Severity:
    return min((one.finding.severity for one in some), key=lambda severity: severity.rank)


def _count_new(some: Sequence[_Placed]) -> int:
    return sum(one.finding.baseline is Novelty.NEW for one in some)


def matters(document: AuditDocument) -> tuple[MatterEntry, ...]:
    """Codes whose findings began within one hour in half of the homes or more, of at least three; the worst first.

    Args:
        document: An audit. What an older one knows is no news, and so in no matter.
    """
    least = max(_LEAST_HOMES, -(-len(document.homes) // 2))
    if len(document.homes) < least:
        return ()
    groups: dict[str, list[_Placed]] = {}
    for one in _placed_findings(document):
        if one.finding.since is not None and not one.finding.known:
            groups.setdefault(one.finding.code, []).append(one)
    compared = document.baseline is not None
    found = []
    for code, some in groups.items():
        window = _fullest_hour(some)
        homes = len({one.home_id for one in window})
        if homes >= least:
            times = sorted(one.finding.since or "" for one in window)
            found.append(
                MatterEntry(
                    code=code,
                    severity=_worst_severity(window),
                    since=times[0],
                    until=times[-1],
                    homes=homes,
                    findings=len(window),
                    new=_count_new(window) if compared else None,
                )
            )
    return tuple(sorted(found, key=lambda one: (one.severity.rank, -one.homes, one.code)))


def _fullest_hour(some: Sequence[_Placed]) -> list[_Placed]:
    """Those of the hour that begins with one of them and holds most homes; the earliest of such hours."""
    timed = sorted(((parse_moment(one.finding.since or ""), one) for one in some), key=lambda pair: pair[0])
    counts: dict[str, int] = {}
    best, most, end = (0, 0), 0, 0
    for begin, (at, first) in enumerate(timed):
        while end < len(timed) and timed[end][0] <= at + _HOUR_US:
            home_id = timed[end][1].home_id
            counts[home_id] = counts.get(home_id, 0) + 1
            end += 1
        if len(counts) > most:
            most, best = len(counts), (begin, end)
        counts[first.home_id] -= 1
        if not counts[first.home_id]:
            del counts[first.home_id]
    return [one for _, one in timed[best[0] : best[1]]]


def _belongs_to(finding: FindingEntry, matter: MatterEntry) -> bool:
    """Whether a finding is told as part of a matter; times are all written alike."""
    return finding.code == matter.code and finding.since is not None and matter.since <= finding.since <= matter.until


def matter_told(matter: MatterEntry, homes: int) -> str:
    """A matter in words: ``since 2026-11-29 02:10 on 140 of 300 homes: orphaned-turn (152 findings, all new)``.

    Args:
        matter: Of an audit.
        homes: How many homes the audit has.
    """
    number = f"{matter.findings:,} finding{'' if matter.findings == 1 else 's'}"
    new = "" if matter.new is None else ", all new" if matter.new == matter.findings else f", {matter.new:,} new"
    return (
        f"since {matter.since[:16].replace('T', ' ')} on {matter.homes:,} of {homes:,} homes: {matter.code} ({number}{new})"
    )


def folded_into_matters(document: AuditDocument) -> AuditDocument:
    """An audit without the findings that are told as part of a matter, and without the threads and the home-wide
    findings that are nothing else; for what people read.
    """
    if not document.matters:
        return document

    def kept(place: HomeEntry | ThreadEntry) -> tuple[FindingEntry, ...]:
        return tuple(one for one in place.findings if not any(_belongs_to(one, matter) for matter in document.matters))

    def told(thread: ThreadEntry) -> ThreadEntry | None:
        left = kept(thread)
        if len(left) == len(thread.findings) or any(one.severity.at_least(Severity.LOW) for one in left):
            return replace(thread, findings=left)
        return None

    return replace(
        document,
        homes=each(document.homes, lambda home: replace(home, findings=kept(home))),
        threads=each(document.threads, told),
    )
