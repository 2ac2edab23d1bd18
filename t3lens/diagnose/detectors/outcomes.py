"""Turns whose stored outcome is not what became of them: contradicted, never ended, lost, or ended on purpose."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from t3lens.diagnose.case import Case
from t3lens.diagnose.detector import Group, Hit, detector
from t3lens.diagnose.event_contents import session_of
from t3lens.diagnose.evidence import absence, log_evidence, stored_evidence
from t3lens.diagnose.facts import NativeSign, SessionRow, TurnRow
from t3lens.diagnose.witness import SETTLED, Witness, contradicts, weigh_by_record, witness_of
from t3lens.diagnose.wording import capital
from t3lens.domain.event import Event
from t3lens.domain.finding import Confidence, Evidence, Remedy, Severity, Verdict
from t3lens.domain.state import LIVE, Turn, TurnState
from t3lens.t3code.native import claude
from t3lens.t3code.native.record import NativeSays
from t3lens.t3code.native.words import ENDED_ON_PURPOSE, one_line
from t3lens.t3code.v1.event_types import TURN_COMPLETED, TURN_START_REQUESTED, TURN_STARTED
from t3lens.t3code.v1.rules import STARTUP_RECONCILE_ERROR
from t3lens.time import Micros

__all__ = [
    "failed",
    "failed_natively",
    "interrupt_misrecorded",
    "interrupted_on_purpose",
    "lost_at_restart",
    "recorded_otherwise",
    "turn_outcome_differs",
]


@detector(
    "turn-outcome-differs",
    Severity.MEDIUM,
    Group.MISMATCH,
    "LEPA",
    needs="L",
    makes=Verdict.DIVERGED,
    thresholds=("settle",),
    condition=(
        "A turn stored (without a database: logged) as over contradicts its own end, says completed though it never had "
        "one, or though the provider's own protocol ended it in an error, or is told of otherwise by the agent's own record."
    ),
    explanation=(
        "The turn's outcome as stored is not what the provider said of it. Nothing blocks, but people and reports "
        "that count on it are told something untrue."
    ),
)
def turn_outcome_differs(case: Case) -> Iterator[Hit]:
    """Stored outcome ≠ the turn's own terminal event."""
    if case.inferred:
        for logged in case.expected.turns.values():
            if logged.terminal is TurnState.COMPLETED:
                yield from _failed_natively(case, logged, None)
        return
    for row in case.facts.turns:
        turn = case.expected.turns.get(row.turn_id or "")
        if turn is None or row.state in (TurnState.RUNNING, TurnState.PENDING):
            continue
        if case.live and case.session is not None and case.session.active_turn_id == row.turn_id:
            continue
        if (
            case.context.first_rules.message_end_settles
            and row.checkpoint_status is None
            and not case.context.older(turn.last_activity_at, "settle")
        ):
            continue  # the checkpoint writes the outcome of such a build a moment later
        witness = witness_of(case, row.turn_id)
        hit = next(_contradicted(case, turn, row), None)
        if hit is not None:
            yield weigh_by_record(hit, witness, contradicts(witness, row.state))
        elif witness is not None:
            yield from recorded_otherwise(
                case, witness, TurnState(row.state), row.completed_at, case.turn_row(row), row.turn_id
            )


def _contradicted(case: Case, turn: Turn, row: TurnRow) -> Iterator[Hit]:
    """By the log and the event store."""
    if turn.terminal is None:
        yield from _never_ended(case, turn, row.state, case.turn_row(row))
    elif turn.terminal != row.state:
        if row.state == TurnState.INTERRUPTED and interrupted_on_purpose(turn):
            return  # the provider calls the person's interrupt a failure; the row tells what happened
        event = _event(case, turn.terminal_event_id)
        yield Hit(
            summary=f"The turn's own end says {turn.terminal}, but it is stored as {row.state} in {case.name}.",
            turn_id=row.turn_id,
            since=turn.terminal_at,
            since_event_id=turn.terminal_event_id,
            evidence=(*([case.event(event)] if event else []), case.turn_row(row)),
        )
    elif row.state == TurnState.COMPLETED:
        yield from _failed_natively(case, turn, row)


def recorded_otherwise(
    case: Case, witness: Witness, state: TurnState, over_at: Micros | None, row: Evidence, turn_id: str | None
) -> Iterator[Hit]:
    """Nothing but the agent's own record contradicts what is stored of a turn, or a run, that is over.

    Args:
        case: The thread.
        witness: The record's word on it.
        state: What it is stored as.
        over_at: Since when, microseconds UTC.
        row: Where that stands.
        turn_id: Its id.
    """
    turn = witness.turn
    if turn.void or over_at is None or witness.record.read_at - over_at <= SETTLED or turn.confidence == "low":
        return
    if state is TurnState.COMPLETED and turn.outcome == "failed":
        strong = True
    elif state is TurnState.COMPLETED and turn.outcome in ("open", "cut"):
        strong = _surely_unended(witness, over_at)
    elif state in (TurnState.ERROR, TurnState.INTERRUPTED) and turn.outcome == "finished":
        strong = False  # it may have finished at the moment it was stopped
    else:
        return
    yield Hit(
        summary=f"{capital(witness.said)}, but it is stored as {state} in {case.name}.",
        severity=None if strong else Severity.LOW,
        confidence=Confidence.LIKELY if strong else Confidence.POSSIBLE,
        no_verdict=not strong,
        also=f"Not surer because {witness.doubt}." if witness.doubt else "",
        turn_id=turn_id,
        since=turn.ended_at or over_at,
        evidence=(*witness.evidence, row),
    )


def _surely_unended(witness: Witness, over_at: Micros) -> bool:
    """Whether the record would have the end of a turn that was complete at some moment: agents write it before they tell it.

    One that was found by its time has to be what a person asked for before that moment. An older Claude that dies as it
    answers leaves no end of a turn that was complete.
    """
    turn = witness.turn
    began = turn.started_at is not None and turn.started_at <= over_at
    sure = turn.outcome == "open" or turn.confidence == "high"
    return witness.exact or (turn.kind == "prompt" and began and sure)


def _failed_natively(case: Case, turn: Turn, row: TurnRow | None) -> Iterator[Hit]:
    """Completed by all that T3 Code understood, while the provider's own last word of the turn was an error."""
    end = failed_natively(case, turn)
    if end is None:
        return
    why = f": {one_line(end.text)}" if end.text else ""
    event = _event(case, turn.terminal_event_id)
    kept = "stored" if row is not None else "logged"
    newest = list(case.expected.turns)[-1] == turn.turn_id and case.facts.pending is None
    yield Hit(
        summary=(
            f"The provider ended the turn in an error ({end.ref.type}), but it is {kept} as completed in {case.name}{why}"
        ),
        confidence=Confidence.LIKELY,
        remedy=Remedy.NEW_MESSAGE if newest and not case.live else None,  # its message has no answer
        turn_id=turn.turn_id,
        since=end.at,
        evidence=(
            log_evidence(end.ref, excerpt=f"native {end.ref.type}: {end.kind}{why}"),
            *([case.event(event)] if event else []),
            *([case.turn_row(row)] if row is not None else []),
        ),
    )


def _told_of_an_error(case: Case) -> bool:
    """Whether the provider's own protocol told of any error: once for all turns, as a long thread has thousands of signs."""
    return any(sign.kind is NativeSays.ERROR for sign in case.facts.native)


def failed_natively(case: Case, turn: Turn) -> NativeSign | None:
    """The error in which the provider's own protocol ended a turn; None if it ended well, or not at all.

    An error stands until the provider is busy again. A sign that names no turn belongs to the one that ran when it came.
    An error without words has those of the limit that was reached before it.
    """
    if not case.told(_told_of_an_error):
        return None
    ended = turn.terminal_at
    started = [e for e in case.facts.canonical if e.type == TURN_STARTED]
    began = max((e.at for e in started if e.turn_id == turn.turn_id), default=None)
    if ended is None or began is None:
        return None
    following = min((e.at for e in started if e.at > began and e.turn_id != turn.turn_id), default=None)
    until = ended + case.context.threshold("lag")
    if following is not None:
        until = min(until, following - 1)
    found: NativeSign | None = None
    limit: NativeSign | None = None
    for sign in case.facts.native:
        mine = sign.turn_id == turn.turn_id or (sign.turn_id is None and began <= sign.at <= until)
        if not mine or case.auxiliary(sign):
            continue
        if sign.kind in (NativeSays.BUSY, NativeSays.RETRY):
            found = None
        elif sign.kind is NativeSays.LIMITED:
            limit = sign
        elif sign.kind is NativeSays.ANSWERED:
            continue
        elif found is None or found.kind is not NativeSays.ERROR or claude.is_result(sign.ref.type):
            found = sign  # OpenCode is idle after an error, too; a result of Claude stands for itself
    if found is None or found.kind is not NativeSays.ERROR:
        return None
    return found if found.text or limit is None else msgspec.structs.replace(found, text=limit.text)


def _never_ended(case: Case, turn: Turn, stored: str, row: Evidence) -> Iterator[Hit]:
    if stored != TurnState.COMPLETED:
        return
    started = next(
        (e for e in case.facts.canonical if e.type == TURN_STARTED and e.turn_id == turn.turn_id),
        None,
    )
    if started is None or any(
        event.at >= started.at and session_of(event).get("status") not in LIVE for event in case.lost_lines
    ):
        return  # its end may be among the lines the log lost
    how = f" ({turn.settled})" if turn.settled else ""
    yield Hit(
        summary=f"The provider never ended a turn of {case.name} that is stored as completed{how}.",
        confidence=Confidence.CERTAIN if case.log_complete else Confidence.LIKELY,
        turn_id=turn.turn_id,
        since=turn.completed_at,
        evidence=(
            row,
            case.event(started),
            absence("provider log", f"no {TURN_COMPLETED} of {turn.turn_id}"),
        ),
    )


def _event(case: Case, event_id: str | None) -> Event | None:
    return next((event for event in case.facts.canonical if event.event_id == event_id), None)


@detector(
    "lost-at-restart",
    Severity.INFO,
    Group.MISMATCH,
    "EP",
    makes=Verdict.FAILED,
    remedy=Remedy.NEW_MESSAGE,
    condition="The server ended this turn when it started, because its provider had not survived; nothing was asked since.",
    explanation=(
        "The message has no answer and the turn will not go on by itself; a new message continues the conversation. "
        "That a person stopped or interrupted the thread afterwards changes nothing of it."
    ),
)
def lost_at_restart(case: Case) -> Iterator[Hit]:
    """Ended by startup reconcile, and nothing asked since."""
    session = case.facts.session
    if session is None or session.live:
        return
    event = _restart(case)
    if event is None and session.last_error != STARTUP_RECONCILE_ERROR:
        yield from _ended_by_hand(case, session)
        return
    if event is not None and _went_on(case, event.sequence or 0):
        return
    before = event.sequence or 0 if event else case.context.home.last_sequence
    asked = _unanswered_message(case, before)
    turn = case.facts.turns[-1] if case.facts.turns and asked is None else None
    yield Hit(
        summary=(
            f"A restart of the server ended {'the turn' if turn else 'the session'} of {case.name}; its message has no "
            "answer. Send a new message to continue."
        ),
        turn_id=turn.turn_id if turn else None,
        since=event.at if event else session.updated_at,
        since_event_id=event.event_id if event else None,
        evidence=(
            *([stored_evidence(event)] if event else []),
            *([case.turn_row(turn)] if turn else []),
            *([stored_evidence(asked, f"message {asked.text('messageId')} asked for a turn")] if asked else []),
        ),
    )


def _ended_by_hand(case: Case, session: SessionRow) -> Iterator[Hit]:
    """A build that ends nothing when it starts: a restart took the turn, and a person ended its session afterwards."""
    row = case.facts.turns[-1] if case.facts.turns else None
    if row is None or row.state not in (TurnState.INTERRUPTED, TurnState.RUNNING) or case.facts.pending is not None:
        return
    turn = case.expected.turns.get(row.turn_id or "")
    if turn is not None and turn.terminal is not None:
        return
    if not case.context.began_after(row.started_at) or case.context.began_after(session.updated_at):
        return
    yield Hit(
        summary=(
            f"A restart of the server took the turn of {case.name}, which was ended by hand afterwards; its message has "
            "no answer."
        ),
        no_verdict=True,
        turn_id=row.turn_id,
        since=case.context.server.started_at,
        evidence=(case.turn_row(row), case.server()),
    )


def _restart(case: Case) -> Event | None:
    """The newest session that a starting server wrote as ended; a later stop keeps its error, and is not it."""
    found: Event | None = None
    for event in reversed(case.session_sets):
        if _last_error(event) == STARTUP_RECONCILE_ERROR:
            found = event
        elif found is not None:
            break
    return found


def _went_on(case: Case, sequence: int) -> bool:
    """Whether something was asked of the thread after ``sequence``, or its provider worked again."""
    return any(e.type == TURN_START_REQUESTED and (e.sequence or 0) > sequence for e in case.facts.stored) or any(
        session.get("status") in LIVE and session.get("activeTurnId") for session in case.sessions_after(sequence)
    )


def _unanswered_message(case: Case, before: int) -> Event | None:
    """The request of the message whose turn had not begun when the restart came, if the newest one before it was such."""
    asked = [e for e in case.facts.stored if e.type == TURN_START_REQUESTED and (e.sequence or 0) < before]
    taken = {turn.pending_message_id for turn in case.facts.turns}
    return asked[-1] if asked and asked[-1].text("messageId") not in (None, *taken) else None


def _last_error(event: Event) -> object:
    return session_of(event).get("lastError")


@detector(
    "interrupt-misrecorded",
    Severity.LOW,
    Group.MISMATCH,
    "LEP",
    needs="EP",
    condition="A person interrupted or stopped the turn, and it stands as an error.",
    explanation=(
        'The provider reported the person\'s interrupt as a failure ("Aborted"), and so it was stored. Nothing '
        "failed; the turn was ended on purpose."
    ),
)
def interrupt_misrecorded(case: Case) -> Iterator[Hit]:
    """Interrupted on purpose, stored as error."""
    for row in case.facts.turns:
        turn = case.expected.turns.get(row.turn_id or "")
        if row.state != TurnState.ERROR or turn is None or not interrupted_on_purpose(turn):
            continue
        event = _event(case, turn.terminal_event_id)
        yield Hit(
            summary=f"A person interrupted or stopped a turn of {case.name}, but it stands as error.",
            turn_id=row.turn_id,
            since=row.completed_at or turn.completed_at,
            since_event_id=turn.terminal_event_id,
            evidence=(case.turn_row(row), *([case.event(event)] if event else [])),
        )


def failed(case: Case) -> bool:
    """Whether the session stands in error, or its latest turn ended in one for another reason than a person's
    interrupt or stop."""
    session = case.session
    if session is not None and session.live:
        return False
    if session is not None and session.failed:
        return True
    if case.inferred:
        turns = list(case.expected.turns.values())
        return bool(turns) and turns[-1].state is TurnState.ERROR and not interrupted_on_purpose(turns[-1])
    latest = case.facts.turns[-1] if case.facts.turns else None
    if latest is None:
        return False
    turn = case.expected.turns.get(latest.turn_id or "")
    in_error = latest.state == TurnState.ERROR or (turn is not None and turn.state is TurnState.ERROR)
    return in_error and (turn is None or not interrupted_on_purpose(turn))


def interrupted_on_purpose(turn: Turn) -> bool:
    """Whether a turn that ended in error did so because a person asked to interrupt or stop it."""
    asked = turn.interrupt_requested_at
    if asked is None:
        return False
    ended = turn.terminal_at or turn.completed_at
    if ended is not None and ended < asked:
        return False
    return bool(ENDED_ON_PURPOSE.search(turn.error or "")) and turn.error != STARTUP_RECONCILE_ERROR
