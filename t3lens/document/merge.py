"""Audits of single homes as one document, as one audit of all of them would have made it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from t3lens.diagnose import Options
from t3lens.document.choose import counts
from t3lens.document.incidents import in_order
from t3lens.document.model import (
    SCHEMA_VERSION,
    AuditDocument,
    ComparisonEntry,
    ThreadEntry,
    UnreadableEntry,
)
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
    audits: Sequence[MergeableAudit],
    unreadable: Sequence[UnreadableEntry],
    *,
    options: Options,
    compared: tuple[str, str] | None,
    version: str,
) -> AuditDocument:
    """One document of many.

    Args:
        audits: Of each home, in the order of their paths.
        unreadable: The homes that could not be read.
        options: With which each was audited.
        compared: The two rules profiles that were compared, if any were.
        version: Version of t3lens.
    """
    documents = [one.document for one in audits]
    placed = [pair for one in audits for pair in zip(one.places, one.document.threads, strict=True)]
    placed.sort(key=lambda pair: pair[0])
    threads = tuple(thread for _, thread in placed)
    return AuditDocument(
        schema_version=SCHEMA_VERSION,
        t3lens_version=version,
        as_of=max((one.as_of for one in documents), default=iso(options.as_of or 0)),
        notices=tuple(notice for one in documents for notice in one.notices),
        homes=tuple(home for one in documents for home in one.homes),
        threads=threads,
        counts=counts(threads),
        quarantined=sum(one.quarantined for one in documents),
        thresholds=msgspec.structs.asdict(options.thresholds),
        comparison=_comparison(documents, threads, compared) if compared is not None else None,
        errors=tuple(unreadable),
        incidents_since=max((one.incidents_since for one in documents if one.incidents_since is not None), default=None),
        incidents=in_order(row for one in documents for row in one.incidents),
    )


def _comparison(
    documents: Sequence[AuditDocument], threads: Sequence[ThreadEntry], rules: tuple[str, str]
) -> ComparisonEntry:
    from t3lens.diagnose.fleet_compare import summary

    parts = [one.comparison for one in documents if one.comparison is not None]
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
