"""How provider logs are written: labels, the shape of a line, generations, names of files.

``[<ISO time>] <LABEL>: <one JSON value>\\n``, UTF-8, one event a line; a rotated family of files per thread.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

__all__ = [
    "CANONICAL",
    "CREATED_AT",
    "CUT_MARKS",
    "GLOBAL_SEGMENT",
    "LABELS",
    "LINE_HEAD",
    "METHOD",
    "NATIVE",
    "OBSERVED_AT",
    "ORCHESTRATION",
    "PAYLOAD",
    "RAW",
    "RECORD_FIELDS",
    "SECOND_GENERATION",
    "USUAL_EXTRA",
    "WRAPPED_EVENT",
    "FileKind",
    "LogName",
    "file_segment",
    "is_thread_segment",
    "parse_name",
]

NATIVE: Final = "NTIVE"
"""Label of what the provider's own protocol said."""

CANONICAL: Final = "CANON"
"""Label of the canonical event that T3 Code made of it."""

ORCHESTRATION: Final = "ORCH"
"""Label of stored events; newer builds may write them, none seen did."""

LABELS: Final = (CANONICAL, NATIVE, ORCHESTRATION)
"""The labels known; others are kept as they are."""

LINE_HEAD: Final = re.compile(rb"\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z)\] ([A-Za-z][A-Za-z0-9_-]{0,31}): ")
"""What every line begins with: the time it was admitted to the log, and its label."""

RECORD_FIELDS: Final = {
    "thread_id": ("threadId",),
    "type": ("type", "method"),
    "event_id": ("eventId", "id"),
    "turn_id": ("turnId",),
    "item_id": ("itemId",),
    "request_id": ("requestId",),
    "provider": ("provider",),
    "provider_instance_id": ("providerInstanceId",),
    "provider_thread_id": ("providerThreadId",),
}
"""What a record says of itself: what t3lens calls it, and the members it may stand in, the first that is there."""

CREATED_AT: Final = "createdAt"
"""When the event happened, by whoever made it."""

PAYLOAD: Final = "payload"
"""What happened."""

METHOD: Final = "method"
"""Below the payload of a record that names neither type nor method: adapters of ACP agents log their requests so."""

OBSERVED_AT: Final = "observedAt"
"""When the server saw what a native record wraps."""

WRAPPED_EVENT: Final = "event"
"""What a native record wraps."""

RAW: Final = "raw"
"""Of a canonical record: the native one it was made of, with its payload again."""

USUAL_EXTRA: Final = ("kind", "message", "providerRefs", "requestKind", "textDelta")
"""Members that records of known providers also have."""

CUT_MARKS: Final = ("truncated", "omittedCharacters")
"""One of these stands in every payload that T3 Code cut short."""

SECOND_GENERATION: Final = 2
"""From 0.0.31 on: one writer, events that only say that something goes on are left out, old files vanish. Silence in
such a log is weak evidence."""

GLOBAL_SEGMENT: Final = "_global"
"""Stands for the thread in the name of the file of records that belong to none."""

FileKind = Literal["provider-log", "trace"]

_SECOND_HEAD: Final = "events."
"""What the names of second-generation logs begin with."""

_PROVIDER: Final = re.compile(
    rf"(?P<events>{re.escape(_SECOND_HEAD)})?(?P<segment>[^/]+?)\.log(?:\.(?P<rotation>\d{{1,9}}))?"
    r"(?:\.(?P<packed>gz|zst))?"
)
_TRACE: Final = re.compile(r"(?P<segment>[^/]*\.trace)\.ndjson(?:\.(?P<rotation>\d{1,9}))?(?:\.(?P<packed>gz|zst))?")


@dataclass(frozen=True, slots=True)
class LogName:
    """A log file's name, taken apart.

    Attributes:
        kind: Provider log or server trace.
        family: What rotated files of one log have in common (the name without rotation and packing).
        segment: The file-name-safe thread id, or ``GLOBAL_SEGMENT``; lossy, never used as a thread id.
        generation: 1 (``x.log``) or 2 (``events.x.log``); None for a trace.
        rotation: 0 for the file being written, higher is older.
        compression: ``gz``, ``zst`` or None.
    """

    kind: FileKind
    family: str
    segment: str
    generation: int | None
    rotation: int
    compression: str | None


def file_segment(thread_id: str) -> str:
    """What stands for a thread in the names of its logs: lossy, so two threads may share a name."""
    return re.sub(r"[^a-z0-9_-]+", "-", thread_id.lower())[:80]


def is_thread_segment(segment: str) -> bool:
    """Whether a file's name is itself the id of its thread: T3 Code makes UUIDs, which a file name leaves as they are."""
    return re.fullmatch(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", segment) is not None


@lru_cache(1 << 14)  # each look at a home lists its files anew
def parse_name(name: str) -> LogName | None:
    """Take a file name apart; None if it is no log's name."""
    if match := _TRACE.fullmatch(name):
        segment = match["segment"]
        return LogName(
            "trace",
            f"{segment}.ndjson",
            segment,
            None,
            int(match["rotation"] or 0),
            match["packed"],
        )
    if match := _PROVIDER.fullmatch(name):
        generation = SECOND_GENERATION if match["events"] else 1
        family = f"{match['events'] or ''}{match['segment']}.log"
        return LogName(
            "provider-log",
            family,
            match["segment"],
            generation,
            int(match["rotation"] or 0),
            match["packed"],
        )
    return None
