"""Audits of single homes as one document, as one audit of all of them would have made it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from t3lens.domain.finding import VERDICT_ORDER

if TYPE_CHECKING:
    from t3lens.document.audit import AuditDocument
    from t3lens.fleet.one_home import Asked, Audited, Place

__all__ = ["together"]


def together(
    audited: Sequence[Audited], failed: Sequence[tuple[str, str]], asked: Asked
) -> AuditDocument:
    """One document of many.

    Args:
        audited: Of each home, in the order of their paths.
        failed: Path and message of the homes that could not be read.
        asked: What was asked of each.
    """
    from t3lens import __version__
    from t3lens.document.audit import SCHEMA_VERSION
    from t3lens.time import iso

    documents = [one.document for one in audited]
    placed: list[tuple[Place, dict[str, Any]]] = [
        pair for one in audited for pair in zip(one.places, one.document["threads"], strict=True)
    ]
    placed.sort(key=lambda pair: pair[0])
    threads = [thread for _, thread in placed]
    counts = {
        verdict.value: number
        for verdict in VERDICT_ORDER
        if (number := sum(thread["verdict"] == verdict.value for thread in threads))
    }
    limits = asked.options.thresholds
    notices = [notice for one in documents for notice in one.get("notices", ())]
    document: AuditDocument = {
        "schema_version": SCHEMA_VERSION,
        "t3lens_version": __version__,
        "as_of": max((one["as_of"] for one in documents), default=iso(asked.options.as_of or 0)),
        **({"notices": notices} if notices else {}),
        "homes": [home for one in documents for home in one["homes"]],
        "threads": threads,
        "counts": counts,
        "quarantined": sum(one["quarantined"] for one in documents),
        "thresholds": {name: getattr(limits, name) for name in limits.__struct_fields__},
    }
    if asked.compare is not None:
        document["comparison"] = _comparison(documents, threads, asked.compare)
    if failed:
        document["errors"] = [{"path": path, "message": message} for path, message in failed]
    return document


def _comparison(
    documents: Sequence[AuditDocument], threads: Sequence[dict[str, Any]], rules: tuple[str, str]
) -> dict[str, Any]:
    from t3lens.diagnose.fleet_compare import summary

    parts = [one["comparison"] for one in documents]
    differ = {
        (thread["home_id"], thread["thread_id"]): thread
        for part in parts
        for thread in part["threads"]
    }
    keys = [(thread["home_id"], thread["thread_id"]) for thread in threads]
    told = [differ[key] for key in keys if key in differ]
    compared = sum(part["compared"] for part in parts)
    stuck = sum(part["stuck"] for part in parts)
    settled = {name: sum(part["settled"][name] for part in parts) for name in rules}
    return {
        "rules": list(rules),
        "compared": compared,
        "stuck": stuck,
        "settled": settled,
        "summary": summary(len(told), compared, stuck, settled),
        "threads": told,
    }
