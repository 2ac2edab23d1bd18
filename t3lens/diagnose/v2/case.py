"""One thread of the second data model as a detector sees it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from t3lens.diagnose.case import Case
from t3lens.diagnose.context import Context
from t3lens.diagnose.facts import SessionRow
from t3lens.diagnose.known_thread import AskedTurn, Orphaned
from t3lens.diagnose.replays import Replay
from t3lens.diagnose.v2.facts import (
    AttemptRow,
    EffectRow,
    NodeRow,
    ProviderSessionRow,
    ProviderThreadRow,
    ProviderTurnRow,
    RequestRow,
    RunRow,
    SecondFacts,
)
from t3lens.diagnose.v2.open_requests import SecondRequests
from t3lens.diagnose.v2.outbox import hung_effects
from t3lens.diagnose.v2.replays import replay_second, second_replays
from t3lens.domain.event import Event
from t3lens.domain.finding import Evidence, EvidenceKind
from t3lens.t3code.v2 import events as types
from t3lens.t3code.v2.rules import AS_STORED
from t3lens.t3code.v2.schema import TABLES
from t3lens.t3code.v2.words import PROVIDER_TURN_LIVE
from t3lens.time import Micros, duration, iso

__all__ = ["SecondCase"]

_SOURCES = {table.name: table.source for table in TABLES}


class SecondCase(Case):
    """What every detector of the second data model gets.

    Attributes:
        second_facts: The thread's facts, those of the second data model among them.
    """

    def __init__(self, context: Context, facts: SecondFacts) -> None:
        super().__init__(context, facts, second_replays(facts, context))
        self.second_facts = facts

    def let_go(self) -> None:
        """Forget the thread's records; its rows stay."""
        super().let_go()
        assert isinstance(self.facts, SecondFacts)
        self.second_facts = self.facts

    # --- state -----------------------------------------------------------------------------------------------

    @cached_property
    def stranger(self) -> bool:
        """Whether the database does not know the thread."""
        return self.second_facts.row is None and not self.second_facts.runs

    @cached_property
    def inferred(self) -> bool:
        """Whether nothing stored is known of it; the log of this model tells too little to stand for that."""
        return self.stranger

    @cached_property
    def session(self) -> SessionRow | None:
        """What a person sees of the thread, in the words of sessions."""
        return self.second_facts.session

    @cached_property
    def session_sets(self) -> list[Event]:
        """None: the second data model has no such events."""
        return []

    @cached_property
    def asked(self) -> list[AskedTurn]:
        """When each run was given to the provider: a queued one waits long before it is."""
        runs = self.second_facts.runs
        found = [
            AskedTurn(at, run.run_id, run.completed_at)
            for run in runs
            if (at := run.started_at or run.requested_at) is not None
        ]
        return sorted(found, key=lambda one: (one.at, one.turn_id))

    @property
    def sent_at(self) -> Micros | None:
        """When the newest run was asked for or begun."""
        times = [at for run in self.second_facts.runs for at in (run.requested_at, run.started_at) if at is not None]
        return max(times, default=None)

    def stop_asked(self, turn_id: str, since: Micros) -> bool:
        """Whether a person asked for the run to be interrupted."""
        return any(items.run_id == turn_id for items in self.second_facts.interrupts)

    @property
    def worked_at(self) -> Micros | None:
        """When work of a run was last stored."""
        return self.second_facts.worked_at

    def native_turns(self, turn_id: str) -> tuple[str, ...]:
        """The provider's own ids of its turns for a run, the newest first."""
        run = self.run(turn_id)
        turns = self.turns_of(run) if run is not None else []
        return tuple(turn.native_id for turn in reversed(turns) if turn.native_id is not None)

    def session_at(self, step: int, at: Micros) -> SessionRow | None:
        """What the store showed of the thread at a moment: what its events make of it."""
        session = self._as_stored.states[step - 1].session if step else None
        if session is None:
            return None
        return SessionRow(session.status.value, session.active_turn_id, session.last_error, at, session.provider)

    @cached_property
    def _as_stored(self) -> Replay:
        return replay_second(self.replays.expected.events, AS_STORED)

    @property
    def second(self) -> bool:
        """Silence is weak evidence in logs of this kind."""
        return True

    @property
    def active(self) -> RunRow | None:
        """The run that is live and does not wait behind another."""
        return self.second_facts.active

    @cached_property
    def orphaned(self) -> Orphaned | None:
        """Whether the server that worked on the active run is gone, and why; None if not or not known."""
        run, server = self.active, self.context.server
        if run is None:
            return None
        if server.dead:
            return Orphaned("no server of this home is running", server.sure)
        started = server.started_at
        if started is None:
            return None
        heard = self.touched_at(run)
        if self.context.began_after(heard) and self.context.older(started, "settle"):
            assert heard is not None
            span = duration(started - heard)
            return Orphaned(f"the server restarted {span} after anything was last stored of the run", True)
        return None

    def touched_at(self, run: RunRow) -> Micros | None:
        """When anything was last stored for a run."""
        times = [run.requested_at, run.started_at, run.completed_at]
        times += [event.at for event in self.second_facts.stored if event.turn_id == run.run_id]
        times += [turn.started_at for turn in self.turns_of(run)]
        if run is self.active:
            times.append(self.second_facts.worked_at)
        return max((at for at in times if at is not None), default=None)

    def attempts_of(self, run: RunRow) -> list[AttemptRow]:
        """The attempts at a run."""
        return [one for one in self.second_facts.attempts if one.run_id == run.run_id]

    def turns_of(self, run: RunRow) -> list[ProviderTurnRow]:
        """The provider turns of a run."""
        attempts = {attempt.attempt_id for attempt in self.attempts_of(run)}
        return [one for one in self.second_facts.provider_turns if one.attempt_id in attempts]

    def working_turn(self, run: RunRow) -> ProviderTurnRow | None:
        """The provider turn that works on a run."""
        live = [turn for turn in self.turns_of(run) if turn.status in PROVIDER_TURN_LIVE]
        return live[-1] if live else None

    def run(self, run_id: str | None) -> RunRow | None:
        """A run by its id."""
        return self.second_facts.run(run_id)

    @cached_property
    def hung(self) -> list[EffectRow]:
        """The effects that nobody will finish."""
        return hung_effects(self.second_facts, self.context)

    @cached_property
    def driver(self) -> str | None:
        """The driver of the thread's provider."""
        session = self.session
        return session.provider if session else None

    def native_thread(self, provider_thread_id: str | None) -> ProviderThreadRow | None:
        """A provider thread by its id."""
        threads = self.second_facts.provider_threads
        return next((one for one in threads if one.provider_thread_id == provider_thread_id), None)

    def ended_at(self, run: RunRow) -> Micros | None:
        """When the provider was done with a run that waits for its checkpoint."""
        for event in reversed(self.second_facts.stored):
            if event.type == types.RUN_UPDATED and event.turn_id == run.run_id:
                return event.at
        done = [turn.completed_at for turn in self.turns_of(run)]
        return max((at for at in done if at is not None), default=run.started_at)

    @cached_property
    def requests(self) -> SecondRequests:
        """What its provider asks a person."""
        return SecondRequests(self, self.second_facts)

    # --- evidence --------------------------------------------------------------------------------------------

    def _row(self, table: str, key: str, at: Micros | None, excerpt: str) -> Evidence:
        return Evidence(kind=EvidenceKind.ROW, source=_SOURCES[table], key=key, at=at, excerpt=excerpt)

    def run_row(self, run: RunRow) -> Evidence:
        """A stored run."""
        at = run.completed_at or run.started_at or run.requested_at
        return self._row("runs", run.run_id, at, f"run {run.ordinal}: {run.status}")

    def effect_row(self, effect: EffectRow) -> Evidence:
        """A row of the outbox."""
        lease = f", lease until {iso(effect.lease_expires_at)}" if effect.lease_expires_at else ""
        said = f", last error: {effect.last_error}" if effect.last_error else ""
        excerpt = f"{effect.effect_type}: {effect.status}, attempt {effect.attempt_count}{lease}{said}"
        return self._row("effects", effect.effect_id, effect.updated_at, excerpt[:200])

    def request_row(self, request: RequestRow) -> Evidence:
        """A stored request."""
        excerpt = f"{request.kind}: {request.status}, answerable: {request.capability}"
        return self._row("runtime_requests", request.request_id, request.created_at, excerpt)

    def attempt_row(self, attempt: AttemptRow) -> Evidence:
        """A stored attempt."""
        return self._row("run_attempts", attempt.attempt_id, None, f"attempt: {attempt.status}")

    def node_row(self, node: NodeRow) -> Evidence:
        """A stored node."""
        return self._row("nodes", node.node_id, node.started_at, f"{node.kind}: {node.status}")

    def provider_turn_row(self, turn: ProviderTurnRow) -> Evidence:
        """A stored provider turn."""
        at = turn.completed_at or turn.started_at
        return self._row("provider_turns", turn.provider_turn_id, at, f"provider turn: {turn.status}")

    def provider_session_row(self, session: ProviderSessionRow) -> Evidence:
        """A stored provider session."""
        said = f", last error: {session.last_error}" if session.last_error else ""
        excerpt = f"{session.driver} session: {session.status}{said}"[:200]
        return self._row("provider_sessions", session.provider_session_id, session.updated_at, excerpt)

    def item_row(self, item_id: str, at: Micros | None, excerpt: str) -> Evidence:
        """A stored item."""
        return self._row("turn_items", item_id, at, excerpt[:200])

    def other_row(self, table: str, key: str, at: Micros | None, excerpt: str) -> Evidence:
        """A row of another table."""
        return self._row(table, key, at, excerpt[:200])

    def session_row(self) -> Evidence:
        """What the thread is stored as: its newest run, or the session bound to it."""
        latest = self.active or self.second_facts.latest
        if latest is not None:
            return self.run_row(latest)
        sessions = self.second_facts.sessions
        if sessions:
            return self.provider_session_row(sessions[-1])
        return self._row("threads", self.facts.thread_id, None, "a thread without a run")

    def stored(self, event: Event, excerpt: str = "") -> Evidence:
        """Evidence of a stored event."""
        return self.event(event, excerpt or _describe(event))


def _describe(event: Event) -> str:
    status: Any = event.value("status")
    return f"{event.type}: {status}" if isinstance(status, str) else event.type
