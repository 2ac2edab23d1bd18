"""What a file's name says: which family, generation, rotation and packing it belongs to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["FileKind", "LogName", "parse_name"]

FileKind = Literal["provider-log", "trace"]

_PROVIDER: Final = re.compile(
    r"(?P<events>events\.)?(?P<segment>[^/]+?)\.log(?:\.(?P<rotation>\d{1,9}))?"
    r"(?:\.(?P<packed>gz|zst))?"
)
_TRACE: Final = re.compile(
    r"(?P<segment>[^/]*\.trace)\.ndjson(?:\.(?P<rotation>\d{1,9}))?(?:\.(?P<packed>gz|zst))?"
)


@dataclass(frozen=True, slots=True)
class LogName:
    """A log file's name, taken apart.

    Attributes:
        kind: Provider log or server trace.
        family: What rotated files of one log have in common (the name without rotation and packing).
        segment: The file-name-safe thread id, or ``_global``; lossy, never used as a thread id.
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
        generation = 2 if match["events"] else 1
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
