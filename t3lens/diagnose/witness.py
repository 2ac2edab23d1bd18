"""Which turn of an agent's own record is a turn of T3 Code, what it says of it, and how far that can be trusted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

import msgspec

from t3lens.agents.builds import newer_build
from t3lens.agents.places import CLAUDE, CODEX
from t3lens.diagnose.case import Case
from t3lens.diagnose.detector import Hit
from t3lens.diagnose.evidence import record_evidence
from t3lens.diagnose.facts import RecordFacts, RecordTurn
from t3lens.diagnose.known_thread import AskedTurn
from t3lens.diagnose.wording import capital
from t3lens.domain.finding import Confidence, Evidence, Remedy
from t3lens.domain.state import TurnState
from t3lens.time import SECOND, Micros, iso

__all__ = [
    "ENDED",
    "SETTLED",
    "Witness",
    "contradicts",
    "over",
    "weigh_by_record",
    "with_record_words",
    "witness_of",
    "writes_still",
]

SETTLED: Final = 5 * SECOND
"""An agent writes an end before it tells it; after this long T3 Code has missed it."""

ENDED: Final = {"finished": "had finished", "failed": "had failed", "aborted": "was aborted"}
"""Outcomes that are an end, as the end of a sentence."""

_EARLIER: Final = 2 * SECOND
"""A prompt's stamp may be this much earlier than T3 Code's request of the turn."""

_UNDER_WAY: Final = 30 * SECOND
"""A message may need this long until its prompt is recorded: OpenCode takes 10 s on a busy machine."""

_SLOW_START: Final = 60 * SECOND
"""A prompt may be recorded this long after its turn was asked for: the agent is being started."""


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
        if self.turn.confidence == "high" and self.exact and self.newer is None:
            return Confidence.CERTAIN
        return Confidence.LIKELY

    @property
    def newer(self) -> str | None:
        """The build that wrote in the record, if it is newer than those that are known here."""
        return newer_build(self.record.provider, self.record.builds)

    @property
    def doubt(self) -> str:
        """Why it is not surer; empty if it is sure."""
        parts = [self.turn.why] if self.turn.confidence != "high" else []
        if not self.exact:
            parts.append("the turn was found by its time, as this agent does not know T3 Code's id")
        if self.newer is not None:
            parts.append(f"a build wrote it ({self.newer}) that is newer than those that are known here")
        if self.record.provider == CLAUDE and self.turn.outcome == "finished":
            parts.append("hooks that run at a turn's end are not recorded by every build")
        return "; ".join(part for part in parts if part)

    @property
    def ended(self) -> bool:
        """Whether it holds the turn's end, and nothing goes on that works for it."""
        return self.turn.outcome in ENDED and self.turn.ended_at is not None and not self.record.open_sub_agents

    @property
    def cut(self) -> bool:
        """Whether a later turn that somebody asked for shows that it died."""
        return self.turn.outcome == "cut"

    @property
    def later_at(self) -> Micros | None:
        """When the turn began that shows that this one was cut."""
        marks: list[dict[str, object]] = json.loads(self.turn.marks)
        at = marks[-1].get("at") if marks and self.cut else None
        return at if isinstance(at, int) else None

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Where that stands, the most telling place first."""
        return record_evidence(self.record, self.turn)

    @property
    def said(self) -> str:
        """What it says, as a sentence without its end."""
        turn, agent = self.turn, f"{self.record.provider}'s own record"
        at = f" at {iso(turn.ended_at)}" if turn.ended_at is not None else ""
        why = f" ({turn.error})" if turn.error else ""
        if turn.outcome in ENDED:
            return f"{agent} says that the turn {ENDED[turn.outcome]}{at}{why}"
        if turn.outcome == "cut":
            return f"{agent} has no end of the turn, and a later turn follows there"
        if turn.outcome == "open":
            return f"{agent} has no end of the turn and nothing after it"
        return f"{agent} does not tell what became of the turn"


def witness_of(case: Case, turn_id: str | None) -> Witness | None:
    """The record's word on a turn; None if there is no record, or no turn in it that surely fits.

    Args:
        case: The thread.
        turn_id: T3 Code's id of the turn.
    """
    record = case.facts.record
    if record is None or turn_id is None or not case.recorded:
        return None
    for native_id in case.native_turns(turn_id):
        if native_id in case.recorded:
            return Witness(record, _unless_behind(case, record, turn_id, case.recorded[native_id]), exact=True)
    if record.provider == CODEX:
        return None  # its ids are those T3 Code has: another turn is another turn
    found = _by_time(case, record, turn_id, case.recorded_prompts)
    return None if found is None else Witness(record, _unless_behind(case, record, turn_id, found), exact=False)


def _unless_behind(case: Case, record: RecordFacts, turn_id: str, turn: RecordTurn) -> RecordTurn:
    """The turn, less sure of having no end if T3 Code had later ones long ago of which the record knows nothing."""
    if turn.outcome != "open":
        return turn
    place = next((n for n, one in enumerate(case.asked) if one.turn_id == turn_id), len(case.asked))
    if not any(later.turn_id and record.read_at - later.at > _SLOW_START for later in case.asked[place + 1 :]):
        return turn
    why = "T3 Code asked for later turns, of which the record has none: it was cut off, or is an older copy"
    return msgspec.structs.replace(turn, confidence="low", why=why)


def _by_time(case: Case, record: RecordFacts, turn_id: str, prompts: list[RecordTurn]) -> RecordTurn | None:
    """The prompt that tells of a turn, among those between the request of this turn and that of the next.

    A turn can take in several prompts: it goes on until the last of them has ended. One that died before the next
    is what became of the turn, whatever came after it.
    """
    asked = case.asked
    place = next((n for n, one in enumerate(asked) if one.turn_id == turn_id), None)
    if place is None or any(before > asked[place].at - _EARLIER for _, before, _ in case.context.home.clock_falls):
        return None  # the clock was set back over it: times do not tell which prompt is its own
    mine = _prompts_of_turn(asked, place, prompts)
    if not mine or (place and not _prompt_is_its_own(asked, place, mine, prompts)):
        return None
    died = next((turn for turn in mine if turn.outcome == "cut"), None)
    found = died or _goes_on_as(mine[-1], case)
    sent = case.sent_at if place + 1 == len(asked) else None
    under_way = sent is not None and sent > (mine[-1].started_at or 0) + _EARLIER and record.read_at - sent < _UNDER_WAY
    return None if under_way else found


def _goes_on_as(turn: RecordTurn, case: Case) -> RecordTurn:
    """The turn in which another one ends: that which took it over, or the last that the agent began by itself after it."""
    own = list(case.recorded.values())
    found = turn
    for later in own[own.index(turn) + 1 :]:
        if found.outcome != "superseded" and later.kind == "prompt":
            break
        found = later
    return found


def _prompts_of_turn(asked: list[AskedTurn], place: int, prompts: list[RecordTurn]) -> list[RecordTurn]:
    since = asked[place].at - _EARLIER
    until = asked[place + 1].at - _EARLIER if place + 1 < len(asked) else None
    return [
        prompt
        for prompt in prompts
        if prompt.started_at is not None and prompt.started_at >= since and (until is None or prompt.started_at < until)
    ]


def _prompt_is_its_own(asked: list[AskedTurn], place: int, mine: list[RecordTurn], prompts: list[RecordTurn]) -> bool:
    """Whether the only prompt in a turn's time is its own, and not the late one of the turn before it."""
    if len(mine) > 1 or _prompts_of_turn(asked, place - 1, prompts):
        return True
    before, began = asked[place - 1], mine[0].started_at or 0
    return (before.over_at or began) < began - _EARLIER or began - before.at > _SLOW_START


def writes_still(case: Case) -> bool:
    """Whether the agent's own record grew just now."""
    record = case.facts.record
    last = record.last_at if record is not None else None
    return last is not None and not case.context.older(last, "settle")


def over(witness: Witness | None, *, since: Micros | None = None, still: bool = False) -> bool | None:
    """Whether the record agrees that a turn does not run any more; None if it proves neither.

    Args:
        witness: What the record says.
        since: When the turn is said to have ended: a record that was read later and has no end contradicts.
        still: Whether the record grew just now.
    """
    if witness is None:
        return None
    if witness.ended or witness.cut:
        return True
    if still:
        return False
    silent = witness.turn.outcome == "open" and since is not None and witness.record.read_at - since > SETTLED
    return False if silent else None


_STATES: Final = {
    TurnState.COMPLETED: "finished",
    TurnState.ERROR: "failed",
    TurnState.INTERRUPTED: "aborted",
}
"""What an agent's own record says of a turn that ended as it is stored."""


def contradicts(witness: Witness | None, state: str) -> bool | None:
    """Whether the record, too, contradicts the stored state of a turn that is over; None if it proves neither."""
    if witness is None:
        return None
    if witness.turn.outcome in ENDED:
        return _STATES.get(TurnState(state)) != witness.turn.outcome
    unended = witness.turn.outcome in ("open", "cut")
    return True if unended and witness.exact and state == TurnState.COMPLETED else None


_SURER: Final = {Confidence.POSSIBLE: Confidence.LIKELY}
_LESS_SURE: Final = {Confidence.CERTAIN: Confidence.LIKELY, Confidence.LIKELY: Confidence.POSSIBLE}


def with_record_words(hit: Hit, witness: Witness | None) -> Hit:
    """A hit that does not rest on the record, with what it says of the turn: as sure as before.

    Args:
        hit: What was found.
        witness: The record's word on the turn; None leaves the hit as it is.
    """
    if witness is None:
        return hit
    also = " ".join(filter(None, (hit.also, f"{capital(witness.said)}.")))
    return msgspec.structs.replace(hit, also=also, evidence=(*hit.evidence, *witness.evidence))


def weigh_by_record(hit: Hit, witness: Witness | None, agrees: bool | None) -> Hit:
    """A hit together with what the agent's own record says of its turn.

    A second witness that agrees makes it surer, one that contradicts less sure, by one step each; a contradicted hit
    that is no more than possible forces no verdict. Either way it is told.

    Args:
        hit: What was found without the record.
        witness: The record's word on the turn; None leaves the hit as it is.
        agrees: Whether it agrees; None if it proves neither.
    """
    if witness is None:
        return hit
    if witness.confidence is Confidence.POSSIBLE:
        agrees = None
    word = {True: "which agrees", False: "which contradicts this", None: "which proves neither"}[agrees]
    also = f"A second witness, {witness.said}, {word}."
    if witness.doubt and agrees is not None:
        also += f" It is not surer because {witness.doubt}."
    confidence = hit.confidence
    if agrees:
        # Two independent records are as good as one that is sure by itself.
        confidence = witness.confidence if witness.confidence is Confidence.CERTAIN else _SURER.get(confidence, confidence)
    elif agrees is False:
        confidence = _LESS_SURE.get(confidence, confidence)
    doubtful = agrees is False and confidence is Confidence.POSSIBLE
    return msgspec.structs.replace(
        hit,
        confidence=confidence,
        also=also,
        evidence=(*hit.evidence, *witness.evidence),
        no_verdict=hit.no_verdict or doubtful,
        remedy=Remedy.INVESTIGATE if doubtful else hit.remedy,
    )
