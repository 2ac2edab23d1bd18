"""An older audit to compare with: which findings it knows, which are new since, which have vanished.

What makes a finding the same in two audits is said in ``identity``. A finding has vanished only if it was looked for where
it stood and is not there: one whose home was not audited now, could not be judged, or lacks what its check needs is neither
known nor gone, and that is said.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from t3lens.document.identity import IDENTITY_VERSION, FindingKey, finding_key, renamed_homes
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
from t3lens.document.rows import each
from t3lens.errors import InputError

__all__ = [
    "Baseline",
    "KnownFinding",
    "KnownHome",
    "Matched",
    "baseline_of",
    "kept_for_next",
    "match",
    "read_baseline",
    "with_baseline",
]

_NAMED: Final = 3
"""So many homes are named in a remark."""

_MISSED_DAYS: Final = 30
"""So long what a home had is known that is not there to be looked at, as when a file system is not mounted one night."""


class KnownFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding of an older audit; what is not needed to know it again may be missing.

    Attributes:
        key: What it is known by.
        since: Since when it is so.
        title: Of its thread.
        provider: Of its thread.
    """

    key: FindingKey
    since: str | None
    title: str | None
    provider: str | None


class KnownHome(msgspec.Struct, frozen=True, kw_only=True):
    """A home of an older audit.

    Attributes:
        path: Where it stood.
        as_of: The moment it was judged as of.
        threads: The ids of its threads.
        missed_since: The day on which it was not there for the first time; None if it was.
    """

    path: str | None
    as_of: str | None
    threads: frozenset[str]
    missed_since: str | None = None


class Baseline(msgspec.Struct, frozen=True):
    """An older audit.

    Attributes:
        as_of: Its moment, if it says.
        findings: Its findings.
        homes: Its homes, by id.
    """

    as_of: str | None
    findings: dict[FindingKey, KnownFinding]
    homes: dict[str, KnownHome]


class _Finding(msgspec.Struct, omit_defaults=True):
    code: str
    turn_id: str | None = None
    since: str | None = None


class _HomeThen(msgspec.Struct, omit_defaults=True):
    home_id: str
    findings: list[_Finding]
    path: str | None = None
    as_of: str | None = None
    missed_since: str | None = None


class _ThreadThen(msgspec.Struct, omit_defaults=True):
    home_id: str
    thread_id: str
    findings: list[_Finding]
    title: str | None = None
    provider: str | None = None


class _Document(msgspec.Struct):
    """So much of a document as is needed, so that those of older and newer builds can be read: what they do not have
    in common is not looked at."""

    homes: list[_HomeThen]
    threads: list[_ThreadThen]
    as_of: str | None = None
    schema_version: int = SCHEMA_VERSION
    finding_identity: int = IDENTITY_VERSION


def read_baseline(path: Path) -> Baseline:
    """Read an audit that was kept as JSON.

    Any document of this schema version and of this identity of findings will do, whichever build wrote it.

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
    return _baseline(document)


def _check_version(values: Any, path: Path) -> None:
    version = values.get("schema_version") if isinstance(values, dict) else None
    if version != SCHEMA_VERSION:
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise InputError(
                f"the baseline {path} was written by a newer t3lens (audit schema {version}, this one knows "
                f"{SCHEMA_VERSION}); upgrade t3lens, or make a baseline with this one and --format json"
            )
        raise InputError(f"the baseline {path} is no audit of this version; make one with --format json")
    identity = values.get("finding_identity", IDENTITY_VERSION)
    if identity != IDENTITY_VERSION:
        raise InputError(
            f"the baseline {path} tells findings apart in another way (finding identity {str(identity)[:20]}, this t3lens "
            f"has {IDENTITY_VERSION}), so that nothing in it would be known again; make a new one with this t3lens and "
            "--format json"
        )


def _baseline(document: _Document) -> Baseline:
    threads: dict[str, set[str]] = {}
    findings: dict[FindingKey, KnownFinding] = {}
    places: list[_HomeThen | _ThreadThen] = [*document.homes, *document.threads]
    for place in places:
        thread = place if isinstance(place, _ThreadThen) else None
        thread_id = thread.thread_id if thread is not None else ""
        if thread is not None:
            threads.setdefault(thread.home_id, set()).add(thread_id)
        for one in place.findings:
            key = FindingKey(place.home_id, thread_id, one.code, one.turn_id or "")
            findings[key] = KnownFinding(
                key=key,
                since=one.since,
                title=thread.title if thread is not None else None,
                provider=thread.provider if thread is not None else None,
            )
    homes = {
        home.home_id: KnownHome(
            path=home.path,
            as_of=home.as_of,
            threads=frozenset(threads.get(home.home_id, ())),
            missed_since=home.missed_since,
        )
        for home in document.homes
    }
    return Baseline(document.as_of, findings, homes)


def baseline_of(document: AuditDocument) -> Baseline:
    """A document as the baseline of later ones."""
    return _baseline(_slim(document))


def _slim(document: AuditDocument) -> _Document:
    def findings(place: HomeEntry | ThreadEntry) -> list[_Finding]:
        return [_Finding(one.code, one.turn_id, one.since) for one in place.findings]

    return _Document(
        homes=[_HomeThen(one.home_id, findings(one), one.path, one.as_of) for one in document.homes],
        threads=[
            _ThreadThen(one.home_id, one.thread_id, findings(one), one.title, one.provider) for one in document.threads
        ],
        as_of=document.as_of,
    )


@dataclass(frozen=True, slots=True)
class Matched:
    """Two audits laid beside each other.

    Attributes:
        known: The findings of now that the older audit has.
        gone: The older audit's that are not there any more.
        not_compared: The older audit's that were not looked for, each under the reason.
        renamed: Old home ids to new ones.
    """

    known: frozenset[FindingKey]
    gone: tuple[KnownFinding, ...]
    not_compared: dict[str, list[KnownFinding]]
    renamed: dict[str, str]


_ABSENT: Final = "absent"
_NOT_JUDGED: Final = "not judged"
_NOT_CHECKED: Final = "not checked"

LeftOut = Callable[[KnownFinding, str], bool]
"""Whether a finding of an older audit is not looked at in this one; called with the finding and its home's id of now."""


def match(document: AuditDocument, baseline: Baseline) -> Matched:
    """Lay two audits beside each other.

    Args:
        document: The whole audit of now.
        baseline: The older one, or so much of it as is of interest.
    """
    threads: dict[str, set[str]] = {home.home_id: set() for home in document.homes}
    for thread in document.threads:
        threads.setdefault(thread.home_id, set()).add(thread.thread_id)
    renamed = renamed_homes({name: home.threads for name, home in baseline.homes.items()}, threads)
    since = {finding_key(place, one): one.since for place in document.places for one in place.findings}
    homes = {home.home_id: home for home in document.homes}
    unchecked = {(home.home_id, check.code) for home in document.homes for check in home.not_checked}
    known: set[FindingKey] = set()
    gone: list[KnownFinding] = []
    not_compared: dict[str, list[KnownFinding]] = {}
    for old, finding in sorted(baseline.findings.items()):
        key = old._replace(home_id=renamed.get(old.home_id, old.home_id))
        if key in since and not _came_again(finding, since[key], baseline.homes.get(old.home_id)):
            known.add(key)
        elif key in since:
            gone.append(replace(finding, key=key))
        elif key.home_id not in homes:
            not_compared.setdefault(_ABSENT, []).append(finding)
        elif homes[key.home_id].cannot_judge is not None:
            not_compared.setdefault(_NOT_JUDGED, []).append(finding)
        elif (key.home_id, key.code) in unchecked:
            not_compared.setdefault(_NOT_CHECKED, []).append(finding)
        else:
            gone.append(replace(finding, key=key))
    return Matched(frozenset(known), tuple(gone), not_compared, renamed)


def _came_again(before: KnownFinding, since: str | None, home: KnownHome | None) -> bool:
    """Whether a finding without a turn is another one than the older: it began after that audit's moment.

    A server's start can be later than the newest record, which is that moment, so the older finding's own time counts too.
    Times are all written alike.
    """
    if before.key.turn_id or since is None or before.since is None or home is None or home.as_of is None:
        return False
    return since > max(home.as_of, before.since)


def with_baseline(
    document: AuditDocument,
    baseline: Baseline,
    *,
    whole: AuditDocument | None = None,
    left_out: LeftOut | None = None,
) -> AuditDocument:
    """An audit whose findings say whether an older one knows them, and which of the older ones vanished.

    Args:
        document: The audit of now; not changed.
        baseline: The older audit's findings.
        whole: All of that audit, if ``document`` is a part of it that was chosen.
        left_out: Which of the older findings were chosen to be left out; none if not said.
    """
    matched = match(whole or document, baseline)
    now = {finding_key(place, one) for place in document.places for one in place.findings}

    def marked(place: HomeEntry | ThreadEntry) -> tuple[FindingEntry, ...]:
        return tuple(
            replace(one, baseline=Novelty.KNOWN if finding_key(place, one) in matched.known else Novelty.NEW)
            for one in place.findings
        )

    def looked_at(finding: KnownFinding) -> bool:
        home_id = matched.renamed.get(finding.key.home_id, finding.key.home_id)
        return left_out is None or not left_out(finding, home_id)

    gone = [one for one in matched.gone if looked_at(one)]
    not_compared = {why: [one for one in some if looked_at(one)] for why, some in matched.not_compared.items()}
    return replace(
        document,
        homes=each(document.homes, lambda home: replace(home, findings=marked(home))),
        threads=each(document.threads, lambda thread: replace(thread, findings=marked(thread))),
        baseline=BaselineEntry(
            as_of=baseline.as_of,
            known=len(now & matched.known),
            new=len(now - matched.known),
            vanished=tuple(map(_vanished, gone)),
            not_compared=sum(map(len, not_compared.values())),
            remarks=tuple(_remarks(not_compared, matched.renamed, baseline, whole or document)),
        ),
    )


def _vanished(finding: KnownFinding) -> VanishedEntry:
    key = finding.key
    return VanishedEntry(
        home_id=key.home_id,
        thread_id=key.thread_id or None,
        code=key.code,
        turn_id=key.turn_id or None,
        title=finding.title,
        since=finding.since,
    )


_WHY: Final = {
    _ABSENT: "in {homes} not in this audit",
    _NOT_JUDGED: "in {homes} that cannot be judged now",
    _NOT_CHECKED: "in {homes} that lack now what their checks need",
}


def _remarks(
    not_compared: dict[str, list[KnownFinding]], renamed: dict[str, str], baseline: Baseline, document: AuditDocument
) -> Iterable[str]:
    """What is to be known of the comparison, a sentence each."""
    paths = {home.home_id: home.path for home in document.homes}
    for old, new in list(renamed.items())[:_NAMED]:
        yield f"{baseline.homes[old].path or old} of the baseline is {paths[new]} now: its threads are the same"
    if len(renamed) > _NAMED:
        yield f"and {len(renamed) - _NAMED:,} more homes have another name now"
    for why, some in not_compared.items():
        if not some:
            continue
        names = sorted({_name(one.key.home_id, baseline) for one in some})
        listed = ", ".join(names[:_NAMED]) + (" and others" if len(names) > _NAMED else "")
        homes = f"{len(names):,} home{'' if len(names) == 1 else 's'}"
        number = f"{len(some):,} finding{'' if len(some) == 1 else 's'} of the baseline"
        yield f"{number}, {_WHY[why].format(homes=homes)}, cannot be said to be gone: {listed}"


def _name(home_id: str, baseline: Baseline) -> str:
    home = baseline.homes.get(home_id)
    return home.path if home is not None and home.path else home_id


def kept_for_next(document: AuditDocument, baseline: Baseline | None, now: datetime | None = None) -> str:
    """What the next run is to compare with: this audit, and what an older one knows that was not looked for now.

    Without the latter, a home that cannot be read for one night would have only new findings in the next.

    Args:
        document: The whole audit, secrets masked.
        baseline: What it was compared with, if it was.
        now: The moment of writing; that of the call if not said.
    """
    kept = _slim(document)
    if baseline is not None:
        today = (now or datetime.now(UTC)).date()
        oldest = (today - timedelta(days=_MISSED_DAYS)).isoformat()
        matched = match(document, baseline)
        some = [one for found in matched.not_compared.values() for one in found]
        here = {home.home_id: home for home in kept.homes}
        standing = {(thread.home_id, thread.thread_id): thread for thread in kept.threads}
        for one in some:
            key = one.key._replace(home_id=matched.renamed.get(one.key.home_id, one.key.home_id))
            before = baseline.homes.get(one.key.home_id)
            missed = (before.missed_since if before is not None else None) or today.isoformat()
            if key.home_id not in here:
                if missed < oldest:
                    continue
                path, as_of = (before.path, before.as_of) if before is not None else (None, None)
                here[key.home_id] = _HomeThen(key.home_id, [], path, as_of, missed)
                kept.homes.append(here[key.home_id])
            finding = _Finding(key.code, key.turn_id or None, one.since)
            if not key.thread_id:
                here[key.home_id].findings.append(finding)
                continue
            place = (key.home_id, key.thread_id)
            if place not in standing:
                standing[place] = _ThreadThen(*place, [], one.title, one.provider)
                kept.threads.append(standing[place])
            standing[place].findings.append(finding)
    return json.dumps(msgspec.to_builtins(kept), ensure_ascii=True) + "\n"
