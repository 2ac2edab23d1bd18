"""Episodes as typed rows: for programs, for tables, and as a part of the audit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from t3lens.document.masking import masked_rows
from t3lens.document.model import EvidenceEntry, IncidentEntry
from t3lens.document.rows import DiskRows, Ranking
from t3lens.domain.finding import Evidence
from t3lens.time import SECOND, Micros, duration, iso, to_datetime

if TYPE_CHECKING:
    import pandas as pd

    from t3lens.incidents import Episode
    from t3lens.redact import Redactor

__all__ = ["entries", "evidence_entry", "frame", "in_order", "incident_length", "json_text", "ndjson_text", "schema"]


def entries(episodes: Iterable[Episode]) -> tuple[IncidentEntry, ...]:
    """Episodes as they are written for programs, in their order."""
    return tuple(_entry(one) for one in episodes)


def _entry(one: Episode) -> IncidentEntry:
    return IncidentEntry(
        incident_id=one.incident_id,
        home_id=one.home_id,
        thread_id=one.thread_id,
        title=one.title,
        provider=one.provider,
        verdict=one.verdict,
        code=one.code,
        codes=one.codes,
        since=iso(one.since),
        until=iso(one.until) if one.until is not None else None,
        ended_by=one.ended_by,
        action_id=one.action_id,
        duration_s=round(one.lasted / SECOND, 3),
        seen_until=iso(one.seen_until),
        turn_id=one.turn_id,
        message_id=one.message_id,
        confidence=one.confidence,
        summary=one.summary,
        since_event_id=one.since_event_id,
        until_event_id=one.until_event_id,
        evidence=tuple(evidence_entry(piece) for piece in one.evidence),
    )


def evidence_entry(evidence: Evidence) -> EvidenceEntry:
    """A record that a finding rests on, as documents name it."""
    return EvidenceEntry(
        kind=evidence.kind,
        source=evidence.source,
        line=evidence.line,
        offset=evidence.offset,
        event_id=evidence.event_id,
        key=evidence.key,
        at=iso(evidence.at) if evidence.at is not None else None,
        excerpt=evidence.excerpt,
    )


_Rank = tuple[str, str, str, str]


def in_order(rows: Iterable[IncidentEntry]) -> Sequence[IncidentEntry]:
    """Incidents as a document lists them: the oldest first, whichever homes they were put together from.

    What is on the disk stays there.
    """
    if isinstance(rows, DiskRows):
        ranking = Ranking[_Rank](_Rank)
        for one in rows:
            ranking.append(_rank(one))
        return rows.in_order(ranking.order())
    return tuple(sorted(rows, key=_rank))


def _rank(one: IncidentEntry) -> _Rank:
    return one.since, one.home_id, one.thread_id, one.incident_id


def incident_length(one: IncidentEntry) -> str:
    """How long an incident lasted, for people; of one that goes on, how long at least."""
    return f"{'at least ' if one.until is None else ''}{duration(round(one.duration_s * SECOND))}"


def schema() -> dict[str, Any]:
    """The JSON Schema of ``t3lens incidents --format json``."""
    return msgspec.json.schema(tuple[IncidentEntry, ...])


def json_text(episodes: Iterable[Episode], redactor: Redactor) -> str:
    """Episodes as a JSON array, the secrets in their texts masked as in an audit."""
    return msgspec.json.encode(masked_rows(entries(episodes), redactor)).decode() + "\n"


def ndjson_text(episodes: Iterable[Episode], redactor: Redactor) -> str:
    """The same, one object a line."""
    rows: Sequence[IncidentEntry] = masked_rows(entries(episodes), redactor)
    return "".join(msgspec.json.encode(one).decode() + "\n" for one in rows)


_TIMES = ("from", "to", "seen_until")


def frame(episodes: Iterable[Episode], redactor: Redactor | None = None) -> pd.DataFrame:
    """Episodes as a DataFrame, one row each, with the columns of ``IncidentEntry``; times as UTC timestamps.

    Args:
        episodes: In the order of the rows.
        redactor: Masks secrets in texts, where the table leaves the program.
    """
    import pandas as pd

    found = list(episodes)
    written = entries(found) if redactor is None else masked_rows(entries(found), redactor)
    rows: list[dict[str, Any]] = []
    for episode, entry in zip(found, written, strict=True):
        times = dict(zip(_TIMES, (episode.since, episode.until, episode.seen_until), strict=True))
        rows.append(msgspec.to_builtins(entry) | {name: _time(at) for name, at in times.items()})
    names = [field.encode_name for field in msgspec.structs.fields(IncidentEntry)]
    table = pd.DataFrame(rows, columns=names)
    return table.astype(dict.fromkeys(_TIMES, "datetime64[us, UTC]"))


def _time(at: Micros | None) -> Any:
    return to_datetime(at) if at is not None else None
