"""Three truths that part: what the provider said, what T3 Code understood, what it stored."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from t3lens.diagnose.case import Case
from t3lens.diagnose.detector import Group, Hit, detector
from t3lens.diagnose.divergence import parting
from t3lens.diagnose.evidence import absence, log_evidence
from t3lens.diagnose.facts import LogLine, NativeSign
from t3lens.diagnose.witness import SETTLED, Witness, over, weigh_by_record, witness_of
from t3lens.diagnose.wording import short
from t3lens.domain.event import Event
from t3lens.domain.finding import Confidence, Remedy, Severity, Verdict
from t3lens.domain.state import LIVE, SessionStatus
from t3lens.t3code.native import opencode
from t3lens.t3code.native.record import NativeSays
from t3lens.t3code.v1.event_types import (
    REQUEST_SUFFIX,
    REVERTING_TYPES,
    RUNTIME_ERROR,
    SESSION_EXITED,
    TASK_PREFIX,
    THREAD_STARTED,
    TURN_ABORTED,
    TURN_COMPLETED,
    TURN_STARTED,
    TURN_TERMINALS,
)
from t3lens.t3code.v1.schema import ORCHESTRATION_EVENTS
from t3lens.t3code.v1.writers import INGESTION
from t3lens.time import Micros, duration, iso

__all__ = [
    "ingestion_lag",
    "native_terminal_lost",
    "provider_session_swapped",
    "session_differs",
    "terminal_not_ingested",
    "work_after_completion",
]


@detector(
    "terminal-not-ingested",
    Severity.HIGH,
    Group.QUEUE,
    "LRE",
    makes=Verdict.STUCK,
    remedy=Remedy.STOP,
    thresholds=("lag",),
    condition="The log has the end of the active turn, and no command of ingestion answers it.",
    explanation=(
        "The provider finished and T3 Code wrote that down in its log, but the event never reached the database "
        "(it happens at every clean shutdown during a turn). The session will show as working for ever."
    ),
)
def terminal_not_ingested(case: Case) -> Iterator[Hit]:
    """Logged terminal of the active turn, never ingested."""
    session = case.facts.session
    if session is None or not session.live or session.active_turn_id is None:
        return
    for event, step in zip(case.replays.shipped.events, case.replays.shipped.transitions, strict=True):
        if event.type not in TURN_TERMINALS or event.turn_id != session.active_turn_id or not step.applied:
            continue
        if event.event_id in case.facts.anchors or event.event_id not in case.facts.refs:
            continue
        gone = case.orphaned is not None
        if not gone and not case.context.older(event.at, "lag"):
            continue
        yield Hit(
            summary=(
                f"The database never got the end of the turn of {case.name}, logged at {iso(event.at)} "
                f"({event.text('state') or event.type})."
            ),
            turn_id=event.turn_id,
            since=event.at,
            since_event_id=event.event_id,
            evidence=(
                case.event(event),
                absence(ORCHESTRATION_EVENTS, f"no command {INGESTION}{event.event_id}:…"),
                case.session_row(),
            ),
        )
        return


@detector(
    "ingestion-lag",
    Severity.INFO,
    Group.MISMATCH,
    "LE",
    thresholds=("lag",),
    condition="The end of a turn reached the database later than the lag threshold after it was logged.",
    explanation="The server was busy or its queue was held up; nothing is wrong now.",
)
def ingestion_lag(case: Case) -> Iterator[Hit]:
    """A terminal that came late: a request stored before it was received later than it was logged."""
    if case.context.home.clock_falls:
        return  # ages mean nothing where the clock was set back
    ended = [
        (event, sequence)
        for event in case.facts.canonical
        if event.type in TURN_TERMINALS and (sequence := case.facts.anchors.get(event.event_id)) is not None
    ]
    requests = [
        (event.sequence, event.at)
        for event in (case.facts.stored if ended else ())
        if event.type.endswith(REQUEST_SUFFIX) and event.sequence is not None
    ]
    numbers = [number for number, _ in requests]  # they stand in order of their sequences
    newest = [0, *accumulate((at for _, at in requests), max)]
    for event, sequence in ended:
        lag = newest[bisect_left(numbers, sequence)] - event.at
        if lag > case.context.threshold("lag"):
            yield Hit(
                summary=(
                    f"The database got the end of a turn of {case.name} at least {duration(lag)} late: it was logged at "
                    f"{iso(event.at)}."
                ),
                turn_id=event.turn_id,
                since=event.at,
                since_event_id=event.event_id,
                evidence=(case.event(event),),
            )


@detector(
    "native-terminal-lost",
    Severity.HIGH,
    Group.MISMATCH,
    "LPA",
    needs="L",
    makes=Verdict.STUCK,
    remedy=Remedy.STOP,
    thresholds=("settle", "pending"),
    condition=(
        "The provider's own protocol ended the turn, or gave its final answer with nothing open, and no canonical end "
        "followed in time."
    ),
    explanation=(
        "The provider said that it is done, but T3 Code did not understand it as the end of the turn, so nobody "
        "else knows. Auxiliary and child sessions of the provider do not count."
    ),
)
def native_terminal_lost(case: Case) -> Iterator[Hit]:
    """Native end of the active turn without a canonical one."""
    session = case.session
    if session is None or not session.live or session.active_turn_id is None or case.requests.holding:
        return
    turn_id = session.active_turn_id
    started = max(
        (e.at for e in case.facts.canonical if e.type == TURN_STARTED and e.turn_id == turn_id),
        default=None,
    )
    if started is None or any(
        e.type in (*TURN_TERMINALS, SESSION_EXITED, RUNTIME_ERROR) and e.turn_id in (turn_id, None) and e.at >= started
        for e in case.facts.canonical
    ):
        return
    busy, ended, answer = False, None, None
    for sign in case.facts.native:
        if sign.at < started or case.auxiliary(sign):
            continue
        if sign.turn_id is not None and sign.turn_id != turn_id:
            continue
        if sign.kind in (NativeSays.BUSY, NativeSays.RETRY):
            busy, ended, answer = True, None, None
        elif sign.kind is NativeSays.ANSWERED:
            answer = sign
        elif sign.kind is NativeSays.LIMITED:
            continue
        elif ended is None and (busy or sign.ref.type not in opencode.SIGNS):
            ended = sign  # OpenCode is idle before it is busy, too
    if ended is None and answer is not None:
        yield from _answered(case, answer, turn_id)
    if ended is None or not case.context.older(ended.at, "settle"):
        return
    if any(
        e.type in TURN_TERMINALS and e.at >= max(started, ended.at - case.context.threshold("lag"))
        for e in case.facts.canonical
    ):
        return  # T3 Code did understand an end, of whatever turn: that it changed nothing is another finding
    last = case.facts.last_log
    cut = case.inferred and (last is None or last.at - ended.at < case.context.threshold("lag"))
    unseen = cut and not case.context.server.alive
    hit = Hit(
        summary=(
            f"The provider ended the turn of {case.name} at {iso(ended.at)} ({ended.ref.type}), but no canonical end of "
            "it followed."
        ),
        # where the log ends right there, what followed may stand in lines that are not there
        confidence=Confidence.POSSIBLE if cut else Confidence.LIKELY,
        no_verdict=unseen,
        remedy=Remedy.INVESTIGATE if unseen else None,
        turn_id=turn_id,
        since=ended.at,
        evidence=(
            log_evidence(ended.ref, excerpt=f"native {ended.ref.type}: {ended.kind}"),
            absence("provider log", f"no {TURN_COMPLETED} or {TURN_ABORTED} of {turn_id}"),
            case.session_row(),
        ),
    )
    witness = witness_of(case, turn_id)
    yield weigh_by_record(hit, witness, over(witness, since=ended.at))


def _answered(case: Case, answer: NativeSign, turn_id: str) -> Iterator[Hit]:
    """The final answer stands there, nothing is open, and not even the provider's own end of the turn followed."""
    after = answer.at + case.context.threshold("lag")
    work = case.facts.last_activity
    if not case.context.older(answer.at, "pending") or case.tool_open(turn_id) is not None:
        return
    if (work is not None and work.at > after) or any(event.at > after for event in case.facts.canonical):
        return
    hit = Hit(
        summary=(
            f"The provider gave its final answer in {case.name} at {iso(answer.at)} ({answer.ref.type}), nothing is open, "
            "and no end of the turn followed."
        ),
        confidence=Confidence.POSSIBLE,
        turn_id=turn_id,
        since=answer.at,
        evidence=(
            log_evidence(answer.ref, excerpt=f"native {answer.ref.type}: the final answer"),
            absence("provider log", f"no {TURN_COMPLETED} or {TURN_ABORTED} of {turn_id}"),
            case.session_row(),
        ),
    )
    witness = witness_of(case, turn_id)
    yield weigh_by_record(hit, witness, over(witness, since=answer.at))


@detector(
    "session-differs",
    Severity.HIGH,
    Group.MISMATCH,
    "LEP",
    makes=Verdict.DIVERGED,
    remedy=Remedy.STOP,
    thresholds=("lag", "pending"),
    condition="The stored session's status or active turn is not what the reference rules make of the same events.",
    explanation=(
        "By what the provider said, the session should stand differently. The event named is the first after which "
        "what is stored and what is expected part for good."
    ),
)
def session_differs(case: Case) -> Iterator[Hit]:
    """Stored session ≠ expected session."""
    session, expected = case.facts.session, case.expected.session
    if session is None or expected is None or not case.facts.canonical:
        return
    same = session.status == expected.status and session.active_turn_id == expected.active_turn_id
    if same:
        if session.last_error != expected.last_error:
            yield Hit(
                summary=f"Another last error is stored in {case.name} than the reference rules give.",
                severity=Severity.INFO,
                no_verdict=True,
                remedy=Remedy.NONE,
                since=session.updated_at,
                evidence=(case.session_row(),),
            )
        return
    if _held_starting(case):
        return
    fork = parting(case.replays.expected, case.session_sets)
    if fork is None or not (case.orphaned or case.context.older(fork.at, "lag")):
        return
    live, alive = session.status in LIVE, expected.status in LIVE
    step = next((s for s in case.replays.expected.transitions if s.event_id == fork.event_id), None)
    yield Hit(
        summary=(
            f"By its events {case.name} should be {expected.status}{_of_turn(expected.active_turn_id)} since "
            f"{iso(fork.at)}, but it is stored as {session.status}{_of_turn(session.active_turn_id)}."
        ),
        confidence=Confidence.CERTAIN if case.log_complete else Confidence.LIKELY,
        explanation=f"{_explanation()} Here: {step.why}." if step else None,
        makes=Verdict.STUCK if live and not alive else Verdict.DIVERGED,
        remedy=Remedy.STOP if live else Remedy.NONE,
        turn_id=session.active_turn_id or expected.active_turn_id,
        since=fork.at,
        since_event_id=fork.event_id,
        evidence=(case.event(fork), case.session_row()),
    )


def _of_turn(turn_id: str | None) -> str:
    return f" with turn {short(turn_id)}" if turn_id else ""


def _explanation() -> str:
    return "By what the provider said, the session should stand differently."


def _held_starting(case: Case) -> bool:
    """Newer builds hold a session at ``starting`` while its first turn is on its way: no untruth, a nuance.

    A turn that is still on its way when a start should long have been taken up is on no way any more.
    """
    session, expected, pending = case.facts.session, case.expected.session, case.expected.pending
    return (
        session is not None
        and expected is not None
        and session.status == SessionStatus.STARTING
        and expected.status == SessionStatus.READY
        and pending is not None
        and not case.context.older(pending.requested_at, "pending")
    )


@detector(
    "work-after-completion",
    Severity.MEDIUM,
    Group.MISMATCH,
    "LA",
    needs="L",
    makes=Verdict.DIVERGED,
    remedy=Remedy.INVESTIGATE,
    thresholds=("lag",),
    condition="The turn was closed, and items or native work of the same session follow more than 5 s later.",
    explanation=(
        "T3 Code considers the turn over, but the provider goes on working (and spending). Background tasks and "
        "child sessions do not count."
    ),
)
def work_after_completion(case: Case) -> Iterator[Hit]:
    """Work after the closing terminal."""
    closing = next(
        (e for e in reversed(case.facts.canonical) if e.type in (*TURN_TERMINALS, TURN_STARTED)),
        None,
    )
    if closing is None or closing.type == TURN_STARTED or closing.type == TURN_ABORTED:
        return
    if case.expected.tasks or any(e.at >= closing.at and e.type.startswith(TASK_PREFIX) for e in case.facts.canonical):
        return
    after = closing.at + case.context.threshold("lag")
    main = case.main_session
    work = case.facts.last_activity
    ref = work if work is not None and work.at > after and _stands_behind(work, case.facts.refs[closing.event_id]) else None
    if ref is None:
        signs = [
            sign
            for sign in case.facts.native
            if sign.at > after and sign.kind == NativeSays.BUSY and main and sign.provider_thread_id == main and sign.turn_id
        ]
        idle = [sign.at for sign in case.facts.native if sign.kind in (NativeSays.IDLE, NativeSays.ERROR)]
        ref = signs[-1].ref if signs and not any(at > signs[-1].at for at in idle) else None
    if ref is None:
        return
    hit = Hit(
        summary=(
            f"The provider still worked at {iso(ref.at)}, though the turn of {case.name} was closed at {iso(closing.at)}."
        ),
        confidence=Confidence.LIKELY,
        turn_id=closing.turn_id,
        since=ref.at,
        since_event_id=closing.event_id,
        evidence=(log_evidence(ref), case.event(closing)),
    )
    witness = witness_of(case, closing.turn_id)
    yield weigh_by_record(hit, witness, _worked_on(witness, after, ref.at))


def _worked_on(witness: Witness | None, after: Micros, seen: Micros) -> bool | None:
    """Whether the agent's own record shows work after a moment, too; None if it was read too early to tell."""
    if witness is None:
        return None
    last = witness.record.last_at or 0
    if (witness.turn.ended_at or 0) > after or (witness.turn.outcome == "open" and last > after):
        return True
    return False if witness.ended and last <= after and witness.record.read_at > seen + SETTLED else None


def _stands_behind(line: LogLine, other: LogLine) -> bool:
    """Whether a line stands behind another: the file's order is the truth, its times may fall."""
    return line.line > other.line if line.path == other.path else line.at > other.at


@detector(
    "provider-session-swapped",
    Severity.MEDIUM,
    Group.MISMATCH,
    "LB",
    needs="L",
    makes=Verdict.DIVERGED,
    remedy=Remedy.INVESTIGATE,
    condition="The provider's session id changes on a thread without a revert or a change of provider.",
    explanation=(
        "The thread went on in another session of the provider, which does not know what was said before: the "
        "conversation shown is not the one the model has."
    ),
)
def provider_session_swapped(case: Case) -> Iterator[Hit]:
    """Another provider session under the same thread."""
    if any(e.type in REVERTING_TYPES for e in case.facts.stored):
        return
    before: Event | None = None
    spoken = False  # a session in which no turn ever began has nothing to forget
    for event in case.facts.canonical:
        spoken = spoken or event.type == TURN_STARTED
        session = event.text("providerThreadId") if event.type == THREAD_STARTED else None
        if session is None:
            continue
        if (
            before is not None
            and before.text("providerThreadId") != session
            and before.provider == event.provider
            and before.provider_instance_id == event.provider_instance_id
            and spoken
            and not _forgetful(case, event)
        ):
            yield Hit(
                summary=(
                    f"The provider's session changed under {case.name} at {iso(event.at)}, from "
                    f"{short(before.text('providerThreadId'))} to {short(session)}."
                ),
                confidence=Confidence.LIKELY,
                since=event.at,
                since_event_id=event.event_id,
                evidence=(case.event(event), case.event(before)),
            )
        before, spoken = event, False


def _forgetful(case: Case, event: Event) -> bool:
    """OpenCode on builds before 0.0.28 does not resume: every new session there is another one, by design.

    First-generation logs alone do not tell such a build from the next.
    """
    context = case.context
    may_be = context.first_rules.message_end_settles or (context.by_logs_alone and not case.second)
    return may_be and event.provider == opencode.DRIVER
