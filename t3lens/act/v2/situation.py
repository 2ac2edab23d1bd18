"""What a choice for a thread of the second data model rests on, and what it comes to."""

from __future__ import annotations

from typing import Any

import msgspec

from t3lens.act.answer import Answer
from t3lens.act.plan import Action, Decision, Kind
from t3lens.act.queue_change import Queued
from t3lens.act.target import Belief, Sighting
from t3lens.act.v2.observation import EffectSeen, SecondObservation
from t3lens.act.v2.stored import Cost
from t3lens.domain.finding import Finding
from t3lens.t3code.v2.words import (
    SHARED_PROCESS_DRIVERS,
)

__all__ = ["SecondChoice", "SecondSituation"]


class SecondSituation(msgspec.Struct, frozen=True, kw_only=True):
    """All that the choice rests on.

    Attributes:
        kind: What was asked for.
        belief: What the diagnosis concluded.
        seen: What the sources say now.
        request_id: The one question that is to be answered or declined; None for all that are open.
        answer: What is answered.
        queued: Which queued message it is about, and what that is to become.
        holds_queue: A start of the server keeps queued messages (October), and Stop can hold them.
        cost: What a restart of the server would end beside this thread's run.
    """

    kind: Kind
    belief: Belief
    seen: Sighting
    holds_queue: bool
    request_id: str | None = None
    answer: Answer | None = None
    queued: Queued = Queued()
    cost: Cost = Cost()

    @property
    def second(self) -> SecondObservation:
        """The thread as it was seen."""
        return self.seen.second or SecondObservation()

    @property
    def hung(self) -> tuple[EffectSeen, ...]:
        """Effects that nobody will finish, by the fresh look."""
        stored = self.seen.second_in_database
        return stored.hung(self.seen.at) if stored else ()

    @property
    def shares_process(self) -> bool:
        """Whether one process of its provider serves all threads."""
        return self.seen.session is not None and self.seen.session.provider in SHARED_PROCESS_DRIVERS


class SecondChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The decision, and why.

    Attributes:
        decision: What to do.
        because: Plain sentences, the deciding one first.
        action: The command, if something is sent,
        about: and what it names; one for each time it is sent.
        finding: The finding it rests on, if it rests on one.
        advice: What a person can do instead, or next.
    """

    decision: Decision
    because: tuple[str, ...]
    action: Action | None = None
    about: tuple[dict[str, Any], ...] = ()
    finding: Finding | None = None
    advice: tuple[str, ...] = ()
