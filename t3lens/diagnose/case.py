"""One thread as a detector sees it: facts, replays, the standing of its home, and how to point at evidence."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property

from t3lens.diagnose.context import Context
from t3lens.diagnose.facts import (
    Failure,
    LogLine,
    NativeSign,
    RecordFacts,
    RecordTurn,
    SessionRow,
    ThreadFacts,
    TurnRow,
)
from t3lens.diagnose.replays import Replays
from t3lens.domain.event import Event
from t3lens.domain.finding import Evidence, EvidenceKind
from t3lens.domain.state import LIVE, OpenRequest, SessionStatus, ThreadState, TurnState
from t3lens.t3code.home_layout import SERVER_RUNTIME, STATE_SQLITE
from t3lens.t3code.native import opencode
from t3lens.t3code.native.said import NativeSays
from t3lens.t3code.native.words import gist, with_cause
from t3lens.t3code.v1.event_types import (
    DETAILS_APART,
    ITEM_COMPLETED,
    ITEM_STARTED,
    MESSAGE_ITEM_TYPES,
    REQUEST_OPENED,
    RUNTIME_ERROR,
    RUNTIME_WARNING,
    SESSION_EXITED,
    SESSION_SET,
    SESSION_STARTED,
    SESSION_STOP_REQUESTED,
    THREAD_STARTED,
    TURN_INTERRUPT_REQUESTED,
    TURN_START_FAILED,
    TURN_START_REQUESTED,
    TURN_STARTED,
    UNSHOWN_REQUEST_TYPES,
    USER_INPUT_RESOLVED,
    USER_INPUT_RESPONSE_REQUESTED,
    USER_MESSAGE,
)
from t3lens.t3code.v1.log_grammar import SECOND_GENERATION
from t3lens.t3code.v1.schema import (
    ORCHESTRATION_EVENTS,
    PROJECTION_THREAD_SESSIONS,
    PROJECTION_TURNS,
    PROVIDER_SESSION_RUNTIME,
)
from t3lens.t3code.v1.writers import ingested_event_id
from t3lens.time import Micros, iso

__all__ = [
    "Asked",
    "Case",
    "Orphaned",
    "absence",
    "failure_evidence",
    "log_evidence",
    "record_evidence",
    "session_of",
    "stored_evidence",
    "words_of",
]


_BETWEEN_TURNS = frozenset({SessionStatus.READY, SessionStatus.IDLE})
"""Statuses of a session that does not work while its provider lives."""

_TURN_ENDED_BADLY = frozenset({SessionStatus.ERROR, SessionStatus.INTERRUPTED})
"""Statuses that tell how a turn ended, and nothing of the provider."""

_STOPPED = frozenset({SessionStatus.STOPPED})
"""Status of a session whose provider was ended,"""

_OVER = frozenset({*_STOPPED, SessionStatus.ERROR})
"""and those of one whose provider may be gone."""


_HINDERED = frozenset({NativeSays.RETRY, NativeSays.LIMITED, NativeSays.ERROR})
"""Native signs that say why a provider does not get on."""


@dataclass(frozen=True, slots=True)
class Asked:
    """When a turn was asked for and when it was over, microseconds UTC, and its id; empty while it has none."""

    at: Micros
    turn_id: str
    over_at: Micros | None = None


class Orphaned:
    """Why the run that owned a live session is over.

    Attributes:
        reason: One sentence.
        certain: Whether records alone say so.
    """

    __slots__ = ("certain", "reason")

    def __init__(self, reason: str, certain: bool) -> None:
        self.reason = reason
        self.certain = certain


class Case:
    """What every thread detector gets.

    Attributes:
        context: The standing of the home.
        facts: The thread's facts.
        replays: The thread replayed under the reference and under its build's rules.
    """

    def __init__(self, context: Context, facts: ThreadFacts, replays: Replays) -> None:
        self.context = context
        self.facts = facts
        self.replays = replays

    # --- state -----------------------------------------------------------------------------------------------

    @cached_property
    def expected(self) -> ThreadState:
        """The state the reference says the thread is in."""
        return self.replays.expected.final

    @cached_property
    def inferred(self) -> bool:
        """Whether no stored session can be known (no database, one that could not be read, or one that does not
        know the thread), so that the expected one stands for it."""
        home = self.context.home
        unreadable = home.database_error is not None and self.facts.session is None
        return not home.has_database or unreadable or self.stranger

    @cached_property
    def stranger(self) -> bool:
        """Whether there is a database, and it does not know the thread: it is older than the log, or another home's."""
        facts = self.facts
        if facts.outdated:
            return True
        known = facts.row or facts.session or facts.binding or facts.turns or facts.stored
        return self.context.home.has_database and not known

    @cached_property
    def session(self) -> SessionRow | None:
        """The stored session; without a database the expected one."""
        if not self.inferred:
            return self.facts.session
        session = self.expected.session
        if session is None:
            return None
        return SessionRow(
            session.status.value,
            session.active_turn_id,
            session.last_error,
            session.updated_at,
            session.provider,
        )

    @cached_property
    def live(self) -> bool:
        """Whether the session is stored as working."""
        return self.session is not None and self.session.live

    @cached_property
    def recorded(self) -> dict[str | None, RecordTurn]:
        """The turns of the agent's own record that ran in its session, by their ids there."""
        record = self.facts.record
        turns = record.turns if record is not None and record.state == "read" else ()
        return {turn.turn_id: turn for turn in turns if not turn.inherited}

    @cached_property
    def recorded_prompts(self) -> list[RecordTurn]:
        """Those of them that a person asked for and that were not taken back."""
        return [turn for turn in self.recorded.values() if turn.kind == "prompt" and not turn.void]

    @cached_property
    def asked(self) -> list[Asked]:
        """When each turn of the thread was asked for, oldest first, the pending one included."""
        turns = [*self.facts.turns, *([self.facts.pending] if self.facts.pending is not None else [])]
        found = [
            Asked(at, turn.turn_id or "", turn.completed_at)
            for turn in turns
            if (at := turn.requested_at or turn.started_at) is not None
        ]
        return sorted(found, key=lambda one: (one.at, one.turn_id))

    @property
    def sent_at(self) -> Micros | None:
        """When the newest message of a person was sent, as far as is stored."""
        sent = [event.at for event in self.facts.stored if event.type in (USER_MESSAGE, TURN_START_REQUESTED)]
        return max([*sent, *(one.at for one in self.asked)], default=None)

    def stop_asked(self, turn_id: str, since: Micros) -> bool:
        """Whether a person asked T3 Code to stop or interrupt the thread since a moment, as far as is stored."""
        asked = (TURN_INTERRUPT_REQUESTED, SESSION_STOP_REQUESTED)
        return any(event.type in asked and event.at >= since for event in self.facts.stored)

    @property
    def worked_at(self) -> Micros | None:
        """When T3 Code last logged work of a turn of the thread."""
        return self.facts.last_activity.at if self.facts.last_activity is not None else None

    def native_turns(self, turn_id: str) -> tuple[str, ...]:
        """The ids a turn can have in the agent's own record, the newest first."""
        return (turn_id,)

    @cached_property
    def active_turn(self) -> TurnRow | None:
        """The stored row of the session's active turn."""
        active = self.session.active_turn_id if self.session else None
        return next((turn for turn in self.facts.turns if turn.turn_id == active), None) if active else None

    @cached_property
    def session_sets(self) -> list[Event]:
        """All stored ``thread.session-set`` events by sequence, whoever wrote them."""
        return [event for event in self.facts.stored if event.type == SESSION_SET]

    @cached_property
    def lost_lines(self) -> list[Event]:
        """Sessions that ingestion wrote for canonical events the log does not have."""
        if not self.context.home.has_logs:
            return []
        answered = ((event, ingested_event_id(event.command_id)) for event in self.session_sets)
        return [event for event, event_id in answered if event_id is not None and event_id not in self.facts.refs]

    @cached_property
    def log_complete(self) -> bool:
        """Whether nothing is known to be missing of its log, so that what it does not say was not said."""
        facts = self.facts
        return not (facts.quarantined or facts.rotation_gaps or facts.truncated or self.lost_lines)

    def heard_since(self, moment: Micros) -> bool:
        """Whether its log is whole from a moment on, so that what it does not say since was not said."""
        began = self.facts.first_log_at
        return self.log_complete and began is not None and began <= moment

    def sessions_after(self, sequence: int) -> list[dict[str, object]]:
        """The sessions written after ``sequence``, in order."""
        return [session_of(event) for event in self.session_sets if (event.sequence or 0) > sequence]

    def session_before(self, sequence: int) -> dict[str, object]:
        """The session as it was stored just before ``sequence``; empty if there was none."""
        before = [event for event in self.session_sets if (event.sequence or 0) < sequence]
        return session_of(before[-1]) if before else {}

    def session_at(self, step: int, at: Micros) -> SessionRow | None:
        """The session as it was stored at a moment, its first ``step`` replayed events in; None if there was none."""
        stored = next((event for event in reversed(self.session_sets) if event.at <= at), None)
        made = session_of(stored) if stored is not None else {}
        status, turn, error, provider = (made.get(name) for name in ("status", "activeTurnId", "lastError", "providerName"))
        if stored is None or not isinstance(status, str):
            return None
        return SessionRow(
            status,
            turn if isinstance(turn, str) else None,
            error if isinstance(error, str) else None,
            stored.at,
            provider if isinstance(provider, str) else None,
        )

    def over_before(self, sequence: int) -> bool:
        """Whether the session was over already just before ``sequence``: a stop then has nothing to do."""
        over = (None, SessionStatus.STOPPED, SessionStatus.ERROR)
        return self.session_before(sequence).get("status") in over

    @cached_property
    def orphaned(self) -> Orphaned | None:
        """Whether the server run that owned the live session is over, and why; None if not or not known."""
        session, server = self.session, self.context.server
        if session is None or not session.live:
            return None
        if server.dead:
            return Orphaned("no server of this home is running", server.sure and not self.inferred)
        started = server.started_at
        if started is None:
            return None
        if self.context.began_after(session.updated_at):
            return Orphaned(
                f"the server started at {iso(started)}, after the session was last written at {iso(session.updated_at)}",
                not self.inferred,
            )
        began = self._active_turn_began()
        if self.context.began_after(began):
            assert began is not None
            return Orphaned(
                f"turn {session.active_turn_id} began at {iso(began)} under an earlier server; since the start at "
                f"{iso(started)} a resumed provider session only set it running again",
                not self.inferred,
            )
        return None

    @cached_property
    def ended_unseen(self) -> bool:
        """Whether a start of the server has probably ended the orphaned session, and no database tells."""
        reconciles = self.context.build.traits.reconciles_at_start
        return self.inferred and self.orphaned is not None and not self.context.server.dead and reconciles

    def _active_turn_began(self) -> Micros | None:
        """When the active turn last began, by the provider's word, else by the first time it was stored."""
        active = self.session.active_turn_id if self.session else None
        if active is None:
            return None
        said = [e.at for e in self.facts.canonical if e.type == TURN_STARTED and e.turn_id == active]
        if said:
            return said[-1]
        stored = [e.at for e in self.session_sets if session_of(e).get("activeTurnId") == active]
        return stored[0] if stored else None

    @cached_property
    def open_requests(self) -> list[OpenRequest]:
        """Approvals and questions nobody resolved: stored approvals, and questions by the log."""
        logged = self.expected.requests
        if self.inferred:
            # a provider that exited or was started anew since then asks no more
            anew = max(self._starts_and_exits, default=0)
            return [one for one in logged.values() if one.opened_at >= anew and not self._answered_by_the_end(one)]
        since = self.session.updated_at if self.session is not None else 0
        found = [
            OpenRequest(row.request_id, False, row.created_at or since, row.turn_id, "")
            for row in self.facts.approvals
            if row.status == "pending"
        ]
        found += self._stored_questions()
        found += [
            request
            for request in logged.values()
            if request.question and request.answered_at is None and request.request_id not in self.facts.questions
        ]
        return found

    def _answered_by_the_end(self, request: OpenRequest) -> bool:
        """Whether the turn that asked completed: it got its answer, and only the line that says so is missing.

        While a background agent of it goes on, that one may have asked, and it does not end with its turn.
        """
        turn = self.expected.turns.get(request.turn_id or "")
        return turn is not None and turn.terminal is TurnState.COMPLETED and not self.expected.tasks

    def _stored_questions(self) -> list[OpenRequest]:
        """Questions that the event store has, and neither it nor the log an answer to."""
        over = {
            event.request_id
            for event in (*self.facts.stored, *self.facts.canonical)
            if event.type in (USER_INPUT_RESPONSE_REQUESTED, USER_INPUT_RESOLVED)
        }
        return [
            OpenRequest(asked.request_id, True, asked.at, asked.turn_id, asked.event_id)
            for asked in self.facts.questions.values()
            if not asked.resolved and asked.request_id not in over
        ]

    def bygone(self, request: OpenRequest) -> bool:
        """Whether who asked is gone, and another turn ran since: the request holds nothing up.

        A turn that asked is gone when its session is no longer at work. Who asked between turns, or while a background
        agent went on, is gone with the provider only: further turns run beside it.
        """
        # without a log nobody knows whether such an agent goes on
        turns_own = request.turn_id is not None and bool(self.facts.canonical) and not self.expected.tasks
        asked, gone = request.opened_at, False
        for event in self.session_sets:
            session = session_of(event)
            status = session.get("status")
            if event.at > asked and (status in self._over or self._anew_between(asked, event.at)):
                gone = True
            if status not in LIVE:
                gone = gone or (turns_own and event.at > asked)
            elif gone and session.get("activeTurnId") not in (None, request.turn_id):
                return True
        return False

    @cached_property
    def _over(self) -> frozenset[SessionStatus]:
        """Statuses that say that the provider is gone. A failed turn ends none; that it did can only be read in a log."""
        return _OVER if not self.facts.canonical else _STOPPED

    def _anew_between(self, since: Micros, until: Micros) -> bool:
        """Whether the provider exited or was started anew in a time, by its own word."""
        return any(since < at <= until for at in self._starts_and_exits)

    @cached_property
    def _starts_and_exits(self) -> list[Micros]:
        return [event.at for event in self.facts.canonical if event.type in (SESSION_STARTED, SESSION_EXITED)]

    @cached_property
    def dead_requests(self) -> tuple[str, ...]:
        """Ids of the open requests whose answer nobody waits for."""
        dead = (one for one in self.open_requests if self.bygone(one) or not self.asker_lives(one))
        return tuple(request.request_id for request in dead)

    @cached_property
    def holding_requests(self) -> list[OpenRequest]:
        """The open requests that hold the thread up: all but those of a session long over."""
        return [request for request in self.open_requests if not self.bygone(request)]

    def shown(self, request: OpenRequest) -> bool:
        """Whether T3 Code shows a person a prompt for the request, as far as its kind tells."""
        opened = next((e for e in self.facts.canonical if e.event_id == request.event_id), None)
        if opened is None:
            same = (e for e in self.facts.canonical if e.type == REQUEST_OPENED and e.request_id == request.request_id)
            opened = next(same, None)
        return opened is None or opened.text("requestType") not in UNSHOWN_REQUEST_TYPES

    def asker_lives(self, request: OpenRequest) -> bool:
        """Whether the provider that asked lives, as far as is known; its session need not work.

        Without a database the session is read off the log. One that was not at work when it asked, and of which
        nothing was heard since, was: the log lacks the line that said so.
        """
        session = self.session
        if self.orphaned is not None:
            return False
        if self.live:
            return True
        if self.inferred and not self.context.server.dead and (session is None or session.updated_at < request.opened_at):
            return True
        return self._provider_lives_since(request)

    def _provider_lives_since(self, request: OpenRequest) -> bool:
        """Whether a session between turns still has the provider it had when it asked: a background agent asks then.

        It was neither ended, by anybody's word, nor started anew since, and the server run is the same.
        """
        session, binding, server = self.session, self.facts.binding, self.context.server
        moment = request.opened_at
        if session is None or server.dead or self.context.began_after(moment):
            return False
        # a turn that failed or was interrupted ends no provider; what is asked after it, or by others, somebody still asks
        turn = self.expected.turns.get(request.turn_id or "")
        others = turn is None or turn.terminal is TurnState.COMPLETED
        ended_badly = session.status in _TURN_ENDED_BADLY and (binding is not None or self.inferred)
        if session.status not in _BETWEEN_TURNS and not (ended_badly and (others or session.updated_at <= moment)):
            return False
        # of the past no binding is known, and none is no proof of an end
        if binding is not None and binding.status not in (SessionStatus.STARTING, SessionStatus.RUNNING):
            return False
        ended = any(event.at > moment and session_of(event).get("status") in self._over for event in self.session_sets)
        return not ended and not any(at > moment for at in self._starts_and_exits)

    @cached_property
    def start_request(self) -> Event | None:
        """The stored request of the pending start."""
        pending = self.facts.pending
        if pending is None:
            return None
        for event in reversed(self.facts.stored):
            if event.type == TURN_START_REQUESTED and event.text("messageId") == pending.pending_message_id:
                return event
        return None

    @cached_property
    def steered_turn(self) -> str | None:
        """The turn that ran already when the pending start was asked for: its message steers that turn."""
        request = self.start_request
        if request is None:
            return None
        before = self.session_before(request.sequence or 0)
        active = before.get("activeTurnId")
        return str(active) if active and before.get("status") == SessionStatus.RUNNING else None

    @cached_property
    def user_messages(self) -> list[Micros]:
        """When the provider was first seen to take each of the person's messages, in order."""
        seen: dict[str, Micros] = {}
        for event in self.facts.canonical:
            if event.type in (ITEM_STARTED, ITEM_COMPLETED) and event.payload.get("itemType") == USER_MESSAGE:
                seen.setdefault(event.item_id or event.event_id, event.at)
        return sorted([*seen.values(), *self.facts.messages_taken])

    @cached_property
    def left_behind(self) -> bool:
        """Whether the message of the pending start was sent into a running turn that ended without taking it.

        A message that is taken leaves a record in the log. That this one left none is proof only where the log is
        whole, and where others that the same provider took did leave theirs.
        """
        request, session, turn_id = self.start_request, self.session, self.steered_turn
        if request is None or session is None or turn_id is None:
            return False
        if session.live and session.active_turn_id in (turn_id, None):
            return False
        if not self.heard_since(request.at) or not self.user_messages:
            return False
        return self._provider_since(turn_id) <= self.user_messages[-1] < request.at

    def _provider_since(self, turn_id: str) -> Micros:
        """When the last turn of another provider began before this one; 0 if all before were of the same."""
        since, by = 0, None
        for event in reversed(self.facts.canonical):
            if event.type != TURN_STARTED:
                continue
            if event.turn_id == turn_id:
                by = event.provider
            elif by is not None and event.provider != by:
                since = event.at
                break
        return since

    @cached_property
    def awaited_start(self) -> TurnRow | None:
        """The pending start, if its message was neither taken into a running turn (steering) nor refused."""
        request = self.start_request
        if request is not None:
            sequence = request.sequence or 0
            if self.steered_turn is not None and not self.left_behind:
                return None
            if any(failure.kind == TURN_START_FAILED and failure.sequence > sequence for failure in self.facts.failures):
                return None
        return self.facts.pending

    @cached_property
    def main_session(self) -> str | None:
        """The provider's session of the thread itself, by its latest ``thread.started``."""
        for event in reversed(self.facts.canonical):
            if event.type == THREAD_STARTED:
                return event.text("providerThreadId")
        return None

    def auxiliary(self, sign: NativeSign) -> bool:
        """Whether a native sign is about another session of the provider than the thread's own: a child, a title.

        OpenCode names the session of whatever is one's; an error that names none is about none.
        """
        main, named = self.main_session, sign.provider_thread_id
        if named is None:
            return main is not None and sign.ref.type in opencode.SIGNS
        return bool(main and named != main)

    def of_active_turn(self, sign: NativeSign) -> bool:
        """Whether a native sign is about the turn that is active: not about one before, nor of a side session."""
        session = self.session
        if session is None or self.auxiliary(sign) or sign.turn_id not in (None, session.active_turn_id):
            return False
        began = self._active_turn_began()
        return began is None or sign.at >= began

    @cached_property
    def last_words(self) -> Event | None:
        """The provider's last warning or error with a text since the newest turn began, or the session after it."""
        for event in reversed(self.heard):
            if event.type in (RUNTIME_WARNING, RUNTIME_ERROR) and event.text("message"):
                return event
            if event.type == TURN_STARTED:
                return None
        return None

    @cached_property
    def heard(self) -> list[Event]:
        """What its provider said, by its log; without one what the store kept of it for the turn that runs."""
        if self.facts.canonical or not self.facts.told:
            return self.facts.canonical
        active = self.session.active_turn_id if self.session else None
        return [event for event in self.facts.told if event.turn_id in (active, None)]

    @property
    def last_said(self) -> str:
        """The provider's last words as the end of a sentence; empty if it gave no warning and no error."""
        text = words_of(self.last_words) if self.last_words is not None else None
        if text is None and self.last_native_words is not None:
            text = self.last_native_words.text
        return f" Its last words: {gist(text)}" if text else ""

    @cached_property
    def last_native_words(self) -> NativeSign | None:
        """The newest native sign since the newest turn began that says why the provider does not get on."""
        began = max((e.at for e in self.facts.canonical if e.type == TURN_STARTED), default=0)
        for sign in reversed(self.facts.native):
            if sign.at < began:
                return None
            if sign.text and sign.kind in _HINDERED and not self.auxiliary(sign):
                return sign
        return None

    @property
    def second(self) -> bool:
        """Whether its newest log is of the second generation, whose silence is weak evidence."""
        return self.facts.generation == SECOND_GENERATION

    def tool_open(self, turn_id: str | None) -> str | None:
        """What excuses a long silence of the turn: the open tool or task, named; None if nothing does."""
        for item in reversed(list(self.expected.items.values())):
            if item.item_type not in MESSAGE_ITEM_TYPES and item.turn_id in (turn_id, None):
                return f"{item.item_type} {item.item_id}"
        for task in self.expected.tasks.values():
            return f"task {task.task_id}"
        return None

    @property
    def name(self) -> str:
        """How sentences call the thread."""
        return f"thread {self.facts.thread_id}"

    # --- evidence --------------------------------------------------------------------------------------------

    def event(self, event: Event, excerpt: str = "") -> Evidence:
        """Evidence of a canonical or a stored event, wherever it stands."""
        ref = self.facts.refs.get(event.event_id)
        if ref is not None:
            return log_evidence(ref, event, excerpt)
        return stored_evidence(event, excerpt)

    def session_row(self) -> Evidence:
        """The stored session row, or the expected session where there is no database."""
        session = self.session
        assert session is not None
        excerpt = (
            f"status {session.status}, active turn {session.active_turn_id or 'none'}, updated {iso(session.updated_at)}"
        )
        if self.inferred:
            why = "does not know this thread" if self.stranger else "no database"
            return absence(STATE_SQLITE, f"{why}; by the log alone: {excerpt}")
        return _row(PROJECTION_THREAD_SESSIONS, self.facts.thread_id, session.updated_at, self._as_kept(excerpt))

    @property
    def unbound(self) -> bool:
        """Whether it is known to have no runtime binding; of the past it is not known."""
        return self.facts.binding is None and not self.facts.went_on

    def binding_row(self) -> Evidence:
        """The runtime binding."""
        binding = self.facts.binding
        assert binding is not None
        excerpt = f"status {binding.status}, last event {binding.last_event}"
        return _row(PROVIDER_SESSION_RUNTIME, self.facts.thread_id, binding.last_seen_at, excerpt)

    def turn_row(self, turn: TurnRow) -> Evidence:
        """A stored turn."""
        what = f"turn {turn.turn_id}" if turn.turn_id else f"pending start of message {turn.pending_message_id}"
        return _row(
            PROJECTION_TURNS,
            str(turn.row_id),
            turn.completed_at or turn.started_at or turn.requested_at,
            self._as_kept(f"{what}: {turn.state}"),
        )

    def _as_kept(self, excerpt: str) -> str:
        """What a row says; one of the past is not kept, and was made of the stored events."""
        return f"{excerpt} (as the events up to then make it)" if self.facts.went_on else excerpt

    def server(self) -> Evidence:
        """The server of the home."""
        server = self.context.server
        if server.started_at is None or server.dead:
            return absence(SERVER_RUNTIME, f"server {server.status}: {server.why}")
        return Evidence(
            kind=EvidenceKind.ROW,
            source=SERVER_RUNTIME,
            at=server.started_at,
            excerpt=f"server {server.status}, started {iso(server.started_at)}",
        )


def words_of(event: Event) -> str:
    """What a warning or an error says, with the reason that the provider gives apart from it."""
    detail = event.payload.get("detail")
    cause = detail.get(DETAILS_APART) if isinstance(detail, dict) else None
    return with_cause(event.text("message") or "", cause if isinstance(cause, str) else None)


def session_of(event: Event) -> dict[str, object]:
    """The session that a ``thread.session-set`` wrote; empty for anything else."""
    session = event.payload.get("session")
    return session if isinstance(session, dict) else {}


def _row(table: str, key: str, at: Micros | None, excerpt: str) -> Evidence:
    return Evidence(kind=EvidenceKind.ROW, source=table, key=key, at=at, excerpt=excerpt)


def log_evidence(ref: LogLine, event: Event | None = None, excerpt: str = "") -> Evidence:
    """Evidence of a log line."""
    return Evidence(
        kind=EvidenceKind.LOG,
        source=ref.path,
        line=ref.line,
        offset=ref.offset,
        event_id=event.event_id if event else None,
        at=ref.at,
        excerpt=excerpt or _describe(ref.type, event),
    )


def record_evidence(record: RecordFacts, turn: RecordTurn) -> tuple[Evidence, ...]:
    """Evidence of a turn of an agent's own record, the most telling place first."""
    marks: list[dict[str, object]] = json.loads(turn.marks)
    found = []
    for mark in reversed(marks):
        line, offset, row, at = (mark.get(name) for name in ("line", "offset", "row", "at"))
        found.append(
            Evidence(
                kind=EvidenceKind.RECORD,
                source=record.path or record.provider,
                line=line if isinstance(line, int) else None,
                offset=offset if isinstance(offset, int) else None,
                key=str(row) if row is not None else None,
                at=at if isinstance(at, int) else None,
                excerpt=f"{mark.get('what')} of turn {turn.turn_id}: {turn.outcome}",
            )
        )
    return tuple(found)


def stored_evidence(event: Event, excerpt: str = "") -> Evidence:
    """Evidence of a stored event."""
    return Evidence(
        kind=EvidenceKind.EVENT,
        source=ORCHESTRATION_EVENTS,
        event_id=event.event_id,
        key=str(event.sequence) if event.sequence is not None else None,
        at=event.at,
        excerpt=excerpt or _describe(event.type, event),
    )


def failure_evidence(failure: Failure) -> Evidence:
    """Evidence of an activity that tells of a failure."""
    return Evidence(
        kind=EvidenceKind.EVENT,
        source=ORCHESTRATION_EVENTS,
        event_id=failure.event_id,
        key=str(failure.sequence),
        at=failure.at,
        excerpt=failure.kind,
    )


def _describe(kind: str, event: Event | None) -> str:
    if event is None:
        return kind
    session = session_of(event)
    if session:
        return f"{kind}: {session.get('status')}, active turn {session.get('activeTurnId') or 'none'}"
    said = event.text("state") or event.text("status")
    turn = f" of turn {event.turn_id}" if event.turn_id else ""
    return f"{kind}{turn}{f': {said}' if said else ''}"


def absence(where: str, what: str) -> Evidence:
    """Evidence that something does not stand where it should."""
    return Evidence(kind=EvidenceKind.ABSENCE, source=where, excerpt=what)
