"""What of an audit is looked at: codes, providers, projects, a time window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from t3lens.document.disk_map import DiskMap
from t3lens.document.model import AuditDocument, FindingEntry, IncidentEntry, ThreadEntry
from t3lens.document.rows import each
from t3lens.domain.finding import VERDICT_ORDER, Verdict
from t3lens.errors import UsageError

if TYPE_CHECKING:
    from t3lens.document.baseline import KnownFinding, LeftOut

__all__ = ["AuditFilter", "check_codes", "chosen", "counts", "leaves_out"]


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What to look at; empty means everything.

    Attributes:
        only: Only findings with these codes.
        ignore: No findings with these codes.
        providers: Only threads of these providers.
        threads: Only these thread ids (for projects, see ``lens``).
        start: Only threads and findings since this moment (ISO 8601), if they are dated;
        end: and up to this one.
    """

    only: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()
    threads: frozenset[str] | None = None
    start: str | None = None
    end: str | None = None


def check_codes(codes: Iterable[str]) -> None:
    """Refuse finding codes that do not exist.

    Raises:
        UsageError: The message names the wrong one.
    """
    from t3lens.diagnose import register_all

    table = register_all()
    for code in codes:
        if code not in table:
            raise UsageError(
                f"no finding code is called {code!r}; `t3lens detectors` lists them",
                code="unknown-code",
            )


def chosen(document: AuditDocument, choice: AuditFilter) -> AuditDocument:
    """The part of an audit that ``choice`` names; verdicts and counts are those of the threads that stay.

    A thread's verdict is what it is: leaving out a finding does not change it.

    Args:
        document: As ``audit_document`` makes it; not changed.
        choice: What to look at.

    Raises:
        UsageError: A code does not exist.
    """
    check_codes((*choice.only, *choice.ignore))

    def kept(thread: ThreadEntry) -> ThreadEntry | None:
        return (
            replace(thread, findings=_filtered_findings(thread.findings, choice)) if _keeps_thread(thread, choice) else None
        )

    threads = each(document.threads, kept)
    incidents = each(document.incidents, lambda one: one if _keeps_incident(one, choice) else None)
    homes = each(document.homes, lambda home: replace(home, findings=_filtered_findings(home.findings, choice)))
    return replace(document, homes=homes, threads=threads, counts=counts(threads), incidents=incidents)


class _Place(NamedTuple):
    home_id: str
    thread_id: str


def leaves_out(document: AuditDocument, choice: AuditFilter) -> LeftOut:
    """Which findings of an older audit are not looked at when ``choice`` is made, so that they are not told as gone.

    Args:
        document: The whole audit of now: where a thread is still there, it is looked at if it is chosen.
        choice: What is looked at.
    """
    if choice == AuditFilter():
        return lambda finding, home_id: False
    here: DiskMap[_Place, bool] = DiskMap(_Place, bool)
    for thread in document.threads:
        here.put(_Place(thread.home_id, thread.thread_id), _keeps_thread(thread, choice))

    def left_out(finding: KnownFinding, home_id: str) -> bool:
        key = finding.key
        if (
            (choice.only and key.code not in choice.only)
            or key.code in choice.ignore
            or not _in_window(finding.since, choice)
        ):
            return True
        if not key.thread_id:
            return False
        kept = here.get(_Place(home_id, key.thread_id))
        if kept is not None:
            return not kept
        if choice.providers and (finding.provider or "") not in choice.providers:
            return True
        return choice.threads is not None  # which project it was of is not known any more

    return left_out


def counts(threads: Sequence[ThreadEntry]) -> dict[Verdict, int]:
    """Number of threads by verdict, worst first, without zeros."""
    found = Counter(thread.verdict for thread in threads)
    return {verdict: found[verdict] for verdict in VERDICT_ORDER if found[verdict]}


def _filtered_findings(findings: Sequence[FindingEntry], choice: AuditFilter) -> tuple[FindingEntry, ...]:
    return tuple(finding for finding in findings if _matches_filter(finding, choice))


def _matches_filter(finding: FindingEntry, choice: AuditFilter) -> bool:
    if choice.only and finding.code not in choice.only:
        return False
    if finding.code in choice.ignore:
        return False
    return _in_window(finding.since, choice)


def _keeps_thread(thread: ThreadEntry, choice: AuditFilter) -> bool:
    if choice.providers and (thread.provider or "") not in choice.providers:
        return False
    if choice.threads is not None and thread.thread_id not in choice.threads:
        return False
    return _in_window(thread.since, choice)


def _keeps_incident(one: IncidentEntry, choice: AuditFilter) -> bool:
    codes = {one.code, *one.codes}
    if (choice.only and not codes & choice.only) or codes <= choice.ignore:
        return False
    if choice.providers and (one.provider or "") not in choice.providers:
        return False
    if choice.threads is not None and one.thread_id not in choice.threads:
        return False
    return _in_window(one.since, choice)


def _in_window(since: str | None, choice: AuditFilter) -> bool:
    """Times are all written alike, so that their order is the order of their texts."""
    if since is None:
        return True
    return (choice.start is None or since >= choice.start) and (choice.end is None or since <= choice.end)
