"""Many homes read as one: findings counted by what they have in common, and what began everywhere at once as one matter."""

from __future__ import annotations

import sys
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from msgspec.structs import replace

from t3lens.counted import counted
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
from t3lens.document.tally import Tally
from t3lens.domain.finding import Severity
from t3lens.time import Micros, iso, parse_moment
from t3lens.view.labels import home_hosts, home_labels

__all__ = ["folded_into_matters", "labels", "matter_told", "matters", "roll_up", "with_roll_ups"]

_NONE: Final = "–"
_HOUR_US: Final = int(timedelta(hours=1).total_seconds() * 1_000_000)
_LEAST_HOMES: Final = 3
"""In fewer homes nothing is everywhere."""


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
    tallies: dict[str, Tally] = {}
    for finding, place in _told_findings(document):
        tallies.setdefault(name(finding, place), Tally()).count(finding, place)
    compared = document.baseline is not None
    rows = [_row(key, tally, compared=compared) for key, tally in tallies.items()]
    return RollUpEntry(by=by, rows=tuple(sorted(rows, key=lambda row: (row.severity.rank, -row.findings, row.name))))


def _told_findings(document: AuditDocument) -> Iterator[tuple[FindingEntry, HomeEntry | ThreadEntry]]:
    for place in document.places:
        for finding in place.findings:
            if finding.severity.at_least(Severity.LOW):
                yield finding, place


def _namer(document: AuditDocument, by: RollUpBy) -> Callable[[FindingEntry, HomeEntry | ThreadEntry], str]:
    if by is RollUpBy.CODE:
        return lambda finding, _: finding.code
    if by is RollUpBy.HOME or by is RollUpBy.HOST:
        paths = {home.home_id: home.path for home in document.homes}
        names = home_labels(paths) if by is RollUpBy.HOME else home_hosts(paths)
        return lambda _, place: names.get(place.home_id, place.home_id)
    if by is RollUpBy.BUILD:
        builds = {home.home_id: sys.intern(_build(home)) for home in document.homes}
        return lambda _, place: builds.get(place.home_id, _NONE)
    return lambda _, place: (isinstance(place, ThreadEntry) and getattr(place, by.value)) or _NONE


def _build(home: HomeEntry) -> str:
    return home.server_version or f"{home.rules}{' (guessed)' if home.rules_guessed else ''}"


def _row(name: str, tally: Tally, *, compared: bool) -> RollUpRow:
    return RollUpRow(
        name=name,
        severity=tally.severity,
        findings=tally.findings,
        threads=tally.threads,
        homes=tally.homes,
        new=tally.new if compared else None,
        since=tally.since,
    )


def matters(document: AuditDocument) -> tuple[MatterEntry, ...]:
    """Codes whose findings began within one hour in half of the homes or more, of at least three; the worst first.

    Args:
        document: An audit. What an older one knows is no news, and so in no matter.
    """
    least = max(_LEAST_HOMES, -(-len(document.homes) // 2))
    if len(document.homes) < least:
        return ()
    groups: dict[str, _Beginnings] = {}
    numbers: dict[str, int] = {}
    for finding, place in _told_findings(document):
        if finding.since is not None and not finding.known:
            begun = groups.setdefault(finding.code, _Beginnings(array("q"), array("L"), array("b"), array("b")))
            begun.add(finding, parse_moment(finding.since), numbers.setdefault(place.home_id, len(numbers)))
    compared = document.baseline is not None
    found = []
    for code, begun in groups.items():
        window = _fullest_hour(begun)
        homes = len({begun.homes[one] for one in window})
        if homes >= least:
            found.append(
                MatterEntry(
                    code=code,
                    severity=_SEVERITIES[min(begun.severities[one] for one in window)],
                    since=iso(begun.times[window[0]]),
                    until=iso(begun.times[window[-1]]),
                    homes=homes,
                    findings=len(window),
                    new=sum(begun.new[one] for one in window) if compared else None,
                )
            )
    return tuple(sorted(found, key=lambda one: (one.severity.rank, -one.homes, one.code)))


_SEVERITIES: Final = sorted(Severity, key=lambda one: one.rank)


@dataclass(frozen=True, slots=True)
class _Beginnings:
    """When findings of a code began, and where; a number each, as there may be very many.

    Attributes:
        times: Microseconds UTC.
        homes: The number of the home.
        severities: The place among all severities, the worst first.
        new: 1 if an older audit does not have it.
    """

    times: array[int]
    homes: array[int]
    severities: array[int]
    new: array[int]

    def add(self, finding: FindingEntry, time: Micros, home: int) -> None:
        self.times.append(time)
        self.homes.append(home)
        self.severities.append(_SEVERITIES.index(finding.severity))
        self.new.append(finding.baseline is Novelty.NEW)


def _fullest_hour(begun: _Beginnings) -> list[int]:
    """Those of the hour that begins with one of them and holds most homes, the earliest of such hours; in order of time."""
    order = sorted(range(len(begun.times)), key=begun.times.__getitem__)
    counts: Counter[int] = Counter()
    best, most, end = (0, 0), 0, 0
    for begin, first in enumerate(order):
        while end < len(order) and begun.times[order[end]] <= begun.times[first] + _HOUR_US:
            counts[begun.homes[order[end]]] += 1
            end += 1
        if len(counts) > most:
            most, best = len(counts), (begin, end)
        counts[begun.homes[first]] -= 1
        if not counts[begun.homes[first]]:
            del counts[begun.homes[first]]
    return order[best[0] : best[1]]


def _belongs_to(finding: FindingEntry, matter: MatterEntry) -> bool:
    """Whether a finding is told as part of a matter; times are all written alike."""
    return finding.code == matter.code and finding.since is not None and matter.since <= finding.since <= matter.until


def matter_told(matter: MatterEntry, homes: int) -> str:
    """A matter in words: ``since 2026-11-29 02:10 on 140 of 300 homes: orphaned-turn (152 findings, all new)``.

    Args:
        matter: Of an audit.
        homes: How many homes the audit has.
    """
    number = counted(matter.findings, "finding")
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
