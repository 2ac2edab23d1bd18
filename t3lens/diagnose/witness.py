"""Which turn of an agent's own record is a turn of T3 Code, and how far that can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from t3lens.agents.places import CODEX
from t3lens.diagnose.facts import RecordFacts, RecordTurn, ThreadFacts
from t3lens.domain.finding import Confidence
from t3lens.time import SECOND, Micros

__all__ = ["Witness", "witness_of"]

_EARLIER: Final = 2 * SECOND
"""A prompt's stamp may be this much earlier than T3 Code's request of the turn."""


@dataclass(frozen=True, slots=True)
class Witness:
    """What the agent's own record says of one turn of T3 Code.

    Attributes:
        record: The record.
        turn: Its turn.
        exact: Whether both call the turn by the same id; else it was found by time and order.
    """

    record: RecordFacts
    turn: RecordTurn
    exact: bool

    @property
    def confidence(self) -> Confidence:
        """How sure what it says is: its own sureness, less where the turn was found by time."""
        if self.turn.confidence == "low":
            return Confidence.POSSIBLE
        if self.turn.confidence == "high" and self.exact:
            return Confidence.CERTAIN
        return Confidence.LIKELY

    @property
    def doubt(self) -> str:
        """Why it is not surer; empty if it is sure."""
        parts = [self.turn.why] if self.turn.confidence != "high" else []
        if not self.exact:
            parts.append("the turn was found by its time, as this agent does not know T3 Code's id")
        return "; ".join(part for part in parts if part)


def witness_of(facts: ThreadFacts, turn_id: str | None) -> Witness | None:
    """The record's word on a turn; None if there is no record, or no turn in it that fits.

    Args:
        facts: The thread.
        turn_id: T3 Code's id of the turn.
    """
    record = facts.record
    if record is None or record.state != "read" or turn_id is None:
        return None
    own = [turn for turn in record.turns if not turn.inherited]
    for turn in own:
        if turn.turn_id == turn_id:
            return Witness(record, turn, exact=True)
    if record.provider == CODEX:
        return None  # its ids are T3 Code's: another turn is another turn
    prompts = [turn for turn in own if turn.kind == "prompt"]
    place = _by_time(facts, turn_id, prompts)
    if place is None:
        return None
    # A turn that a later prompt took over ends with that.
    while prompts[place].outcome == "superseded" and place + 1 < len(prompts):
        place += 1
    return Witness(record, prompts[place], exact=False)


def _by_time(facts: ThreadFacts, turn_id: str, prompts: list[RecordTurn]) -> int | None:
    """The place of the first prompt between the request of this turn and that of the next."""
    asked = sorted(
        (at, turn.turn_id or "")
        for turn in [*facts.turns, *([facts.pending] if facts.pending is not None else [])]
        if (at := turn.requested_at or turn.started_at) is not None
    )
    place = next((n for n, (_, name) in enumerate(asked) if name == turn_id), None)
    if place is None:
        return None
    since: Micros = asked[place][0] - _EARLIER
    until = asked[place + 1][0] - _EARLIER if place + 1 < len(asked) else None
    for number, prompt in enumerate(prompts):
        began = prompt.started_at
        if began is not None and began >= since and (until is None or began < until):
            return number
    return None
