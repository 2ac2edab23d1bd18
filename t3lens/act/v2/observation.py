"""What was seen of a thread of the second data model, beyond what both models share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from t3lens.t3code.v2.shown_session import active_run, session_status
from t3lens.t3code.v2.wire import RequestShown, RunShown, SessionShown, ThreadShown
from t3lens.t3code.v2.words import (
    EFFECT_OPEN,
    FILE_EFFECTS,
    LEASE_S,
    PROMPT_EFFECTS,
    PROVIDER_TURN_LIVE,
    REQUEST_PENDING,
    EffectStatus,
    EffectType,
    RunStatus,
)
from t3lens.time import SECOND, Micros

__all__ = ["EffectSeen", "SecondObservation"]

_GRACE_S: Final = 20
"""How long after its lease an effect counts as one that nobody will finish."""
_PROMPT_GRACE_S: Final = 10
"""The same of one that is done in moments: its lease is a generous time already."""
_FILE_GRACE_S: Final = 120
"""The same of one that takes as long as the work tree is large."""


class EffectSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the outbox: what the server has to do for the thread, or did.

    Attributes:
        effect_id: Its id, which begins with that of its command.
        type: See ``EffectType``.
        status: See ``EffectStatus``.
        command_id: The command that asked for it.
        run_id: The run it is about, if it says.
        held_until: When the worker that has it should be done, microseconds UTC; None if none has it.
        last_error: Why it failed, or failed before.
    """

    effect_id: str
    type: str
    status: str
    command_id: str
    run_id: str | None = None
    held_until: Micros | None = None
    last_error: str | None = None

    @property
    def open(self) -> bool:
        """Whether it is not done."""
        return self.status in EFFECT_OPEN

    def hung(self, at: Micros) -> bool:
        """Whether nobody will finish it: a worker holds it past its lease, which nothing ever reads."""
        grace = _GRACE_S
        if self.type in PROMPT_EFFECTS:
            grace = _PROMPT_GRACE_S
        elif self.type in FILE_EFFECTS:
            grace = _FILE_GRACE_S
        late = self.held_until is not None and at - self.held_until >= grace * SECOND
        return self.status == EffectStatus.RUNNING and late and self.type != EffectType.TITLE

    @staticmethod
    def lease_of(taken_at: Micros | None) -> Micros | None:
        """When an effect whose lease is not stored should be done."""
        return None if taken_at is None else taken_at + LEASE_S * SECOND


class SecondObservation(msgspec.Struct, frozen=True, kw_only=True):
    """A thread's runs, sessions, requests and effects, as one source has them.

    Attributes:
        runs: Its runs, in the order of their ordinals.
        provider_turns: Status by id.
        sessions: Those bound to the thread, the newest last.
        requests: Its questions.
        effects: What stands in its outbox, by time; None from a source that does not tell (the API).
        accepted: Ids of our own commands that the server stored, where the source tells.
    """

    runs: tuple[RunShown, ...] = ()
    provider_turns: dict[str, str] = {}
    sessions: tuple[SessionShown, ...] = ()
    requests: tuple[RequestShown, ...] = ()
    effects: tuple[EffectSeen, ...] | None = None
    accepted: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, shown: ThreadShown, effects: tuple[EffectSeen, ...] | None = None, accepted: frozenset[str] = frozenset()
    ) -> SecondObservation:
        """What a thread shows, with its outbox."""
        return cls(
            runs=shown.runs,
            provider_turns=shown.provider_turns,
            sessions=shown.sessions,
            requests=shown.requests,
            effects=effects,
            accepted=accepted,
        )

    @property
    def active(self) -> RunShown | None:
        """The run that is live and does not wait behind another."""
        place = active_run([run.status for run in self.runs])
        return None if place is None else self.runs[place]

    @property
    def queue(self) -> tuple[RunShown, ...]:
        """The runs that wait behind another, in the order in which they are sent."""
        queued = [run for run in self.runs if run.status == RunStatus.QUEUED]
        return tuple(sorted(queued, key=lambda run: (run.ordinal if run.place is None else run.place, run.ordinal)))

    @property
    def queue_marks(self) -> tuple[str, ...]:
        """The queue as it stands: changed when a run comes, goes or moves, or a message says something else."""
        return tuple(f"{run.run_id} {run.text_mark or ''}" for run in self.queue)

    def stands_before(self, run_id: str, other: str | None) -> bool:
        """Whether a queued run is the one before another, or the last."""
        order = [run.run_id for run in self.queue]
        if run_id not in order:
            return False
        following = order[order.index(run_id) + 1 :]
        return (following[0] if following else None) == other

    @property
    def bound(self) -> SessionShown | None:
        """The newest session bound to the thread."""
        return self.sessions[-1] if self.sessions else None

    @property
    def status(self) -> str | None:
        """What a person sees of the thread, in the words of sessions."""
        bound = self.bound
        return session_status([run.status for run in self.runs], bound.status if bound else None)

    @property
    def pending(self) -> tuple[RequestShown, ...]:
        """The questions that nobody answered."""
        return tuple(request for request in self.requests if request.status == REQUEST_PENDING)

    @property
    def turn_runs(self) -> bool:
        """Whether a provider turn is stored as live."""
        return any(status in PROVIDER_TURN_LIVE for status in self.provider_turns.values())

    def run(self, run_id: str) -> RunShown | None:
        """A run by its id."""
        return next((run for run in self.runs if run.run_id == run_id), None)

    def request(self, request_id: str) -> RequestShown | None:
        """A question by its id."""
        return next((request for request in self.requests if request.request_id == request_id), None)

    def has_bound(self, session_id: str) -> bool:
        """Whether a session is bound to the thread."""
        return any(session.session_id == session_id for session in self.sessions)

    def effects_of(self, command_id: str) -> tuple[EffectSeen, ...]:
        """What a command asked for."""
        return tuple(effect for effect in self.effects or () if effect.command_id == command_id)

    def hung(self, at: Micros) -> tuple[EffectSeen, ...]:
        """The effects that nobody will finish, the oldest first; titles have a lane of their own and block nothing."""
        return tuple(effect for effect in self.effects or () if effect.hung(at))

    def brief(self) -> Mapping[str, Any]:
        """The few facts that ``before`` and ``after`` of a result hold."""
        open_effects = None
        if self.effects is not None:
            open_effects = {effect.effect_id: effect.status for effect in self.effects if effect.open}
        return {
            "bound_sessions": {session.session_id: session.status for session in self.sessions},
            "requests": {request.request_id: request.status for request in self.requests},
            "open_effects": open_effects,
        }
