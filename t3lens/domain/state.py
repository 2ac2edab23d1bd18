"""The state of one thread as the reducer sees it, and the transition that each event makes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from t3lens.domain.let_go import LET_GO
from t3lens.domain.seen_events import NOTHING, SeenEvents
from t3lens.time import Micros

__all__ = [
    "EMPTY",
    "LIVE",
    "OpenItem",
    "OpenRequest",
    "OpenTask",
    "PendingStart",
    "ProviderSession",
    "SessionStatus",
    "Settled",
    "ThreadState",
    "Transition",
    "Turn",
    "TurnState",
    "without_turns",
]


class SessionStatus(StrEnum):
    """Status of the provider session of a thread, as T3 Code stores it."""

    IDLE = "idle"
    STARTING = "starting"
    RUNNING = "running"
    READY = "ready"
    INTERRUPTED = "interrupted"
    STOPPED = "stopped"
    ERROR = "error"


LIVE: Final = frozenset({SessionStatus.STARTING, SessionStatus.RUNNING})
"""The statuses a person sees as "working"."""


class TurnState(StrEnum):
    """State of one turn, as T3 Code stores it."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    INTERRUPTED = "interrupted"
    ERROR = "error"


class Settled(StrEnum):
    """What made a turn leave ``running``."""

    OWN_TERMINAL = "by its own terminal event"
    SESSION = "by its session"
    SUPERSEDED = "superseded"
    REQUEST = "by an interrupt request"
    MESSAGE_END = "by the end of a message"
    CHECKPOINT = "by its checkpoint"


class ProviderSession(msgspec.Struct, frozen=True, gc=False):
    """The provider session of a thread.

    Attributes:
        status: See ``SessionStatus``.
        active_turn_id: The turn the session works on.
        last_error: What went wrong last; cleared when the session becomes ready.
        provider: Driver name.
        provider_instance_id: Configured instance of the provider.
        updated_at: Time of the event that wrote it, microseconds UTC.
    """

    status: SessionStatus
    active_turn_id: str | None = None
    last_error: str | None = None
    provider: str | None = None
    provider_instance_id: str | None = None
    updated_at: Micros = 0


class Turn(msgspec.Struct, frozen=True, gc=False):
    """One turn: from a person's message to the provider's last word on it.

    Attributes:
        turn_id: The provider's (or driver's) turn id.
        index: Order of first sight within the thread, from 0.
        state: See ``TurnState``.
        requested_at: When the message was sent, if known; microseconds UTC, as all times here.
        started_at: When the provider took it up.
        completed_at: When it left ``running``.
        error: Error message or abort reason.
        settled: What made it leave ``running``; None while it runs.
        message_id: The message that asked for it, if known.
        terminal: The outcome its own terminal event gave, whether or not that was accepted.
        terminal_event_id: Id of that event.
        terminal_at: When that event was logged.
        interrupt_requested_at: When a person asked to interrupt or stop it.
        last_activity_at: Newest event that names it, as of settling (see ``ThreadState.activity`` before).
    """

    turn_id: str
    index: int
    state: TurnState
    requested_at: Micros | None = None
    started_at: Micros | None = None
    completed_at: Micros | None = None
    error: str | None = None
    settled: Settled | None = None
    message_id: str | None = None
    terminal: TurnState | None = None
    terminal_event_id: str | None = None
    terminal_at: Micros | None = None
    interrupt_requested_at: Micros | None = None
    last_activity_at: Micros | None = None


class PendingStart(msgspec.Struct, frozen=True, gc=False):
    """A turn that was asked for and that no provider turn has taken up yet.

    Attributes:
        message_id: The message that waits.
        requested_at: When it was sent.
        event_id: The ``thread.turn-start-requested`` event.
        active_turn_id: The turn that was active when it was sent (steering), if any.
    """

    message_id: str | None
    requested_at: Micros
    event_id: str
    active_turn_id: str | None = None


class OpenRequest(msgspec.Struct, frozen=True, gc=False):
    """An approval or a question that nobody resolved yet.

    Attributes:
        request_id: Its id.
        question: A question to the user (else an approval).
        opened_at: When it was opened.
        turn_id: The turn that waits for it.
        event_id: The event that opened it.
        answered_at: When a person's answer was requested, if one was.
    """

    request_id: str
    question: bool
    opened_at: Micros
    turn_id: str | None
    event_id: str
    answered_at: Micros | None = None


class OpenItem(msgspec.Struct, frozen=True, gc=False):
    """An item (message, tool call, …) that started and did not complete.

    Attributes:
        item_id: Its id.
        item_type: Its ``itemType``.
        opened_at: When it started.
        turn_id: Its turn.
        event_id: The event that started it.
    """

    item_id: str
    item_type: str
    opened_at: Micros
    turn_id: str | None
    event_id: str


class OpenTask(msgspec.Struct, frozen=True, gc=False):
    """A subagent or background task that started and did not complete.

    Attributes:
        task_id: Its id.
        opened_at: When it started.
        turn_id: Its turn.
        event_id: The event that started it.
    """

    task_id: str
    opened_at: Micros
    turn_id: str | None
    event_id: str


class ThreadState(msgspec.Struct, frozen=True, gc=False):
    """Everything the reducer knows of one thread after some event.

    Attributes:
        session: None before the first session event.
        turns: By id, in order of first sight.
        running: Ids of the turns in state ``running``, in order of first sight.
        pending: The start that waits, if any.
        requests: Open approvals and questions by id.
        items: Open items by id, newest last; at most the newest 256 are kept.
        tasks: Open tasks by id.
        activity: Newest activity of each running turn, microseconds UTC.
        last_event_at: Time of the newest event seen.
        seen: Ids of the events seen: a second one of the same id changes nothing.
    """

    session: ProviderSession | None = None
    turns: Mapping[str, Turn] = {}
    running: tuple[str, ...] = ()
    pending: PendingStart | None = None
    requests: Mapping[str, OpenRequest] = {}
    items: Mapping[str, OpenItem] = {}
    tasks: Mapping[str, OpenTask] = {}
    activity: Mapping[str, Micros] = {}
    last_event_at: Micros | None = None
    seen: SeenEvents = NOTHING

    @property
    def status(self) -> SessionStatus | None:
        """The session's status, None before there is a session."""
        return self.session.status if self.session else None

    @property
    def active_turn_id(self) -> str | None:
        """The session's active turn, if any."""
        return self.session.active_turn_id if self.session else None

    @property
    def last_error(self) -> str | None:
        """The session's last error, if any."""
        return self.session.last_error if self.session else None


def without_turns(state: ThreadState) -> ThreadState:
    """A state without its turns and without the ids of the events seen: most of what a long thread takes.

    Args:
        state: The state. It cannot be continued without them.
    """
    return msgspec.structs.replace(state, turns=LET_GO, activity=LET_GO, seen=NOTHING)


EMPTY: Final = ThreadState()
"""A thread nothing is known of."""


class Transition(msgspec.Struct, frozen=True, gc=False):
    """What one event did, and why: the line a person reads in the timeline.

    Attributes:
        event_id: The event.
        type: Its type.
        at: Its time, microseconds UTC.
        rule: Id of the rule that decided, ``R1`` … ``R14``, ``W`` for a session written by T3 Code itself.
        applied: Whether session, turns or the pending start changed or were confirmed by it.
        why: One plain sentence with the ids in it.
        turn_id: The turn concerned, if any.
        from_status: Session status before (None: no session).
        to_status: Session status after.
        from_turn: Active turn before.
        to_turn: Active turn after.
        settled: Ids of the turns that left ``running`` by it.
        sequence: Its place in the event store, if it has one.
    """

    event_id: str
    type: str
    at: Micros
    rule: str
    applied: bool
    why: str
    turn_id: str | None
    from_status: SessionStatus | None
    to_status: SessionStatus | None
    from_turn: str | None
    to_turn: str | None
    settled: tuple[str, ...] = ()
    sequence: int | None = None
