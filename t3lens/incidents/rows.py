"""Episodes as rows for people, programs and tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from t3lens.domain.finding import Evidence
from t3lens.incidents.episode import Episode
from t3lens.time import SECOND, Micros, iso, to_datetime

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["IncidentEntry", "entries", "frame", "schema"]


class IncidentEntry(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """One episode in ``t3lens incidents --format json``; times are ISO 8601 in UTC.

    Attributes:
        incident_id: The same in every run over the same records, also after it ended.
        home_id: Its home.
        thread_id: The thread.
        title: Its title.
        provider: Its provider.
        verdict: ``stuck``, ``diverged``, ``waiting`` or ``failed``.
        code: The finding that explains it.
        codes: All findings that say so.
        since: From when.
        until: To when; null if it goes on.
        ended_by: How it ended; see ``Ended``.
        action_id: The action of t3lens that ended it.
        duration_s: How long, seconds; of one that goes on, at least.
        seen_until: The last moment at which it can be shown to have been so.
        turn_id: The turn it is about.
        message_id: The message of that turn.
        confidence: ``certain``, ``likely`` or ``possible``.
        summary: The finding in one sentence.
        since_event_id: The event it began with.
        until_event_id: The event it ended with.
        evidence: Of the finding, then of its end.
    """

    incident_id: str
    home_id: str
    thread_id: str
    title: str | None
    provider: str | None
    verdict: str
    code: str
    codes: tuple[str, ...]
    since: str
    until: str | None
    ended_by: str
    action_id: str | None
    duration_s: float
    seen_until: str
    turn_id: str | None
    message_id: str | None
    confidence: str
    summary: str
    since_event_id: str | None
    until_event_id: str | None
    evidence: tuple[Evidence, ...]


def entries(episodes: Iterable[Episode]) -> list[IncidentEntry]:
    """Episodes as they are written for programs."""
    return [
        IncidentEntry(
            incident_id=one.incident_id,
            home_id=one.home_id,
            thread_id=one.thread_id,
            title=one.title,
            provider=one.provider,
            verdict=one.verdict.value,
            code=one.code,
            codes=one.codes,
            since=iso(one.since),
            until=iso(one.until) if one.until is not None else None,
            ended_by=one.ended_by.value,
            action_id=one.action_id,
            duration_s=round(one.lasted / SECOND, 3),
            seen_until=iso(one.seen_until),
            turn_id=one.turn_id,
            message_id=one.message_id,
            confidence=one.confidence.value,
            summary=one.summary,
            since_event_id=one.since_event_id,
            until_event_id=one.until_event_id,
            evidence=one.evidence,
        )
        for one in episodes
    ]


def schema() -> dict[str, Any]:
    """The JSON Schema of ``t3lens incidents --format json``."""
    return msgspec.json.schema(list[IncidentEntry])


_TIMES = ("from", "to", "seen_until")


def frame(episodes: Iterable[Episode]) -> pd.DataFrame:
    """Episodes as a DataFrame, one row each, with the columns of ``IncidentEntry``; times as UTC timestamps."""
    import pandas as pd

    found = list(episodes)
    rows: list[dict[str, Any]] = []
    for episode, entry in zip(found, entries(found), strict=True):
        row = msgspec.to_builtins(entry)
        times = dict(zip(_TIMES, (episode.since, episode.until, episode.seen_until), strict=True))
        rows.append(row | {name: _time(at) for name, at in times.items()})
    names = [field.encode_name for field in msgspec.structs.fields(IncidentEntry)]
    return pd.DataFrame(rows, columns=names)


def _time(at: Micros | None) -> Any:
    return to_datetime(at) if at is not None else None
