"""A turn while its record is being read, and the one rule for turns that have no end."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final

from t3lens.agents.record import AgentTurn, RecordMark, Sureness, TurnKind, TurnOutcome
from t3lens.time import Micros

__all__ = ["Draft", "settled"]

_HOLES: Final = "some are missing, could not be read, or are of a kind that is not known here"


@dataclass(slots=True)
class Draft:
    """A turn as far as its record has been read.

    Attributes:
        start: Where it begins.
        turn_id: See :class:`~t3lens.agents.record.AgentTurn`, as for all that is not named here.
        outcome: What an end sign said; None while there is none.
        last: The newest line or row that belongs to it and tells what it did.
        doing: What it seems to be doing while it has no end, as the end of a sentence.
        takes_over: The turn before it goes on in this one.
    """

    start: RecordMark
    turn_id: str | None
    kind: TurnKind = TurnKind.PROMPT
    started_at: Micros | None = None
    outcome: TurnOutcome | None = None
    sureness: Sureness = Sureness.HIGH
    why: str = ""
    ended_at: Micros | None = None
    end: RecordMark | None = None
    last: RecordMark | None = None
    doing: str = ""
    error: str | None = None
    retries: int = 0
    steered_by: list[str] = field(default_factory=list)
    inherited: bool = False
    void: bool = False
    takes_over: bool = False

    def ends(
        self,
        outcome: TurnOutcome,
        mark: RecordMark,
        *,
        sureness: Sureness = Sureness.HIGH,
        why: str = "",
        error: str | None = None,
    ) -> None:
        """Note an end sign; a later one overrules it."""
        self.outcome, self.end, self.ended_at = outcome, mark, mark.at
        self.sureness, self.why, self.error = sureness, why, error

    def goes_on(self, mark: RecordMark, doing: str) -> None:
        """Note that it did something after all that might have been its end."""
        self.outcome = self.end = self.ended_at = self.error = None
        self.sureness, self.why = Sureness.HIGH, ""
        self.last, self.doing = mark, doing


def settled(drafts: Sequence[Draft], holes: Sequence[int] = ()) -> tuple[AgentTurn, ...]:
    """The turns, those without an end sign judged by what comes later in the same record.

    Args:
        drafts: The turns in the record's order.
        holes: Numbers of the lines that could not be read or understood, or before which some are missing; ascending.
    """
    turns = []
    later: Draft | None = None
    asked = False
    until = inf
    for draft in reversed(drafts):
        since = draft.start.line or 0
        hole = bisect_right(holes, until) > bisect_right(holes, since)
        turns.append(_turn(draft, later, asked, hole))
        until = since
        if not draft.inherited:
            later = draft
            asked |= draft.kind is TurnKind.PROMPT
    return tuple(reversed(turns))


def _turn(draft: Draft, later: Draft | None, asked: bool, hole: bool) -> AgentTurn:
    outcome, sureness, why = draft.outcome, draft.sureness, draft.why
    marks = [draft.start, draft.last if draft.end is None else None, draft.end]
    if outcome is None and draft.inherited:
        outcome, sureness = TurnOutcome.ABSENT, Sureness.MEDIUM
        why = "copied from another session while it ran there; that session's record has its end"
    elif outcome is None and later is not None and later.takes_over:
        outcome, sureness = TurnOutcome.SUPERSEDED, Sureness.MEDIUM
        why = "it goes on in the turn after it, and ends with that"
        marks.append(later.start)
    elif outcome is None and later is not None:
        outcome = TurnOutcome.CUT
        why = why or "it has no end, and a later turn follows: it died or was shut down"
        marks.append(later.start)
        if hole:
            sureness = Sureness.LOW
            why = f"it has no end in the lines that are there, but {_HOLES}"
        elif not asked and sureness is Sureness.HIGH:
            sureness = Sureness.MEDIUM
            why = "it has no end, and only a turn that nobody asked for follows"
    elif outcome is None:
        outcome, sureness = TurnOutcome.OPEN, Sureness.LOW if sureness is Sureness.LOW else Sureness.MEDIUM
        what = f"; last seen {draft.doing}" if draft.doing else ""
        why = why or f"no end is recorded{what}: working, hanging, asking and dead look alike"
        if hole:
            sureness = Sureness.LOW
            why = f"no end is recorded in the lines that are there, but {_HOLES}"
    return AgentTurn(
        turn_id=draft.turn_id,
        outcome=outcome,
        sureness=sureness,
        why=why,
        kind=draft.kind,
        started_at=draft.started_at,
        ended_at=draft.ended_at,
        error=draft.error,
        retries=draft.retries,
        steered_by=tuple(draft.steered_by),
        inherited=draft.inherited,
        void=draft.void,
        evidence=tuple(mark for mark in marks if mark is not None),
    )
