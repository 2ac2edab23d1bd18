"""Audits of single homes as one document, as one audit of all of them would have made it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from t3lens.diagnose import Options
from t3lens.document.audit_filter import counts
from t3lens.document.incidents import in_order
from t3lens.document.model import (
    SCHEMA_VERSION,
    AuditDocument,
    ComparisonEntry,
    HomeEntry,
    IncidentEntry,
    ThreadEntry,
    UnreadableEntry,
)
from t3lens.document.rows import DiskRows, Ranking
from t3lens.time import Micros, iso

__all__ = ["MergeableAudit", "Place", "merge"]

Place = tuple[int, int, Micros, str]
"""Where a thread stands among others, the worst first: see ``t3lens.diagnose.urgency``."""


class MergeableAudit(msgspec.Struct, frozen=True, kw_only=True):
    """An audit, and what is needed to put several together.

    Attributes:
        document: The audit.
        places: Of its threads, in its order; more exact than the document, whose times are cut to milliseconds.
        projects: The ids and titles by which each thread's project is known, by thread id.
        blind: Why homes in it told nothing at all; see ``t3lens.document.audit.blind_homes``.
        lasting: Whether the same files will say the same again: nothing in it was judged as of now.
    """

    document: AuditDocument
    places: tuple[Place, ...]
    projects: dict[str, tuple[str, ...]]
    blind: tuple[str, ...]
    lasting: bool


def merge(
    audits: Iterable[MergeableAudit],
    unreadable: Sequence[UnreadableEntry],
    *,
    options: Options,
    compared: tuple[str, str] | None,
    version: str,
) -> AuditDocument:
    """One document of many. Its homes, threads and incidents stay on the disk.

    Args:
        audits: Of each home, in the order of their paths; each is let go before the next is taken.
        unreadable: The homes that could not be read; looked at when all audits were taken.
        options: With which each was audited.
        compared: The two rules profiles that were compared, if any were.
        version: Of t3lens.
    """
    homes, unsorted, incidents = DiskRows(HomeEntry), DiskRows(ThreadEntry), DiskRows(IncidentEntry)
    ranking = Ranking[Place](Place)
    as_of, since, quarantined = "", "", 0
    notices: list[str] = []
    comparisons: list[ComparisonEntry] = []
    for one in audits:
        document = one.document
        for home in document.homes:
            homes.append(home)
        for place, thread in zip(one.places, document.threads, strict=True):
            ranking.append(place)
            unsorted.append(thread)
        as_of = max(as_of, document.as_of)
        since = max(since, document.incidents_since or "")
        quarantined += document.quarantined
        notices += document.notices
        for incident in document.incidents:
            incidents.append(incident)
        if document.comparison is not None:
            comparisons.append(document.comparison)
    threads = unsorted.in_order(ranking.order())
    return AuditDocument(
        schema_version=SCHEMA_VERSION,
        t3lens_version=version,
        as_of=as_of or iso(options.as_of or 0),
        notices=tuple(notices),
        homes=homes,
        threads=threads,
        counts=counts(threads),
        quarantined=quarantined,
        thresholds=msgspec.structs.asdict(options.thresholds),
        comparison=_comparison(comparisons, threads, compared) if compared is not None else None,
        errors=tuple(unreadable),
        incidents_since=since or None,
        incidents=in_order(incidents) if incidents else (),
    )


def _comparison(parts: Sequence[ComparisonEntry], threads: Sequence[ThreadEntry], rules: tuple[str, str]) -> ComparisonEntry:
    from t3lens.diagnose.fleet_compare import summary

    differ = {(one.home_id, one.thread_id): one for part in parts for one in part.threads}
    keys = [(thread.home_id, thread.thread_id) for thread in threads]
    told = tuple(differ[key] for key in keys if key in differ)
    compared = sum(part.compared for part in parts)
    stuck = sum(part.stuck for part in parts)
    settled = {name: sum(part.settled[name] for part in parts) for name in rules}
    return ComparisonEntry(
        rules=rules,
        compared=compared,
        stuck=stuck,
        settled=settled,
        summary=summary(len(told), compared, stuck, settled),
        threads=told,
    )
