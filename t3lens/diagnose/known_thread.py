"""What is known of one thread: facts, replays, the standing of its home, and how to point at its rows and events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from t3lens.diagnose.context import Context
from t3lens.diagnose.event_contents import session_of, words_of
from t3lens.diagnose.evidence import absence, log_evidence, row_evidence, stored_evidence
from t3lens.diagnose.facts import (
    NativeSign,
    RecordTurn,
    SessionRow,
    ThreadFacts,
    TurnRow,
    TurnStates,
)
from t3lens.diagnose.once import once
from t3lens.diagnose.replays import Replays
from t3lens.diagnose.wording import called, short
from t3lens.domain.event import Event
from t3lens.domain.finding import Evidence, EvidenceKind
from t3lens.domain.state import SessionStatus, ThreadState, without_turns
from t3lens.t3code.home_layout import SERVER_RUNTIME, STATE_SQLITE
from t3lens.t3code.native import opencode
from t3lens.t3code.native.record import NativeSays
from t3lens.t3code.native.words import one_line
from t3lens.t3code.v1.event_types import (
    MESSAGE_ITEM_TYPES,
    RUNTIME_ERROR,
    RUNTIME_WARNING,
    SESSION_SET,
    SESSION_STOP_REQUESTED,
    THREAD_STARTED,
    TURN_INTERRUPT_REQUESTED,
    TURN_START_REQUESTED,
    TURN_STARTED,
    USER_MESSAGE,
)
from t3lens.t3code.v1.log_grammar import SECOND_GENERATION
from t3lens.t3code.v1.schema import (
    PROJECTION_THREAD_SESSIONS,
    PROJECTION_TURNS,
    PROVIDER_SESSION_RUNTIME,
)
from t3lens.t3code.v1.writers import ingested_event_id
from t3lens.time import Micros, duration, iso

__all__ = ["AskedTurn", "KnownThread", "Orphaned"]

_T = TypeVar("_T")

_HINDERED = frozenset({NativeSays.RETRY, NativeSays.LIMITED, NativeSays.ERROR})
"""Native signs that say why a provider does not get on."""


@dataclass(frozen=True, slots=True)
class AskedTurn:
    """When a turn was asked for and when it was over, microseconds UTC, and its id; empty while it has none."""

    at: Micros
    turn_id: str
    over_at: Micros | None = None


class Orphaned:
    """Why the run that owned a live session is over.

    Attributes:
        reason: The reason, in one sentence.
        certain: Whether records alone say so.
    """

    __slots__ = ("certain", "reason")

    def __init__(self, reason: str, certain: bool) -> None:
        self.reason = reason
        self.certain = certain


class KnownThread:
    """One thread, as its log, its database and the rules tell it.

    Attributes:
        context: The standing of the home.
        facts: The thread's facts.
        replays: The thread replayed under the reference and under its build's rules.
    """

    def __init__(self, context: Context, facts: ThreadFacts, replays: Replays) -> None:
        self.context = context
        self.facts = facts
        self.replays = replays
        self._told: dict[Callable[[Any], Any], Any] = {}

    def told(self, look: Callable[[Any], _T]) -> _T:
        """What looking at the thread tells; looked for once, so that it is known when its records are let go."""
        if look not in self._told:
            self._told[look] = look(self)
        found: _T = self._told[look]
        return found

    def let_go(self) -> None:
        """Forget the thread's records, which are most of a large home, and keep its state and what was told; of its turns
        no more than how they stand (``turn_states``)."""
        kept = {name: getattr(self, name) for name in ("context", "_told", "inferred", "stranger", "session", "turn_states")}
        facts, expected = self.facts.without_records(), without_turns(self.expected)
        self.__dict__.clear()  # whoever asks for replays now is told that there are none
        self.__dict__.update(kept, facts=facts, expected=expected)

    # --- state -----------------------------------------------------------------------------------------------

    @once
    def expected(self) -> ThreadState:
        """The state the reference says the thread is in."""
        return self.replays.expected.final

    @once
    def inferred(self) -> bool:
        """Whether no stored session can be known (no database, one that could not be read, or one that does not
        know the thread), so that the expected one stands for it."""
        home = self.context.home
        unreadable = home.database_error is not None and self.facts.session is None
        return not home.has_database or unreadable or self.stranger

    @once
    def stranger(self) -> bool:
        """Whether there is a database, and it does not know the thread: it is older than the log, or another home's."""
        facts = self.facts
        if facts.outdated:
            return True
        known = facts.row or facts.session or facts.binding or facts.turns or facts.stored
        return self.context.home.has_database and not known

    @once
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

    @once
    def live(self) -> bool:
        """Whether the session is stored as working."""
        return self.session is not None and self.session.live

    @once
    def recorded(self) -> dict[str | None, RecordTurn]:
        """The turns of the agent's own record that ran in its session, by their ids there."""
        record = self.facts.record
        turns = record.turns if record is not None and record.state == "read" else ()
        return {turn.turn_id: turn for turn in turns if not turn.inherited}

    @once
    def recorded_prompts(self) -> list[RecordTurn]:
        """Those of them that a person asked for and that were not taken back."""
        return [turn for turn in self.recorded.values() if turn.kind == "prompt" and not turn.void]

    @once
    def asked(self) -> list[AskedTurn]:
        """When each turn of the thread was asked for, oldest first, the pending one included."""
        turns = [*self.facts.turns, *([self.facts.pending] if self.facts.pending is not None else [])]
        found = [
            AskedTurn(at, turn.turn_id or "", turn.completed_at)
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

    @once
    def active_turn(self) -> TurnRow | None:
        """The stored row of the session's active turn."""
        active = self.session.active_turn_id if self.session else None
        return next((turn for turn in self.facts.turns if turn.turn_id == active), None) if active else None

    @once
    def turn_states(self) -> list[TurnStates]:
        """What is stored of each turn, in the order of the rows, and what should be; then those that only the log knows."""
        rows = [*self.facts.turns, *([self.facts.pending] if self.facts.pending is not None else [])]
        should = {turn_id: turn.state.value for turn_id, turn in self.expected.turns.items()}
        found = [TurnStates(row.turn_id, row.state, should.get(row.turn_id) if row.turn_id else None) for row in rows]
        stored = {row.turn_id for row in rows}
        return found + [TurnStates(turn_id, None, state) for turn_id, state in should.items() if turn_id not in stored]

    @once
    def session_sets(self) -> list[Event]:
        """All stored ``thread.session-set`` events by sequence, whoever wrote them."""
        return [event for event in self.facts.stored if event.type == SESSION_SET]

    @once
    def lost_lines(self) -> list[Event]:
        """Sessions that ingestion wrote for canonical events the log does not have."""
        if not self.context.home.has_logs:
            return []
        answered = ((event, ingested_event_id(event.command_id)) for event in self.session_sets)
        return [event for event, event_id in answered if event_id is not None and event_id not in self.facts.refs]

    @once
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

    @once
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
        began = self._active_turn_began()
        since = f"{duration(started - began)} after the turn began" if began is not None and began < started else ""
        if self.context.began_after(session.updated_at):
            since = since or f"{duration(started - session.updated_at)} after the session was last written"
            return Orphaned(f"the server restarted {since}", not self.inferred)
        if self.context.began_after(began):
            return Orphaned(
                f"the server restarted {since}, and a resumed provider session only set it running again",
                not self.inferred,
            )
        return None

    @once
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

    @once
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

    @once
    def last_words(self) -> Event | None:
        """The provider's last warning or error with a text since the newest turn began, or the session after it."""
        for event in reversed(self.heard):
            if event.type in (RUNTIME_WARNING, RUNTIME_ERROR) and event.text("message"):
                return event
            if event.type == TURN_STARTED:
                return None
        return None

    @once
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
        return f" Its last words: {one_line(text)}" if text else ""

    @once
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
                return f"{item.item_type} {short(item.item_id)}"
        for task in self.expected.tasks.values():
            return f"task {short(task.task_id)}"
        return None

    @property
    def name(self) -> str:
        """How sentences call the thread."""
        return called(self.facts.row.title if self.facts.row is not None else None, self.facts.thread_id)

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
        return row_evidence(PROJECTION_THREAD_SESSIONS, self.facts.thread_id, session.updated_at, self._as_kept(excerpt))

    @property
    def unbound(self) -> bool:
        """Whether it is known to have no runtime binding; of the past it is not known."""
        return self.facts.binding is None and not self.facts.went_on

    def binding_row(self) -> Evidence:
        """The runtime binding."""
        binding = self.facts.binding
        assert binding is not None
        excerpt = f"status {binding.status}, last event {binding.last_event}"
        return row_evidence(PROVIDER_SESSION_RUNTIME, self.facts.thread_id, binding.last_seen_at, excerpt)

    def turn_row(self, turn: TurnRow) -> Evidence:
        """A stored turn."""
        what = f"turn {turn.turn_id}" if turn.turn_id else f"pending start of message {turn.pending_message_id}"
        return row_evidence(
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
