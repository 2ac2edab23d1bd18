"""What an audit says against an older one, as every format tells it: what is new, what is gone, what is still so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from t3lens.counted import counted
from t3lens.document.audit_filter import counts
from t3lens.document.model import AuditDocument, FindingEntry, HomeEntry, ThreadEntry, VanishedEntry
from t3lens.document.rows import each
from t3lens.document.tally import Tally
from t3lens.domain.finding import Severity

__all__ = ["CodeGroup", "SinceBaseline", "by_code", "grouped", "grouped_words", "news_of", "only_new", "with_known_folded"]


@dataclass(frozen=True, slots=True)
class CodeGroup:
    """Findings of one code, told in a line.

    Attributes:
        code: The code.
        severity: The worst of them.
        findings, threads, homes: How many, at how many threads of how many homes.
        since: Since when the oldest is so.
    """

    code: str
    severity: Severity
    findings: int
    threads: int
    homes: int
    since: str | None

    @property
    def told(self) -> str:
        """How many of them there are and where, in words."""
        parts = [counted(self.findings, "finding")]
        if self.threads:
            parts.append(counted(self.threads, "thread"))
        if self.homes > 1 or not self.threads:
            parts.append(counted(self.homes, "home"))
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class SinceBaseline:
    """An audit against an older one.

    Attributes:
        headline: ``1 new, 0 gone, 215 known``, and since when.
        remarks: What is to be known of the comparison, a sentence each.
        new: The new findings by code.
        gone: What the older audit has and this one has not.
        known: What both have, by code.
    """

    headline: str
    remarks: tuple[str, ...]
    new: tuple[CodeGroup, ...]
    gone: tuple[VanishedEntry, ...]
    known: tuple[CodeGroup, ...]


def news_of(document: AuditDocument) -> SinceBaseline | None:
    """What is new, gone and known in an audit; None if it was compared with nothing."""
    baseline = document.baseline
    if baseline is None:
        return None
    since = f", since the audit of {baseline.as_of}" if baseline.as_of is not None else ""
    return SinceBaseline(
        headline=f"{baseline.new:,} new, {len(baseline.vanished):,} gone, {baseline.known:,} known{since}",
        remarks=baseline.remarks,
        new=by_code(document, known=False),
        gone=baseline.vanished,
        known=by_code(document, known=True),
    )


def by_code(document: AuditDocument, *, known: bool) -> tuple[CodeGroup, ...]:
    """The findings that an older audit has, or has not, in a line for each code, the worst first."""
    return grouped((finding, place) for place in document.places for finding in place.findings if finding.known is known)


def grouped(findings: Iterable[tuple[FindingEntry, HomeEntry | ThreadEntry]]) -> tuple[CodeGroup, ...]:
    """Findings in a line for each code, the worst first.

    Args:
        findings: Each with what it stands at, those of a thread one after the other.
    """
    tallies: dict[str, Tally] = {}
    for finding, place in findings:
        tallies.setdefault(finding.code, Tally()).count(finding, place)
    return tuple(sorted((_group(code, tally) for code, tally in tallies.items()), key=_worst_first))


def _group(code: str, tally: Tally) -> CodeGroup:
    return CodeGroup(code, tally.severity, tally.findings, tally.threads, tally.homes, tally.since)


def _worst_first(group: CodeGroup) -> tuple[int, int, str]:
    return (group.severity.rank, -group.findings, group.code)


def grouped_words(findings: int, homes: int) -> str:
    """``12 findings on 3 homes``; of one home only how many."""
    return counted(findings, "finding") + (f" on {counted(homes, 'home')}" if homes > 1 else "")


def with_known_folded(document: AuditDocument) -> AuditDocument:
    """An audit without the known findings, and without the threads of which nothing new is said; homes and counts stay."""
    return replace(
        document,
        homes=each(document.homes, lambda home: replace(home, findings=_new_findings(home.findings))),
        threads=each(
            document.threads,
            lambda thread: replace(thread, findings=found) if (found := _new_findings(thread.findings)) else None,
        ),
    )


def only_new(document: AuditDocument) -> AuditDocument:
    """An audit of nothing but what is new: without known findings, and without threads and homes that have nothing else.

    Homes that cannot be judged stay: nobody may take them for clean. The numbers of the comparison stay what they are.

    Args:
        document: Compared with an older audit.
    """
    folded = with_known_folded(document)
    told = {thread.home_id for thread in folded.threads}
    homes = each(
        folded.homes,
        lambda one: one if one.findings or one.cannot_judge is not None or one.home_id in told else None,
    )
    return replace(folded, homes=homes, counts=counts(folded.threads))


def _new_findings(findings: Sequence[FindingEntry]) -> tuple[FindingEntry, ...]:
    return tuple(one for one in findings if not one.known)
