"""An older audit to compare with: which findings it knows, which are new since, which have vanished.

What makes a finding the same in two audits is said in ``identity``. A finding has vanished only if it was looked for where
it stood and is not there: one whose home was not audited now, could not be judged, or lacks what its check needs is neither
known nor gone, and that is said.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import chain, groupby
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from t3lens.counted import counted
from t3lens.document.disk_map import DiskMap
from t3lens.document.identity import IDENTITY_VERSION, FindingKey, finding_key, renamed_homes
from t3lens.document.json_stream import Member, members
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
from t3lens.document.rows import DiskRows, Ranking, each
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


@dataclass(frozen=True, slots=True)
class Baseline:
    """An older audit.

    Attributes:
        as_of: Its moment, if it says.
        findings: Its findings.
        homes: Its homes, by id.
    """

    as_of: str | None
    findings: Mapping[FindingKey, KnownFinding]
    homes: Mapping[str, KnownHome]


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


class _HasThread(msgspec.Struct, frozen=True):
    home_id: str
    thread_id: str


class _DocumentHead(msgspec.Struct):
    """So much of the rest of a document as is needed, so that those of older and newer builds can be read: what they do not
    have in common is not looked at."""

    as_of: str | None = None
    schema_version: int = SCHEMA_VERSION
    finding_identity: int = IDENTITY_VERSION


_HOMES: Final = "homes"
_THREADS: Final = "threads"


def read_baseline(path: Path) -> Baseline:
    """Read an audit that was kept as JSON.

    Any document of this schema version and of this identity of findings will do, whichever build wrote it. It is read a home
    and a thread at a time, and what is known of them stays on the disk.

    Raises:
        InputError: The file cannot be read or is no audit; the message says what is wrong with it.
    """
    collected = _Collected()
    head: dict[str, Any] = {}
    broken = ""
    lacking = {_HOMES, _THREADS}
    try:
        with path.open(encoding="utf-8") as stream:
            for one in members(stream, (_HOMES, _THREADS)):
                lacking.discard(one.name)
                try:
                    if one.name in (_HOMES, _THREADS):
                        if one.place is None and one.value != []:
                            raise msgspec.ValidationError("Expected `array`")
                        collected.add(one)
                    elif one.name in _DocumentHead.__struct_fields__:
                        head[one.name] = one.value
                except msgspec.ValidationError as error:  # it may be another version, which is said rather
                    place = "" if one.place is None else f"[{one.place}]"
                    broken = broken or f"in {one.name}{place}: {error}"
    except OSError as error:
        raise InputError(f"the baseline {path} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"the baseline {path} is no JSON: {error}") from None
    _check_version(head, path)
    try:
        as_of = msgspec.convert(head, _DocumentHead).as_of
    except msgspec.ValidationError as error:
        broken = broken or str(error)
    if lacking:
        broken = broken or f"Object missing required field `{min(lacking)}`"
    if broken:
        raise InputError(f"the baseline {path} is no whole audit document: {broken}")
    return collected.baseline(as_of)


def _check_version(values: Mapping[str, Any], path: Path) -> None:
    version = values.get("schema_version")
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


class _Collected:
    """An older audit, put together from its homes and threads."""

    def __init__(self) -> None:
        self._findings: DiskMap[FindingKey, KnownFinding] = DiskMap(FindingKey, KnownFinding)
        self._homes: DiskMap[str, KnownHome] = DiskMap(str, KnownHome)
        self._threads, self._ranking = DiskRows(_HasThread), Ranking[str](str)

    def add(self, one: Member) -> None:
        """Add a home or a thread as it stands in a file.

        Raises:
            msgspec.ValidationError: It is none.
        """
        if one.place is None:
            return
        if one.name == _HOMES:
            self.add_home(msgspec.convert(one.value, _HomeThen))
        else:
            self.add_thread(msgspec.convert(one.value, _ThreadThen))

    def add_home(self, home: _HomeThen) -> None:
        known = KnownHome(path=home.path, as_of=home.as_of, threads=frozenset(), missed_since=home.missed_since)
        self._homes.put(home.home_id, known)
        self._add_findings(home.home_id, "", home.findings, None, None)

    def add_thread(self, thread: _ThreadThen) -> None:
        self._threads.append(_HasThread(thread.home_id, thread.thread_id))
        self._ranking.append(thread.home_id)
        self._add_findings(thread.home_id, thread.thread_id, thread.findings, thread.title, thread.provider)

    def _add_findings(
        self, home_id: str, thread_id: str, findings: Iterable[_Finding], title: str | None, provider: str | None
    ) -> None:
        for one in findings:
            key = FindingKey(home_id, thread_id, one.code, one.turn_id or "")
            self._findings.put(key, KnownFinding(key=key, since=one.since, title=title, provider=provider))

    def baseline(self, as_of: str | None) -> Baseline:
        """All of it."""
        by_home = groupby(self._threads.in_order(self._ranking.order()), key=lambda one: one.home_id)
        for home_id, some in by_home:
            home = self._homes.get(home_id)
            if home is not None:
                self._homes.put(home_id, replace(home, threads=frozenset(one.thread_id for one in some)))
        return Baseline(as_of, self._findings, self._homes)


def baseline_of(document: AuditDocument) -> Baseline:
    """A document as the baseline of later ones."""
    collected = _Collected()
    for home in document.homes:
        collected.add_home(_home_then(home))
    for thread in document.threads:
        collected.add_thread(_thread_then(thread))
    return collected.baseline(document.as_of)


def _home_then(home: HomeEntry) -> _HomeThen:
    return _HomeThen(home.home_id, _findings_then(home), home.path, home.as_of)


def _thread_then(thread: ThreadEntry) -> _ThreadThen:
    return _ThreadThen(thread.home_id, thread.thread_id, _findings_then(thread), thread.title, thread.provider)


def _findings_then(place: HomeEntry | ThreadEntry) -> list[_Finding]:
    return [_Finding(one.code, one.turn_id, one.since) for one in place.findings]


@dataclass(frozen=True, slots=True)
class Matched:
    """Two audits laid beside each other.

    Attributes:
        known: The findings of now that the older audit has.
        gone: The older audit's that are not there any more.
        not_compared: The older audit's that were not looked for, each under the reason.
        renamed: Old home ids to new ones.
    """

    known: Container[FindingKey]
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
    homes: DiskMap[str, _HomeNow] = DiskMap(str, _HomeNow)
    since: DiskMap[FindingKey, str | None] = DiskMap(FindingKey, str | None)
    for home in document.homes:
        judged = home.cannot_judge is None
        homes.put(home.home_id, _HomeNow(judged, tuple(check.code for check in home.not_checked)))
    for place in document.places:
        for one in place.findings:
            since.put(finding_key(place, one), one.since)
    renamed = _renamed_homes(document, baseline, homes)
    known: DiskMap[FindingKey, None] = DiskMap(FindingKey, None)
    gone: list[KnownFinding] = []
    not_compared: dict[str, list[KnownFinding]] = {}
    for old, finding in _in_order(baseline.findings):
        key = old._replace(home_id=renamed.get(old.home_id, old.home_id))
        home_now = homes.get(key.home_id)
        if key in since:
            if _came_again(finding, since[key], baseline.homes.get(old.home_id)):
                gone.append(replace(finding, key=key))
            else:
                known.put(key, None)
        elif home_now is None:
            not_compared.setdefault(_ABSENT, []).append(finding)
        elif not home_now.judged:
            not_compared.setdefault(_NOT_JUDGED, []).append(finding)
        elif key.code in home_now.not_checked:
            not_compared.setdefault(_NOT_CHECKED, []).append(finding)
        else:
            gone.append(replace(finding, key=key))
    return Matched(known, tuple(gone), not_compared, renamed)


class _HomeNow(msgspec.Struct, frozen=True):
    """A home of now: whether it was judged, and the codes that could not be looked for."""

    judged: bool
    not_checked: tuple[str, ...]


def _in_order(findings: Mapping[FindingKey, KnownFinding]) -> Iterable[tuple[FindingKey, KnownFinding]]:
    return findings.items() if isinstance(findings, DiskMap) else sorted(findings.items())


def _renamed_homes(document: AuditDocument, baseline: Baseline, homes: Mapping[str, _HomeNow]) -> dict[str, str]:
    """Which homes have another id now; only of those that one of the audits does not have, threads are looked at."""
    before = {home_id: home.threads for home_id, home in baseline.homes.items() if home_id not in homes}
    if not before:
        return {}
    now: dict[str, set[str]] = {home_id: set() for home_id in homes if home_id not in baseline.homes}
    for thread in document.threads:
        if thread.home_id in now:
            now[thread.home_id].add(thread.thread_id)
    return renamed_homes(before, now)


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
    known = new = 0
    for place in document.places:
        here = {finding_key(place, one) for one in place.findings}
        same = sum(key in matched.known for key in here)
        known, new = known + same, new + len(here) - same

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
            known=known,
            new=new,
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
    wanted = set(renamed.values())
    paths = {home.home_id: home.path for home in document.homes if home.home_id in wanted}
    for old, new in list(renamed.items())[:_NAMED]:
        yield f"{baseline.homes[old].path or old} of the baseline is {paths[new]} now: its threads are the same"
    if len(renamed) > _NAMED:
        yield f"and {len(renamed) - _NAMED:,} more homes have another name now"
    for why, some in not_compared.items():
        if not some:
            continue
        names = sorted({_name(one.key.home_id, baseline) for one in some})
        listed = ", ".join(names[:_NAMED]) + (" and others" if len(names) > _NAMED else "")
        homes = counted(len(names), "home")
        number = f"{counted(len(some), 'finding')} of the baseline"
        yield f"{number}, {_WHY[why].format(homes=homes)}, cannot be said to be gone: {listed}"


def _name(home_id: str, baseline: Baseline) -> str:
    home = baseline.homes.get(home_id)
    return home.path if home is not None and home.path else home_id


def kept_for_next(document: AuditDocument, baseline: Baseline | None, now: datetime | None = None) -> Iterator[str]:
    """What the next run is to compare with: this audit, and what an older one knows that was not looked for now.

    Without the latter, a home that cannot be read for one night would have only new findings in the next.

    Args:
        document: The whole audit, secrets masked.
        baseline: What it was compared with, if it was.
        now: The moment of writing; that of the call if not said.

    Returns:
        The text of a file that ``read_baseline`` reads, in pieces.
    """
    missed = _Missed()
    if baseline is not None:
        missed = _missed(document, baseline, (now or datetime.now(UTC)).date())
    yield f'{{"{_HOMES}": ['
    yield from _separated(chain((missed.with_home(_home_then(one)) for one in document.homes), missed.homes()))
    yield f'], "{_THREADS}": ['
    yield from _separated(chain((missed.with_thread(_thread_then(one)) for one in document.threads), missed.threads()))
    head = msgspec.to_builtins(_DocumentHead(document.as_of))
    yield f"], {json.dumps(head)[1:]}\n"


def _separated(rows: Iterable[_HomeThen | _ThreadThen]) -> Iterator[str]:
    for number, row in enumerate(rows):
        yield (", " if number else "") + json.dumps(msgspec.to_builtins(row), ensure_ascii=True)


@dataclass(slots=True)
class _Missed:
    """What an older audit knows that was not looked for, until it was put beside what stands at its place now.

    Attributes:
        findings: By home and thread; the latter is empty for home-wide ones.
        homes_then: The homes that are not there, by id.
        threads_then: The threads, by home and thread.
    """

    findings: dict[tuple[str, str], list[_Finding]] = field(default_factory=dict)
    homes_then: dict[str, _HomeThen] = field(default_factory=dict)
    threads_then: dict[tuple[str, str], _ThreadThen] = field(default_factory=dict)

    def with_home(self, home: _HomeThen) -> _HomeThen:
        """A home of now, with what is missed of it."""
        home.findings += self.findings.pop((home.home_id, ""), [])
        return home

    def with_thread(self, thread: _ThreadThen) -> _ThreadThen:
        """A thread of now, with what is missed of it."""
        thread.findings += self.findings.pop((thread.home_id, thread.thread_id), [])
        return thread

    def homes(self) -> Iterator[_HomeThen]:
        """The homes that are not there."""
        return map(self.with_home, self.homes_then.values())

    def threads(self) -> Iterator[_ThreadThen]:
        """The threads that are not there."""
        return (self.with_thread(one) for place, one in self.threads_then.items() if place in self.findings)


def _missed(document: AuditDocument, baseline: Baseline, today: date) -> _Missed:
    oldest = (today - timedelta(days=_MISSED_DAYS)).isoformat()
    matched = match(document, baseline)
    missed = _Missed()
    some = [one for found in matched.not_compared.values() for one in found]
    names = {matched.renamed.get(one.key.home_id, one.key.home_id) for one in some}
    here = {home.home_id for home in document.homes if home.home_id in names}
    for one in some:
        key = one.key._replace(home_id=matched.renamed.get(one.key.home_id, one.key.home_id))
        if key.home_id not in here and key.home_id not in missed.homes_then:
            before = baseline.homes.get(one.key.home_id)
            since = (before.missed_since if before is not None else None) or today.isoformat()
            if since < oldest:
                continue
            path, as_of = (before.path, before.as_of) if before is not None else (None, None)
            missed.homes_then[key.home_id] = _HomeThen(key.home_id, [], path, as_of, since)
        place = (key.home_id, key.thread_id)
        missed.findings.setdefault(place, []).append(_Finding(key.code, key.turn_id or None, one.since))
        if key.thread_id and place not in missed.threads_then:
            missed.threads_then[place] = _ThreadThen(*place, [], one.title, one.provider)
    return missed
