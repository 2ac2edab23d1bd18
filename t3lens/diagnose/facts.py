"""What is known of a home and its threads, as plain frozen records: the only input of the detectors."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, Self

import msgspec

from t3lens.diagnose.queries import Until
from t3lens.domain.event import Event
from t3lens.domain.let_go import LET_GO
from t3lens.domain.state import LIVE, SessionStatus
from t3lens.t3code.data_model import Signs, Standing
from t3lens.t3code.native.record import NativeSays
from t3lens.time import Micros, iso

__all__ = [
    "ApprovalRow",
    "Binding",
    "Database",
    "Failure",
    "HomeFacts",
    "Input",
    "LogLine",
    "ModelInUse",
    "NativeAsk",
    "NativeSign",
    "Outdated",
    "RecordFacts",
    "RecordTurn",
    "SessionRow",
    "ThreadFacts",
    "ThreadRow",
    "TurnRow",
    "TurnStates",
]


class Input(StrEnum):
    """What a detector looks at, by the letters of the findings' definitions."""

    LOG = "L"
    EVENTS = "E"
    PROJECTIONS = "P"
    RECEIPTS = "R"
    BINDING = "B"
    TRACE = "T"
    SERVER = "S"
    PROCESSES = "X"
    RECORD = "A"

    @property
    def label(self) -> str:
        """The input in words."""
        return _TITLES[self]


_TITLES = {
    Input.LOG: "provider log",
    Input.EVENTS: "event store",
    Input.PROJECTIONS: "projections",
    Input.RECEIPTS: "receipts",
    Input.BINDING: "runtime binding",
    Input.TRACE: "server trace",
    Input.SERVER: "server state",
    Input.PROCESSES: "processes of the server",
    Input.RECORD: "agents' own records",
}


class LogLine(msgspec.Struct, frozen=True, gc=False):
    """Where a record stands in a provider log.

    Attributes:
        path: File, relative to the home.
        line: 1-based line number.
        offset: Byte offset of the line.
        at: The line's time, microseconds UTC.
        label: ``NTIVE``, ``CANON``, …
        type: The record's type.
    """

    path: str
    line: int
    offset: int
    at: Micros
    label: str
    type: str


class NativeSign(msgspec.Struct, frozen=True, gc=False):
    """A lifecycle sign in the provider's own protocol.

    Attributes:
        kind: What it says of the turn.
        at: The line's time.
        turn_id: The turn it names, if any.
        provider_thread_id: The provider's session it is about.
        ref: Where it stands.
        text: The provider's words for a failure.
    """

    kind: NativeSays
    at: Micros
    turn_id: str | None
    provider_thread_id: str | None
    ref: LogLine
    text: str | None = None


class NativeAsk(msgspec.Struct, frozen=True, gc=False):
    """Something a provider asks a person in its own protocol, and has no answer to.

    Attributes:
        ask_id: The provider's id of it, if it has one.
        at: The line's time.
        session_id: The provider's session that asks: a child's may be another than the thread's.
        ref: Where it stands.
    """

    ask_id: str | None
    at: Micros
    session_id: str | None
    ref: LogLine


class ThreadRow(msgspec.Struct, frozen=True, gc=False):
    """A row of ``projection_threads``; times in microseconds UTC, as in all rows here."""

    title: str | None
    project_id: str | None
    latest_turn_id: str | None
    created_at: Micros | None
    updated_at: Micros | None
    archived_at: Micros | None
    deleted_at: Micros | None
    pending_approval_count: int | None


class SessionRow(msgspec.Struct, frozen=True, gc=False):
    """A row of ``projection_thread_sessions``, or what stands for it where there is no database."""

    status: str
    active_turn_id: str | None
    last_error: str | None
    updated_at: Micros
    provider: str | None

    @property
    def live(self) -> bool:
        """Whether a person sees it as working."""
        return self.status in LIVE

    @property
    def failed(self) -> bool:
        """Whether it stands in error."""
        return self.status == SessionStatus.ERROR


class Binding(msgspec.Struct, frozen=True, gc=False):
    """A row of ``provider_session_runtime``."""

    status: str
    provider: str | None
    last_seen_at: Micros | None
    active_turn_id: str | None
    last_error: str | None
    last_event: str | None
    last_event_at: Micros | None


class TurnRow(msgspec.Struct, frozen=True, gc=False):
    """A row of ``projection_turns``; ``turn_id`` is None while the start is pending."""

    row_id: int | None
    turn_id: str | None
    pending_message_id: str | None
    state: str
    requested_at: Micros | None
    started_at: Micros | None
    completed_at: Micros | None
    assistant_message_id: str | None = None
    checkpoint_turn_count: int | None = None
    checkpoint_ref: str | None = None
    checkpoint_status: str | None = None


class TurnStates(msgspec.Struct, frozen=True, gc=False):
    """How a turn stands.

    Attributes:
        turn_id: Its id; None while the start is pending.
        state: As its row says; None if it has no row.
        expected: As the reference says; None if nothing tells of it but its row.
    """

    turn_id: str | None
    state: str | None
    expected: str | None


class ApprovalRow(msgspec.Struct, frozen=True, gc=False):
    """A row of ``projection_pending_approvals``."""

    request_id: str
    turn_id: str | None
    status: str
    created_at: Micros | None
    resolved_at: Micros | None


class Failure(msgspec.Struct, frozen=True, gc=False):
    """An activity that tells of a failure: of a request the server answered 200 (``provider.*.failed``), or another.

    Attributes:
        kind: Activity kind, e.g. ``provider.session.stop.failed``.
        at: ``occurred_at``: the time of the request it answers.
        sequence: Its place in the event store.
        event_id: The stored event.
        turn_id: The turn concerned, if said.
        request_id: The request concerned, if said.
        detail: The reason why.
    """

    kind: str
    at: Micros
    sequence: int
    event_id: str
    turn_id: str | None
    request_id: str | None
    detail: str


class Question(msgspec.Struct, frozen=True, gc=False):
    """A question to a person as the event store has it: the activity that asked it.

    Attributes:
        request_id: Its id.
        turn_id: The turn that waits for it.
        at: When it was asked.
        sequence: Its place in the event store.
        event_id: The stored event.
        resolved: Whether the activity of its answer is stored too.
    """

    request_id: str
    turn_id: str | None
    at: Micros
    sequence: int
    event_id: str
    resolved: bool = False


class RecordTurn(msgspec.Struct, frozen=True, gc=False):
    """A turn of an agent's own record; see :class:`t3lens.agents.AgentTurn` for all that is not named here.

    Attributes:
        marks: Places its outcome rests on, as stored: JSON.
    """

    turn_id: str | None
    outcome: str
    confidence: str
    why: str
    kind: str
    started_at: Micros | None
    ended_at: Micros | None
    error: str | None
    inherited: bool
    void: bool
    marks: str


class RecordFacts(msgspec.Struct, frozen=True):
    """What the agent itself recorded of a thread's session.

    Attributes:
        provider: The agent.
        session_id: Its id of the session.
        state: ``read``, ``absent`` or ``unreadable``.
        path: Its file, if read.
        why: Why it was not read.
        last_at: Its latest time.
        open_sub_agents: Whether something works for it that is not marked as finished.
        read_at: When it was read: what it lacks then may have been written since.
        builds: Versions of the agent that wrote in it.
        turns: Its newest turns, in its order.
    """

    provider: str
    session_id: str
    state: str
    path: str | None
    why: str
    last_at: Micros | None
    open_sub_agents: bool
    read_at: Micros = 0
    builds: list[str] = []
    turns: tuple[RecordTurn, ...] = ()


class ThreadFacts(msgspec.Struct, kw_only=True):
    """Everything known of one thread.

    Attributes:
        home_id: Its home.
        thread_id: Its id.
        row: Its row, if the database has one.
        session: Its stored session.
        binding: Its runtime binding.
        turns: Its stored turns by row id, without the pending one.
        pending: The stored pending start.
        approvals: Its stored approvals.
        canonical: Canonical lifecycle events in log order.
        stored: Stored lifecycle events by sequence.
        anchors: First sequence ingestion wrote, by canonical event id.
        refs: Where each canonical event stands, by event id.
        native: Native lifecycle signs in log order.
        asks: What its provider asks in its own protocol without an answer; looked for only where it works.
        failures: Failed requests, by sequence.
        errors: Other activities that tell of an error, by sequence.
        went_on: Something of it is newer than the moment that was asked for, and left out: rows are made of the events.
        outdated: What the database says of it is from before its log went on, and was set aside.
        stored_at: When its newest event of any kind was stored; looked for only where it works and has no log.
        told: What its provider warned of and which tools of it ended, by the event store; looked for only there.
        messages_taken: When each of the person's messages was first seen taken, by native records; looked for only
            where a start is pending.
        questions: Stored questions by request id.
        first_log_at: Time of its oldest log line.
        last_log: Its newest log line of any label.
        last_activity: Newest line that is work of a turn (items, deltas, native work), for after-completion checks.
        records: Number of its log lines.
        generation: Newest log generation of its files.
        truncated: Number of its records that T3 Code itself cut short.
        quarantined: Number of lines of its files that could not be read.
        rotation_gaps: Number of files missing between the rotated ones of its log.
        record: What the agent itself recorded, if its record was looked for.
    """

    home_id: str
    thread_id: str
    row: ThreadRow | None = None
    session: SessionRow | None = None
    binding: Binding | None = None
    turns: list[TurnRow] = []
    pending: TurnRow | None = None
    approvals: list[ApprovalRow] = []
    canonical: list[Event] = []
    stored: list[Event] = []
    anchors: dict[str, int] = {}
    refs: dict[str, LogLine] = {}
    native: list[NativeSign] = []
    asks: list[NativeAsk] = []
    failures: list[Failure] = []
    errors: list[Failure] = []
    went_on: bool = False
    outdated: bool = False
    stored_at: Micros | None = None
    told: list[Event] = []
    messages_taken: list[Micros] = []
    questions: dict[str, Question] = {}
    first_log_at: Micros | None = None
    last_log: LogLine | None = None
    last_activity: LogLine | None = None
    records: int = 0
    generation: int | None = None
    truncated: int = 0
    quarantined: int = 0
    rotation_gaps: int = 0
    record: RecordFacts | None = None

    def without_records(self) -> Self:
        """The thread without its records, turns and approvals: with its rows, its totals and what its agent recorded."""
        return msgspec.structs.replace(self, **dict.fromkeys(_RECORDS, LET_GO))

    def with_records_to_come(self) -> Self:
        """The same for who reads the records then: there are none yet."""
        return msgspec.structs.replace(self, **{name: kind() for name, kind in _RECORDS.items()})


_RECORDS: Final[dict[str, type[list[Any]] | type[dict[str, Any]]]] = {
    **dict.fromkeys(
        ("turns", "approvals", "canonical", "stored", "native", "asks", "failures", "errors", "told", "messages_taken"), list
    ),
    **dict.fromkeys(("anchors", "refs", "questions"), dict),
}
"""Fields of ``ThreadFacts`` that most of a large home is made of, and what each is."""


class ModelInUse(StrEnum):
    """Which of T3 Code's data models a home is read by."""

    FIRST = "v1"
    SECOND = "v2"

    @property
    def label(self) -> str:
        """The data model in words."""
        return "V1" if self is ModelInUse.FIRST else "V2"


class Database(msgspec.Struct, frozen=True, gc=False):
    """A database of a home.

    Attributes:
        name: Its file name.
        model: Of which data model it is; None if it could not be opened.
        in_use: Whether the home is judged by it.
        why: How that is known.
        newest_at: Time of the newest thing in it, where it is not in use.
        sure: Whether it is settled which one is in use.
        only_here: Ids of threads that stand in it and not in the one in use.
    """

    name: str
    model: str | None
    in_use: bool
    why: str
    newest_at: Micros | None
    sure: bool
    only_here: list[str]


class Outdated(msgspec.Struct, frozen=True, gc=False):
    """By how much a home's database is older than its logs.

    Attributes:
        stored_at: Time of the newest event it holds.
        unseen_at: When the first turn began whose message it never saw.
        logged_at: Time of the newest log line.
    """

    stored_at: Micros
    unseen_at: Micros
    logged_at: Micros


class HomeFacts(msgspec.Struct, kw_only=True):
    """Everything known of one home that is not of one thread.

    Attributes:
        home_id: Stable id.
        path: Where it is.
        kind: ``userdata``, ``dev``, ``logs``, ``file``, …
        has_database: Whether ``state.sqlite`` could be read.
        has_logs: Whether there are provider logs.
        database_error: Why the database could not be read, if so.
        generation: Newest log generation.
        migrations: Highest migration id.
        server_version: As the running server says.
        runtime_started_at: Start of the server that wrote ``server-runtime.json``.
        newest_at: Time of the newest record of any kind.
        last_reactor_sequence: Newest stored event that the provider command reactor wrote.
        projectors: Last applied sequence by projector.
        last_sequence: Newest stored event.
        unknown_types: Stored and canonical event types t3lens does not know, with counts.
        quarantined: Number of quarantined lines.
        file_problems: Sentences about files: gaps in a rotation chain, unreadable files.
        spans: Trace spans that bear on sessions (name, thread, time, detail).
        clock_falls: Falls of ``occurred_at`` along ``sequence`` beyond the threshold.
        inputs: What of the inputs is there.
        database_damaged: Whether pages of the database are damaged.
        missing_tables: Tables that the database does not have.
        threads: Its threads by id.
        extra: Facts of single detectors, by name.
        database_seen_at: When its database was last seen to hold what is known of it; None without one.
        marks: What the store says of its home's database and of lost lines and files, to be compared: what has not
            changed since need not be read again.
        model: The data model it is judged by.
        databases: Its databases, the one in use first.
        last_applied: The newest event its projections have applied; None if nothing says so (the second model).
        outdated: By how much its database is older than its logs, if it is.
        signs: What it shows of its data model, and
        standing: what follows from that.
        until: Which of its records are looked at, if those up to a moment were asked for; None for all.
        next_at: When the first record after that moment was written, if one was.
        dark: Before each start of a server that the store shows: from the last record before it until it. Whether a
            server ran in that time cannot be told afterwards.
    """

    home_id: str
    path: str
    kind: str
    has_database: bool
    has_logs: bool
    database_error: str | None = None
    generation: int | None = None
    migrations: int | None = None
    server_version: str | None = None
    runtime_started_at: Micros | None = None
    newest_at: Micros | None = None
    last_reactor_sequence: int = 0
    projectors: Mapping[str, int] = {}
    last_sequence: int = 0
    unknown_types: Mapping[str, int] = {}
    quarantined: int = 0
    file_problems: list[str] = []
    spans: list[dict[str, Any]] = []
    clock_falls: list[tuple[int, Micros, Micros]] = []
    inputs: frozenset[Input] = frozenset()
    database_damaged: bool = False
    missing_tables: frozenset[str] = frozenset()
    threads: dict[str, ThreadFacts] = {}
    extra: dict[str, Any] = {}
    database_seen_at: Micros | None = None
    marks: tuple[Any, Any] = (None, None)
    model: ModelInUse = ModelInUse.FIRST
    databases: list[Database] = []
    last_applied: int | None = None
    outdated: Outdated | None = None
    signs: Signs = Signs()
    standing: Standing = Standing()
    until: Until | None = None
    next_at: Micros | None = None
    dark: tuple[tuple[Micros, Micros], ...] = ()

    def why_unknown(self, moment: Micros) -> str | None:
        """Why it cannot be told whether a server ran at a moment gone by, as a clause; None if it can.

        Args:
            moment: Microseconds UTC.
        """
        for since, until in self.dark:
            if since < moment < until:
                return f"nothing was written from {iso(since)} until a server started at {iso(until)}"
        return None

    @property
    def went_on(self) -> bool:
        """Whether something of it is newer than what is looked at, and left out."""
        later = self.until is not None and self.until.sequence is not None
        return later or any(facts.went_on for facts in self.threads.values())
