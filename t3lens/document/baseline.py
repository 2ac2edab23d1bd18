"""An older audit to compare with: which findings it knows, which are new since, which have vanished."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from t3lens.document.model import (
    SCHEMA_VERSION,
    AuditDocument,
    BaselineEntry,
    FindingEntry,
    HomeEntry,
    Novelty,
    ThreadEntry,
    VanishedEntry,
)
from t3lens.errors import InputError

__all__ = [
    "Baseline",
    "FindingKey",
    "baseline_of",
    "finding_key",
    "read_baseline",
    "vanished_key",
    "with_baseline",
]


class FindingKey(NamedTuple):
    """What makes a finding the same in two audits; empty where there is no thread or turn."""

    home_id: str
    thread_id: str
    code: str
    turn_id: str


class Baseline(msgspec.Struct, frozen=True):
    """An older audit.

    Attributes:
        as_of: Its moment, if it says.
        known: Its findings.
    """

    as_of: str | None
    known: frozenset[FindingKey]


class _Finding(msgspec.Struct):
    code: str
    turn_id: str | None = None


class _Place(msgspec.Struct):
    home_id: str
    findings: list[_Finding]
    thread_id: str | None = None


class _Document(msgspec.Struct):
    """So much of a document as is needed, so that those of older and newer builds can be read: what they do not have
    in common is not looked at."""

    homes: list[_Place]
    threads: list[_Place]
    as_of: str | None = None


def read_baseline(path: Path) -> Baseline:
    """Read an audit that was kept as JSON.

    Any document of this schema version will do, whichever build wrote it.

    Raises:
        InputError: The file cannot be read or is no audit; the message says what is wrong with it.
    """
    try:
        values = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"the baseline {path} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"the baseline {path} is no JSON: {error}") from None
    _check_version(values, path)
    try:
        document = msgspec.convert(values, _Document)
    except msgspec.ValidationError as error:
        raise InputError(f"the baseline {path} is no whole audit document: {error}") from None
    places = (*document.homes, *document.threads)
    return Baseline(document.as_of, frozenset(_key(p, f) for p in places for f in p.findings))


def _check_version(values: Any, path: Path) -> None:
    version = values.get("schema_version") if isinstance(values, dict) else None
    if version == SCHEMA_VERSION:
        return
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise InputError(
            f"the baseline {path} was written by a newer t3lens (audit schema {version}, this one knows "
            f"{SCHEMA_VERSION}); upgrade t3lens, or make a baseline with this one and --format json"
        )
    raise InputError(f"the baseline {path} is no audit of this version; make one with --format json")


def baseline_of(document: AuditDocument) -> Baseline:
    """A document as the baseline of later ones."""
    return Baseline(document.as_of, frozenset(_keys(document.places)))


def finding_key(place: HomeEntry | ThreadEntry, finding: FindingEntry) -> FindingKey:
    """What a finding is known by in other audits.

    Args:
        place: The home or the thread it stands at.
        finding: The finding.
    """
    return _key(place, finding)


def vanished_key(gone: VanishedEntry) -> FindingKey:
    """What a finding that vanished was known by."""
    return FindingKey(gone.home_id, gone.thread_id or "", gone.code, gone.turn_id or "")


def _key(place: HomeEntry | ThreadEntry | _Place, finding: FindingEntry | _Finding) -> FindingKey:
    thread_id = None if isinstance(place, HomeEntry) else place.thread_id
    return FindingKey(place.home_id, thread_id or "", finding.code, finding.turn_id or "")


def _keys(places: Iterable[HomeEntry | ThreadEntry]) -> Iterable[FindingKey]:
    return (_key(place, finding) for place in places for finding in place.findings)


def with_baseline(document: AuditDocument, baseline: Baseline) -> AuditDocument:
    """An audit whose findings say whether an older one knows them, and which of the older ones vanished.

    A finding is the same if home, thread, code and turn are.

    Args:
        document: The audit of now; not changed.
        baseline: The older audit's findings.
    """
    now = baseline_of(document).known
    vanished = tuple(
        VanishedEntry(
            home_id=key.home_id,
            thread_id=key.thread_id or None,
            code=key.code,
            turn_id=key.turn_id or None,
        )
        for key in sorted(baseline.known - now)
    )

    def marked(place: HomeEntry | ThreadEntry) -> tuple[FindingEntry, ...]:
        known = baseline.known
        return tuple(
            replace(one, baseline=Novelty.KNOWN if _key(place, one) in known else Novelty.NEW) for one in place.findings
        )

    return replace(
        document,
        homes=tuple(replace(home, findings=marked(home)) for home in document.homes),
        threads=tuple(replace(thread, findings=marked(thread)) for thread in document.threads),
        baseline=BaselineEntry(
            as_of=baseline.as_of,
            known=len(baseline.known & now),
            new=len(now - baseline.known),
            vanished=vanished,
        ),
    )
