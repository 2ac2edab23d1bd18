"""The audit as a document: what ``audit --format json`` prints, as structs. The one place its fields are named.

``audit.schema.json`` beside this file publishes the same contract for readers of other languages; a test holds the two
together. Fields stand in the order in which they are printed. A field with a default is left out of the JSON where it
has that default; every other one is always there. New fields may come; a change of meaning raises ``SCHEMA_VERSION``.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from t3lens.domain.episode_end import EpisodeEnd
from t3lens.domain.finding import Confidence, EvidenceKind, Remedy, Severity, Verdict
from t3lens.t3code.data_model import DataModel

__all__ = [
    "CODES_AND_TIMES",
    "KEYS",
    "NEED_ATTENTION",
    "RELATIVE_PATHS",
    "SCHEMA_VERSION",
    "AuditDocument",
    "BaselineEntry",
    "ComparisonEntry",
    "DifferingThreadEntry",
    "EndEntry",
    "EvidenceEntry",
    "ExpectedSessionEntry",
    "FailOn",
    "FindingEntry",
    "ForkEntry",
    "HomeEntry",
    "IncidentEntry",
    "MatterEntry",
    "NotCheckedEntry",
    "Novelty",
    "RollUpBy",
    "RollUpEntry",
    "RollUpRow",
    "ServerStatus",
    "SessionEntry",
    "ThreadEntry",
    "TurnEntry",
    "UnreadableEntry",
    "VanishedEntry",
    "json_values",
]

if TYPE_CHECKING:
    from collections.abc import Sequence

    _Entries = Sequence
else:

    class _Entries:
        """In JSON and in memory a tuple; of very many homes ``t3lens.document.rows.DiskRows`` instead."""

        def __class_getitem__(cls, item):
            return tuple[item, ...]


SCHEMA_VERSION: Final = 1
"""Grows when a field changes its meaning or goes; new fields leave it as it is."""


NEED_ATTENTION: Final = (
    Verdict.STUCK,
    Verdict.DIVERGED,
    Verdict.WAITING,
    Verdict.FAILED,
    Verdict.UNKNOWN,
)
"""The verdicts of threads that somebody has to look at; the others are left out of what people read."""

CODES_AND_TIMES: Final = frozenset(
    {"as_of", "at", "code", "codes", "incidents_since", "primary", "seen_until", "since", "until", "updated_at"}
)
"""Fields whose texts have a fixed form: finding codes and moments. Nobody's words stand in them."""


KEYS: Final = frozenset(
    {
        "action_id", "active_turn_id", "event_id", "home_id", "incident_id", "key", "message_id", "provider", "rules",
        "since_event_id", "thread_id", "turn_id", "type", "until_event_id",
    }
)  # fmt: skip
"""Fields by which other tools find a record again or join on it: ids and names of T3 Code. Never masked, never cut."""

RELATIVE_PATHS: Final = frozenset({"source"})
"""Fields that hold a path relative to the home or a table's name, and are keys then; other paths are texts."""


class FailOn(StrEnum):
    """The severity from which findings fail a run; nothing reaches ``never``."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"
    NEVER = "never"

    def reached_by(self, severity: Severity) -> bool:
        """Whether a finding of this severity fails the run."""
        return self is not FailOn.NEVER and severity.at_least(Severity(self.value))


class Novelty(StrEnum):
    """Whether an older audit has a finding too."""

    KNOWN = "known"
    NEW = "new"


class RollUpBy(StrEnum):
    """What findings can be counted by; ``build`` is that of the rules, ``host`` the first folder that tells homes apart."""

    CODE = "code"
    HOME = "home"
    HOST = "host"
    PROVIDER = "provider"
    BUILD = "build"
    PROJECT = "project"


class ServerStatus(StrEnum):
    """Whether the server of a home runs."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"


class _Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of the document; times are texts as ``t3lens.time.iso`` writes them."""


class EvidenceEntry(_Entry, frozen=True, kw_only=True):
    """A record that a finding rests on; see ``t3lens.domain.finding.Evidence``."""

    kind: EvidenceKind
    source: str
    line: int | None
    offset: int | None
    event_id: str | None
    key: str | None
    at: str | None
    excerpt: str


class FindingEntry(_Entry, frozen=True, kw_only=True):
    """A finding; see ``t3lens.domain.finding.Finding``.

    Attributes:
        baseline: Whether the audit that this one is compared with has it too.
    """

    code: str
    severity: Severity
    confidence: Confidence
    turn_id: str | None
    since: str | None
    since_event_id: str | None
    summary: str
    explanation: str
    remedy: Remedy
    references: tuple[str, ...]
    evidence: tuple[EvidenceEntry, ...]
    baseline: Novelty | None = None

    @property
    def known(self) -> bool:
        """Whether an older audit has it too, so that it fails no run."""
        return self.baseline is Novelty.KNOWN


class NotCheckedEntry(_Entry, frozen=True, kw_only=True):
    """A detector that could not be run on a home, and why."""

    code: str
    why: str


class HomeEntry(_Entry, frozen=True, kw_only=True):
    """A home.

    Attributes:
        data_model: Of T3 Code, as far as it can be told.
        cannot_judge: Why no thread of it gets a verdict and nothing of it is checked; None if they do.
        beyond_known: Migrations and tables that no known build has: what rests on the database is less sure.
        rules_guessed: Whether the version is not known, so that its rules are a guess.
        log_generation: Of its newest log; None without logs.
        missing: What it lacks, so that its verdicts rest on less: a sentence each.
        findings: The home-wide findings.
    """

    home_id: str
    path: str
    data_model: DataModel
    cannot_judge: str | None
    beyond_known: tuple[str, ...] = ()
    server: ServerStatus
    server_why: str
    server_version: str | None
    rules: str
    rules_guessed: bool
    log_generation: Literal[1, 2, 3] | None
    as_of: str
    missing: tuple[str, ...]
    not_checked: tuple[NotCheckedEntry, ...]
    findings: tuple[FindingEntry, ...]


class SessionEntry(_Entry, frozen=True, kw_only=True):
    """The session as it is stored."""

    status: str
    active_turn_id: str | None
    last_error: str | None
    updated_at: str | None


class ExpectedSessionEntry(_Entry, frozen=True, kw_only=True):
    """The session as the rules say it should be."""

    status: str
    active_turn_id: str | None
    last_error: str | None


class TurnEntry(_Entry, frozen=True, kw_only=True):
    """A turn: its stored state, and the one that the rules say it should have."""

    turn_id: str | None
    state: str | None
    expected_state: str | None


class ThreadEntry(_Entry, frozen=True, kw_only=True):
    """A thread.

    Attributes:
        primary: Code of the finding that explains the verdict, if one does.
        project: Title of its project, or its id; None if it has none.
        turns: Stored ones in their order, then those that only the log knows.
        findings: The explaining one first.
    """

    home_id: str
    thread_id: str
    title: str | None
    provider: str | None
    project: str | None = None
    verdict: Verdict
    primary: str | None
    since: str | None
    session: SessionEntry | None
    expected_session: ExpectedSessionEntry | None
    turns: tuple[TurnEntry, ...]
    findings: tuple[FindingEntry, ...]


class IncidentEntry(_Entry, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """A stretch of time in which something was wrong with a thread; see ``t3lens.incidents.Episode``.

    Attributes:
        incident_id: The same in every run over the same records, also after it ended.
        verdict: ``stuck``, ``diverged``, ``waiting`` or ``failed``.
        code: The finding that explains it.
        codes: All findings that say so.
        since: The moment it began, microseconds UTC.
        until: To when; null if it goes on.
        ended_by: How it ended.
        action_id: The action of t3lens that ended it.
        duration_s: How long, seconds; of one that goes on, at least.
        seen_until: The last moment at which it can be shown to have been so.
        turn_id: The turn it is about.
        message_id: The message of that turn.
        summary: The finding in one sentence, as it would have been said then.
        since_event_id: The event it began with.
        until_event_id: The event it ended with.
        evidence: Of the finding, then of its end.
    """

    incident_id: str
    home_id: str
    thread_id: str
    title: str | None
    provider: str | None
    verdict: Verdict
    code: str
    codes: tuple[str, ...]
    since: str
    until: str | None
    ended_by: EpisodeEnd
    action_id: str | None
    duration_s: float
    seen_until: str
    turn_id: str | None
    message_id: str | None
    confidence: Confidence
    summary: str
    since_event_id: str | None
    until_event_id: str | None
    evidence: tuple[EvidenceEntry, ...]


class ForkEntry(_Entry, frozen=True, kw_only=True):
    """The first event after which two sets of rules disagree on a thread, and what either says of it."""

    event_id: str | None
    type: str
    at: str
    why: tuple[str, str]


class EndEntry(_Entry, frozen=True, kw_only=True):
    """How a thread ends under one set of rules; ``turns`` are states by turn id."""

    status: str | None
    active_turn_id: str | None
    turns: dict[str, str]


class DifferingThreadEntry(_Entry, frozen=True, kw_only=True):
    """A thread that ends differently under two sets of rules."""

    home_id: str
    thread_id: str
    verdict: Verdict
    fork: ForkEntry | None
    ends: tuple[EndEntry, EndEntry]


class ComparisonEntry(_Entry, frozen=True, kw_only=True):
    """What two sets of rules would have made of all threads; see ``t3lens.diagnose.fleet_compare``."""

    rules: tuple[str, str]
    compared: int
    stuck: int
    settled: dict[str, int]
    summary: str
    threads: tuple[DifferingThreadEntry, ...]


class UnreadableEntry(_Entry, frozen=True, kw_only=True):
    """A path whose home could not be read, and why."""

    path: str
    message: str


class VanishedEntry(_Entry, frozen=True, kw_only=True):
    """A finding that only the older audit has, though it was looked for where it stood.

    Attributes:
        home_id: The home, under the name it has now.
        title: Of the thread, as the older audit has it.
        since: Since when it was so.
    """

    home_id: str
    thread_id: str | None
    code: str
    turn_id: str | None
    title: str | None = None
    since: str | None = None


class MatterEntry(_Entry, frozen=True, kw_only=True):
    """Findings of one code that began within an hour in half of the homes or more: one matter, told once.

    Attributes:
        code: The code they share.
        severity: The worst of them.
        since: Since when the first is so,
        until: and since when the last.
        homes: In how many homes.
        findings: The number of findings.
        new: How many of them an older audit does not have, if there was one to compare with.
    """

    code: str
    severity: Severity
    since: str
    until: str
    homes: int
    findings: int
    new: int | None = None


class RollUpRow(_Entry, frozen=True, kw_only=True):
    """Findings that have something in common, of severity low or worse.

    Attributes:
        name: What they have in common.
        severity: The worst of them.
        findings, threads, homes: How many, at how many threads of how many homes.
        new: How many an older audit does not have, if there was one to compare with.
        since: Since when the oldest is so.
    """

    name: str
    severity: Severity
    findings: int
    threads: int
    homes: int
    new: int | None = None
    since: str | None


class RollUpEntry(_Entry, frozen=True, kw_only=True):
    """Findings counted by something.

    Attributes:
        by: What they are counted by.
        rows: The worst first.
    """

    by: RollUpBy
    rows: tuple[RollUpRow, ...]


class BaselineEntry(_Entry, frozen=True, kw_only=True):
    """How this audit compares with an older one; ``t3lens.document.identity`` says what makes a finding the same.

    Attributes:
        as_of: The moment of the older one.
        known: Number of findings that both have, and
        new: of those that only this one has.
        vanished: Those that only the older one has.
        not_compared: Number of the older one's findings that could not be looked for: neither known nor vanished.
        remarks: What is to be known of the comparison: homes that have another name now, and why some findings were not
            looked for.
    """

    as_of: str | None
    known: int
    new: int
    vanished: tuple[VanishedEntry, ...]
    not_compared: int = 0
    remarks: tuple[str, ...] = ()


class AuditDocument(_Entry, frozen=True, kw_only=True):
    """An audit of any number of homes.

    Attributes:
        as_of: The moment of the whole document; each home has its own.
        notices: To be read first: homes that cannot be judged, or less surely than usual.
        threads: Of all homes, worst first.
        counts: Number of threads by verdict, worst first, without zeros.
        quarantined: Log lines that could not be read, in all homes.
        thresholds: The limits that were used, by name.
        comparison: What other rules would have made of the threads, if that was asked.
        errors: Homes that could not be read, where several processes audited.
        fail_on: The severity from which findings fail the run; ``high`` if it is not said.
        finding_identity: What makes a finding the same in two audits; see ``t3lens.document.identity``.
        baseline: How it compares with an older audit, if it was compared.
        matters: What began in half of the homes or more within an hour; the worst first.
        roll_ups: Findings counted, as it was asked for.
        incidents_since: The moment since which incidents were asked for, if they were.
        incidents: What was wrong since then, also what is over; the oldest first.
    """

    schema_version: Literal[1]
    t3lens_version: str
    as_of: str
    notices: tuple[str, ...] = ()
    homes: _Entries[HomeEntry]
    threads: _Entries[ThreadEntry]
    counts: dict[Verdict, int]
    quarantined: int
    thresholds: dict[str, int | float]
    comparison: ComparisonEntry | None = None
    errors: tuple[UnreadableEntry, ...] = ()
    fail_on: FailOn | None = None
    finding_identity: Literal[1] = 1
    baseline: BaselineEntry | None = None
    matters: tuple[MatterEntry, ...] = ()
    roll_ups: tuple[RollUpEntry, ...] = ()
    incidents_since: str | None = None
    incidents: _Entries[IncidentEntry] = ()

    @property
    def places(self) -> Iterator[HomeEntry | ThreadEntry]:
        """Everything that findings stand at, homes first."""
        yield from self.homes
        yield from self.threads

    @property
    def vanished(self) -> tuple[VanishedEntry, ...]:
        """What only the older audit has, if it was compared with one."""
        return self.baseline.vanished if self.baseline is not None else ()


def json_values(document: AuditDocument) -> dict[str, Any]:
    """The document as plain JSON values, for what writes JSON."""
    values: dict[str, Any] = msgspec.to_builtins(document, enc_hook=list)  # rows on the disk are no list yet
    return values
