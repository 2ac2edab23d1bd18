"""What failed, and why: starts that fail alike, errors outside a turn, and the cause of a failed thread in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from t3lens.diagnose.case import Case
from t3lens.diagnose.detector import Group, Hit, detector
from t3lens.diagnose.detectors.outcomes import failed, failed_natively, interrupted_on_purpose
from t3lens.diagnose.event_contents import session_of, words_of
from t3lens.diagnose.evidence import failure_evidence, log_evidence
from t3lens.diagnose.facts import Failure, NativeSign
from t3lens.domain.event import Event
from t3lens.domain.finding import Confidence, Evidence, Remedy, Severity, Verdict
from t3lens.domain.state import LIVE, SessionStatus, TurnState
from t3lens.t3code.native.words import CONVERSATION_UNKNOWN, one_line, reset_time, speaks_of_limit, without_ids
from t3lens.t3code.v1.event_types import (
    CHECKPOINT_REVERT_FAILED,
    EXIT_ERROR,
    ITEM_COMPLETED,
    REQUEST_TYPES,
    REVERTED,
    RUNTIME_ERROR,
    SESSION_EXITED,
    SESSION_STARTED,
    TURN_START_FAILED,
    TURN_START_REQUESTED,
    TURN_STARTED,
    USER_MESSAGE,
)
from t3lens.time import Micros, iso

__all__ = ["dangling_resume_cursor", "failure_unhandled", "turn_failed", "usage_limit"]


# --- starts ------------------------------------------------------------------------------------------------------


def failed_starts(case: Case) -> list[Failure]:
    """The starts that failed since a turn last began, by the provider's word or, where its log is gone, by the store's."""
    failed = [f for f in case.facts.failures if f.kind == TURN_START_FAILED]
    if not failed:
        return failed
    began = [e.sequence or 0 for e in case.replays.expected.events if e.type == TURN_STARTED]
    began += [e.sequence or 0 for e in case.session_sets if _works_on_a_turn(session_of(e))]
    last = max(began, default=0)
    return [f for f in failed if f.sequence > last]


def _works_on_a_turn(session: dict[str, object]) -> bool:
    return session.get("status") == SessionStatus.RUNNING and bool(session.get("activeTurnId"))


_UNKNOWN_CONVERSATION: Final = (
    "The binding's resume cursor points to a conversation that the provider no longer has. Every new message will fail "
    "the same way until the cursor is removed (fork the thread, or start a new one)."
)


@detector(
    "dangling-resume-cursor",
    Severity.HIGH,
    Group.DATA,
    "BE",
    needs="E",
    makes=Verdict.STUCK,
    remedy=Remedy.INVESTIGATE,
    condition="Two or more starts in a row failed for the same reason, whatever its words, and no turn began since.",
    explanation=(
        "Every message is refused the same way before a turn begins, so another one will be too. The reason stands in "
        "the summary; what changed before the first of them is where to look."
    ),
)
def dangling_resume_cursor(case: Case) -> Iterator[Hit]:
    """Starts fail alike."""
    if case.live:
        return
    alike = _same_reason(failed_starts(case))
    if len(alike) < 2:
        return
    first, last = alike[0], alike[-1]
    changed = _what_changed(case, first)
    lost = any(text in last.detail.lower() for text in CONVERSATION_UNKNOWN)
    yield Hit(
        summary=(
            f"{len(alike)} starts in a row failed: {one_line(last.detail, 1000)} (in {case.name}, since "
            f"{iso(first.at)}{changed})"
        ),
        explanation=_UNKNOWN_CONVERSATION if lost else None,
        remedy=Remedy.NEW_MESSAGE if speaks_of_limit(last.detail) else None,  # once the limit is lifted
        since=first.at,
        since_event_id=first.event_id,
        evidence=(
            *(failure_evidence(failure) for failure in reversed(alike[-3:])),
            *([case.binding_row()] if case.facts.binding is not None else []),
            *([case.session_row()] if case.session is not None else []),
        ),
    )


def _same_reason(failures: list[Failure]) -> list[Failure]:
    """Those of the newest failures that failed for the same reason."""
    alike: list[Failure] = []
    for failure in reversed(failures):
        if without_ids(failure.detail) != without_ids(failures[-1].detail):
            break
        alike.insert(0, failure)
    return alike


def _what_changed(case: Case, first: Failure) -> str:
    """What is different since the last start that went well, in words that follow a time."""
    good: dict[str, object] = {}
    for event in case.session_sets:
        session = session_of(event)
        if (event.sequence or 0) < first.sequence and session.get("activeTurnId"):
            good = session
    now = next((session_of(e) for e in reversed(case.session_sets)), {})
    for key, what in (("providerName", "provider"), ("providerInstanceId", "provider instance")):
        old, new = good.get(key), now.get(key)
        if old and new and old != new:
            return f", since it changed from {what} {old} to {new}"
    asked = [e.at for e in case.facts.stored if e.type == TURN_START_REQUESTED and (e.sequence or 0) < first.sequence]
    before = asked[-2] if len(asked) > 1 else None
    started = case.context.server.started_at
    if before is not None and started is not None and before < started <= asked[-1]:
        return f", the first after the server started at {iso(started)}"
    return ""


# --- errors outside a turn ---------------------------------------------------------------------------------------


@detector(
    "failure-unhandled",
    Severity.MEDIUM,
    Group.SPLIT,
    "LEP",
    needs="",
    remedy=Remedy.NEW_MESSAGE,
    thresholds=("lag",),
    condition=(
        "Something failed while no turn ran: a start, a revert half-way, a session that died; and nobody answered it since."
    ),
    explanation=(
        "T3 Code wrote an error into the thread that belongs to no turn. It is easily overlooked: the last turn ended "
        "well, and nothing waits."
    ),
)
def failure_unhandled(case: Case) -> Iterator[Hit]:
    """An error of the thread that no turn accounts for."""
    yield from _revert_failed(case)
    yield from _start_failed(case)
    session = case.facts.session
    newest = next((e for e in reversed(case.facts.errors) if e.kind != CHECKPOINT_REVERT_FAILED), None)
    if newest is None:
        yield from _died_between_turns(case)
    if session is None or newest is None or session.live:
        return
    if _asked_since(case, newest.sequence):
        return
    if newest.turn_id is not None or _in_a_turn(case, newest.at):
        yield from _beside_a_turn(case, newest)
        return
    died = session.status in (SessionStatus.ERROR, SessionStatus.STOPPED)
    yield Hit(
        summary=(
            f"An error came while no turn ran: {one_line(newest.detail)} ({newest.kind} in {case.name}, at {iso(newest.at)})"
        ),
        # a session that goes on all the same is told of, and is no failure
        severity=None if died else Severity.INFO,
        makes=Verdict.FAILED if died else None,
        remedy=None if died else Remedy.NONE,
        since=newest.at,
        since_event_id=newest.event_id,
        evidence=(failure_evidence(newest), case.session_row()),
    )


def _beside_a_turn(case: Case, failure: Failure) -> Iterator[Hit]:
    """An error that belongs to a turn which ended well all the same: told of, as nothing else tells of it."""
    if failure.kind == RUNTIME_ERROR:
        return  # the provider's own; if it mattered, the turn failed by it
    row = next((turn for turn in case.facts.turns if turn.turn_id == failure.turn_id), None)
    if row is None or row.state != TurnState.COMPLETED:
        return
    yield Hit(
        summary=f"Something beside a turn failed: {one_line(failure.detail)} ({failure.kind} in {case.name})",
        severity=Severity.INFO,
        explanation="The turn itself ended well. What failed beside it is told in T3 Code's own words.",
        remedy=Remedy.NONE,
        turn_id=row.turn_id,
        since=failure.at,
        since_event_id=failure.event_id,
        evidence=(failure_evidence(failure), case.turn_row(row)),
    )


def _died_between_turns(case: Case) -> Iterator[Hit]:
    """A provider that died between turns by its own log, of which the database has no word, or there is none."""
    if case.session is None or case.live:
        return
    if not any(event.type == SESSION_EXITED and event.text("exitKind") == EXIT_ERROR for event in case.facts.canonical):
        return
    idle, died = True, None
    for event, state in zip(case.replays.expected.events, case.replays.expected.states, strict=True):
        if event.type in (TURN_STARTED, SESSION_STARTED, *REQUEST_TYPES):
            died = None
        elif event.type == SESSION_EXITED and event.text("exitKind") == EXIT_ERROR and idle:
            died = event
        idle = state.active_turn_id is None and not any(turn.state is TurnState.RUNNING for turn in state.turns.values())
    if died is None:
        return
    why = one_line(died.text("reason") or "it gives no reason")
    yield Hit(
        summary=f"The provider exited in an error while no turn ran: {why} (in {case.name}, at {iso(died.at)})",
        makes=Verdict.FAILED,
        since=died.at,
        since_event_id=died.event_id,
        evidence=(case.event(died, why), case.session_row()),
    )


def _start_failed(case: Case) -> Iterator[Hit]:
    """The newest message, whose turn could not begin: it has no answer, and nobody did anything about it since."""
    failure = _unanswered_start(case)
    if failure is None or len(_same_reason(failed_starts(case))) > 1:
        return  # those that fail again and again are a matter of their own
    yield Hit(
        summary=(
            f"A start failed, its message has no answer: {one_line(failure.detail, 1000)} "
            f"(in {case.name}, at {iso(failure.at)})"
        ),
        explanation="T3 Code could not begin the turn that the message asked for. It does not try again by itself.",
        makes=Verdict.FAILED,
        since=failure.at,
        since_event_id=failure.event_id,
        evidence=(failure_evidence(failure), *([case.session_row()] if case.session is not None else [])),
    )


def _unanswered_start(case: Case) -> Failure | None:
    """The newest start, if it failed and nobody did anything about it since."""
    failures = failed_starts(case)
    if case.live or not failures or _asked_since(case, failures[-1].sequence):
        return None
    return failures[-1]


def _revert_failed(case: Case) -> Iterator[Hit]:
    """A checkpoint that was to come back, and did so in part: files went back, the conversation did not."""
    failure = next((e for e in reversed(case.facts.errors) if e.kind == CHECKPOINT_REVERT_FAILED), None)
    if failure is None or any(e.type == REVERTED and (e.sequence or 0) > failure.sequence for e in case.facts.stored):
        return
    went_on = _asked_since(case, failure.sequence)
    yield Hit(
        summary=f"A revert failed: {one_line(failure.detail)} (in {case.name}, at {iso(failure.at)})",
        severity=Severity.INFO if went_on else None,
        confidence=Confidence.LIKELY,
        explanation=(
            "T3 Code puts the files back first and asks the provider afterwards. The provider refused, so the files may "
            "be those of an earlier turn while the conversation still has all of them. Compare the files with what the "
            "conversation says before you go on."
        ),
        makes=None if went_on else Verdict.DIVERGED,
        remedy=Remedy.INVESTIGATE,
        since=failure.at,
        since_event_id=failure.event_id,
        evidence=(failure_evidence(failure),),
    )


def _in_a_turn(case: Case, at: Micros) -> bool:
    """Whether a turn ran at ``at`` or just before: what ends a session is stored a moment before the error is."""
    since = at - case.context.threshold("lag")
    before: dict[str, object] = {}
    for event in case.session_sets:
        if event.at > at:
            break
        session = session_of(event)
        if event.at > since and (session.get("status") in LIVE or before.get("status") in LIVE):
            return True
        before = session
    return before.get("status") in LIVE


def _asked_since(case: Case, sequence: int) -> bool:
    return any(e.type in REQUEST_TYPES and (e.sequence or 0) > sequence for e in case.facts.stored)


# --- the cause, in words -----------------------------------------------------------------------------------------


@detector(
    "turn-failed",
    Severity.INFO,
    Group.SILENCE,
    "LP",
    needs="",
    makes=Verdict.FAILED,
    remedy=Remedy.NEW_MESSAGE,
    condition="The session stands in error, or its latest turn ended in one that no person asked for.",
    explanation=(
        "The turn ended, and not well. Nothing blocks: a new message goes to a new turn. Whether that one fails too "
        "depends on the cause, which is named as the provider or the server said it."
    ),
)
def turn_failed(case: Case) -> Iterator[Hit]:
    """The thread failed: by what."""
    if not failed(case):
        return
    session, latest = case.session, case.facts.turns[-1] if case.facts.turns else None
    turns = list(case.expected.turns.values())
    turn = case.expected.turns.get(latest.turn_id or "") if latest else (turns[-1] if turns else None)
    words = case.last_words
    said = [
        session.last_error if session is not None and session.failed else None,
        turn.error if turn else None,
        session.last_error if session is not None else None,
        words_of(words) if words else None,
    ]
    cause = next((text for text in said if text), None)
    what = "The turn" if turn is not None and turn.error else "The session"
    on_purpose = turn is not None and interrupted_on_purpose(turn)
    how = "was ended by a person, and its provider calls that a failure" if on_purpose else "failed"
    evidence: list[Evidence] = [case.session_row()] if session is not None else []
    if latest is not None:
        evidence.append(case.turn_row(latest))
    if words is not None:
        evidence.insert(0, case.event(words, one_line(words_of(words))))
    yield Hit(
        summary=(
            f"{what} {how}: {one_line(cause)} (in {case.name})"
            if cause
            else f"{what} of {case.name} failed; nothing says why."
        ),
        turn_id=turn.turn_id if turn else None,
        since=session.updated_at if session is not None and session.failed else turn.completed_at if turn else None,
        evidence=tuple(evidence),
    )


@detector(
    "usage-limit",
    Severity.INFO,
    Group.SILENCE,
    "LE",
    needs="",
    remedy=Remedy.WAIT,
    condition="The last words of a thread that works or failed say that a usage limit, a quota or a credit is used up.",
    explanation=(
        "The provider's service refuses to go on until the limit is lifted. Some providers wait and go on by "
        "themselves, others end the turn; a message sent before then fails the same way."
    ),
)
def usage_limit(case: Case) -> Iterator[Hit]:
    """A limit is what it waits for, or failed by."""
    turns = list(case.expected.turns.values())
    end = failed_natively(case, turns[-1]) if turns else None
    if not (case.live or failed(case) or end is not None or _unanswered_start(case) is not None):
        return
    for text, event in _last_texts(case, end):
        if not speaks_of_limit(text) or (case.live and event is not None and _got_on(case, event.at)):
            continue
        ends = reset_time(text)
        yield Hit(
            summary=f"A usage limit was met{f' ({ends})' if ends else ''}: {one_line(text)} (in {case.name})",
            confidence=Confidence.LIKELY,
            remedy=None if case.live else Remedy.NEW_MESSAGE,
            turn_id=event.turn_id if isinstance(event, Event | NativeSign) else None,
            since=event.at if event is not None else (case.session.updated_at if case.session else None),
            since_event_id=event.event_id if isinstance(event, Event | Failure) else None,
            evidence=(_evidence_of(case, event) if event is not None else case.session_row(),),
        )
        return


def _got_on(case: Case, at: Micros) -> bool:
    """Whether the provider completed something after ``at``: then whatever held it up is over."""
    return any(
        event.type == ITEM_COMPLETED and event.at > at and event.payload.get("itemType") != USER_MESSAGE
        for event in case.heard
    )


def _last_texts(case: Case, end: NativeSign | None) -> Iterator[tuple[str, Event | Failure | NativeSign | None]]:
    """What was last said of why the thread does not go on, by whoever said it, with the event that says so."""
    words = case.last_words
    if words is not None:
        yield words_of(words), words
    for sign in (end, case.last_native_words):
        if sign is not None and sign.text:
            yield sign.text, sign
    for failure in failed_starts(case)[-1:]:
        yield failure.detail, failure
    if case.session is not None and case.session.last_error and not case.live:
        yield case.session.last_error, None


def _evidence_of(case: Case, event: Event | Failure | NativeSign) -> Evidence:
    if isinstance(event, NativeSign):
        return log_evidence(event.ref, excerpt=f"native {event.ref.type}: {one_line(event.text or '')}")
    return failure_evidence(event) if isinstance(event, Failure) else case.event(event)
