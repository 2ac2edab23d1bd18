# ruff: noqa: RUF012 - a struct copies its defaults
"""What is known of a thread of the second data model, as plain frozen records; times are microseconds UTC."""

from __future__ import annotations

from typing import Self

import msgspec

from t3lens.diagnose.facts import LogLine, ThreadFacts
from t3lens.diagnose.wording import short
from t3lens.t3code.v2.shown_session import active_run
from t3lens.t3code.v2.words import (
    EFFECT_OPEN,
    NODE_LIVE,
    REQUEST_PENDING,
    RUN_LIVE,
    SESSION_ERROR,
    EffectStatus,
    RunStatus,
)
from t3lens.time import Micros

__all__ = [
    "AttemptRow",
    "Cursor",
    "EffectRow",
    "FailureItem",
    "ImportRow",
    "InterruptItems",
    "NativeEnd",
    "NodeRow",
    "ProviderSessionRow",
    "ProviderThreadRow",
    "ProviderTurnRow",
    "RequestRow",
    "RunRow",
    "SecondFacts",
    "SubagentRow",
    "ToolItem",
]


class RunRow(msgspec.Struct, frozen=True, gc=False):
    """A run: what a person's message set going.

    Attributes:
        run_id: Its id.
        ordinal: Its place in the thread, from 1.
        status: See ``RunStatus``.
        requested_at: When the message was sent.
        started_at: When it began.
        completed_at: When it was over; of a cancelled run the time of the restart.
        message_id: The message.
        provider_thread_id: The provider's thread it runs in.
        queue_held: Whether it waits until a person resumes the queue (October).
    """

    run_id: str
    ordinal: int
    status: str
    requested_at: Micros | None
    started_at: Micros | None
    completed_at: Micros | None
    message_id: str | None
    provider_thread_id: str | None
    queue_held: bool = False

    @property
    def live(self) -> bool:
        """Whether it is not over."""
        return self.status in RUN_LIVE

    @property
    def queued(self) -> bool:
        """Whether it waits behind another."""
        return self.status == RunStatus.QUEUED


class AttemptRow(msgspec.Struct, frozen=True, gc=False):
    """One try at a run."""

    attempt_id: str
    run_id: str | None
    status: str
    ordinal: int | None
    reason: str | None


class NodeRow(msgspec.Struct, frozen=True, gc=False):
    """The root node of a run."""

    node_id: str
    run_id: str | None
    kind: str
    status: str
    started_at: Micros | None
    completed_at: Micros | None

    @property
    def live(self) -> bool:
        """Whether it is not over."""
        return self.status in NODE_LIVE


class ProviderTurnRow(msgspec.Struct, frozen=True, gc=False):
    """What the provider made of an attempt."""

    provider_turn_id: str
    provider_thread_id: str | None
    attempt_id: str | None
    status: str
    native_id: str | None
    started_at: Micros | None
    completed_at: Micros | None


class ProviderSessionRow(msgspec.Struct, frozen=True, gc=False):
    """A session of a provider that is bound to the thread; one that is not says nothing any more."""

    provider_session_id: str
    status: str
    driver: str | None
    last_error: str | None
    updated_at: Micros | None

    @property
    def failed(self) -> bool:
        """Whether it stands in error."""
        return self.status == SESSION_ERROR


class ProviderThreadRow(msgspec.Struct, frozen=True, gc=False):
    """The thread as the provider knows it."""

    provider_thread_id: str
    status: str
    driver: str | None
    native_id: str | None
    background: int = 0


class RequestRow(msgspec.Struct, frozen=True, gc=False):
    """A question to a person.

    Attributes:
        request_id: Its id.
        kind: What is asked.
        status: See ``t3code.v2.words``.
        created_at: When it was asked.
        run_id: The run that asked.
        capability: How it can be answered: ``live``, ``message``, ``not_resumable``.
        resolved_at: When it was answered, or could not be any more.
    """

    request_id: str
    kind: str
    status: str
    created_at: Micros | None
    run_id: str | None
    capability: str | None
    resolved_at: Micros | None

    @property
    def pending(self) -> bool:
        """Whether nobody answered it."""
        return self.status == REQUEST_PENDING


class EffectRow(msgspec.Struct, frozen=True, gc=False):
    """What the server still has to do, or did."""

    effect_id: str
    effect_type: str
    status: str
    attempt_count: int
    command_id: str | None
    run_id: str | None
    lease_owner: str | None
    lease_expires_at: Micros | None
    available_at: Micros | None
    created_at: Micros | None
    updated_at: Micros | None
    completed_at: Micros | None
    last_error: str | None

    @property
    def open(self) -> bool:
        """Whether it is not done."""
        return self.status in EFFECT_OPEN

    @property
    def running(self) -> bool:
        """Whether a worker has it."""
        return self.status == EffectStatus.RUNNING


class FailureItem(msgspec.Struct, frozen=True, gc=False):
    """The item that says why a run failed."""

    item_id: str
    run_id: str | None
    at: Micros | None
    message: str
    code: str | None


class InterruptItems(msgspec.Struct, frozen=True, gc=False):
    """A person's wish to interrupt a run, and when its result was stored."""

    item_id: str
    run_id: str | None
    at: Micros | None
    done_at: Micros | None

    @property
    def done(self) -> bool:
        """Whether it was done."""
        return self.done_at is not None


class ToolItem(msgspec.Struct, frozen=True, gc=False):
    """A tool that is at work, or was for long."""

    item_id: str
    kind: str
    started_at: Micros | None
    ended_at: Micros | None


class SubagentRow(msgspec.Struct, frozen=True, gc=False):
    """An agent that works for a run; one of T3 Code's own has a thread of its own."""

    subagent_id: str
    child_thread_id: str | None
    started_at: Micros | None
    ended_at: Micros | None


class ImportRow(msgspec.Struct, frozen=True, gc=False):
    """How a thread of the first data model came over."""

    imported_at: Micros | None
    transcript_at: Micros | None
    messages: int | None
    last_error: str | None


class NativeEnd(msgspec.Struct, frozen=True, gc=False):
    """The provider's word that its turn is over.

    Attributes:
        at: The line's time.
        native_thread_id: The provider's thread it names, if it names one.
        native_turn_id: The turn it names, if it names one.
        ref: Where it stands.
    """

    at: Micros
    native_thread_id: str | None
    native_turn_id: str | None
    ref: LogLine


class Cursor(msgspec.Struct, frozen=True, gc=False):
    """How far the projections have applied the event store."""

    last_sequence: int
    updated_at: Micros | None


class SecondFacts(ThreadFacts, kw_only=True):
    """Everything known of one thread of the second data model.

    What both models have in common stands where the first's has it: a run is a turn, in ``turns``; ``session`` says
    what a person sees of the thread; ``stored`` are its lifecycle events.

    Attributes:
        runs: Its runs, in the order of their ordinals.
        attempts: Its attempts.
        nodes: Its root nodes.
        provider_turns: Its provider turns by time.
        sessions: The provider sessions bound to it.
        provider_threads: Its provider threads.
        asked: Its requests.
        effects: Its effects by time.
        reasons: Why runs failed, by time.
        interrupts: Wishes to interrupt.
        tools: Tools that are at work, or were for long.
        subagents: Its subagents.
        imported: How it came over from the first data model, if it did.
        reconciled: Ids of runs that a server ended at its start or shutdown.
        heard: The newest line of its log that is a sign of life.
        helpers_at: When anything was last done in a thread that a subagent of it works in.
        worked_at: Its newest stored event that is about a run's work.
        ends: The provider's words that a turn is over, in log order.
        asked_again_at: When the provider was last asked for a turn, by the log.
        statuses: Times of OpenCode's status notices since the last progress.
        newest_sequence: Its newest event in the store.
    """

    runs: list[RunRow] = []
    attempts: list[AttemptRow] = []
    nodes: list[NodeRow] = []
    provider_turns: list[ProviderTurnRow] = []
    sessions: list[ProviderSessionRow] = []
    provider_threads: list[ProviderThreadRow] = []
    asked: list[RequestRow] = []
    effects: list[EffectRow] = []
    reasons: list[FailureItem] = []
    interrupts: list[InterruptItems] = []
    tools: list[ToolItem] = []
    subagents: list[SubagentRow] = []
    imported: ImportRow | None = None
    reconciled: frozenset[str] = frozenset()
    heard: LogLine | None = None
    helpers_at: Micros | None = None
    worked_at: Micros | None = None
    ends: list[NativeEnd] = []
    asked_again_at: Micros | None = None
    statuses: list[LogLine] = []
    newest_sequence: int = 0

    def without_records(self) -> Self:
        """The thread without its single records and turns: with its rows, runs among them, and its totals."""
        return msgspec.structs.replace(super().without_records(), ends=[], statuses=[])

    def run(self, run_id: str | None) -> RunRow | None:
        """A run by its id."""
        return next((run for run in self.runs if run.run_id == run_id), None)

    @property
    def latest(self) -> RunRow | None:
        """The newest run."""
        return self.runs[-1] if self.runs else None

    @property
    def active(self) -> RunRow | None:
        """The run that is live and does not wait behind another."""
        place = active_run([run.status for run in self.runs])
        return None if place is None else self.runs[place]

    @property
    def queue(self) -> list[RunRow]:
        """The runs that wait behind another."""
        return [run for run in self.runs if run.queued]

    def lost(self, run: RunRow) -> bool:
        """Whether a server's start or shutdown cancelled a run.

        A person can only cancel what waits in the queue, so the store need not tell who cancelled what had begun.
        """
        return run.status == RunStatus.CANCELLED and (run.started_at is not None or run.run_id in self.reconciled)

    @property
    def heard_at(self) -> Micros | None:
        """When anything was last done for a run, by the log or the store, by its subagents too."""
        said = [at for at in (self.heard.at if self.heard else None, self.worked_at, self.helpers_at) if at]
        return max(said, default=None)

    @property
    def in_background(self) -> bool:
        """Whether anything of it is at work that may outlive its run."""
        return self.open_tool is not None or any(one.background for one in self.provider_threads)

    @property
    def open_tool(self) -> str | None:
        """A tool or a subagent that is at work, in words."""
        tool = next((one for one in reversed(self.tools) if one.ended_at is None), None)
        if tool is not None:
            return f"{tool.kind} {short(tool.item_id)}"
        return "a subagent" if self.helped else None

    @property
    def helped(self) -> bool:
        """Whether a subagent is at work."""
        return any(one.ended_at is None for one in self.subagents)
