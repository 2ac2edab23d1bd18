"""Requests: what a provider asks, who still waits for an answer, and whether it arrived."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from t3lens.counted import counted
from t3lens.diagnose.case import Case
from t3lens.diagnose.detector import Group, Hit, detector
from t3lens.diagnose.evidence import absence, failure_evidence, log_evidence, stored_evidence
from t3lens.diagnose.facts import NativeAsk
from t3lens.diagnose.wording import capital, short
from t3lens.domain.finding import Confidence, Evidence, EvidenceKind, Remedy, Severity, Verdict
from t3lens.domain.state import LIVE, OpenRequest, SessionStatus
from t3lens.t3code.v1.event_types import (
    ANSWERED_TYPES,
    APPROVAL_RESPOND_FAILED,
    APPROVAL_RESPONSE_REQUESTED,
    ASKED_TYPES,
    ITEM_COMPLETED,
    ITEM_STARTED,
    TURN_START_REQUESTED,
    TURN_TERMINALS,
    USER_INPUT_RESPOND_FAILED,
    USER_INPUT_RESPONSE_REQUESTED,
)
from t3lens.t3code.v1.schema import (
    ORCHESTRATION_EVENTS,
    PROJECTION_PENDING_APPROVALS,
    PROJECTION_THREADS,
)
from t3lens.t3code.v1.wire import REFUSALS
from t3lens.time import Micros, iso

__all__ = [
    "answer_not_delivered",
    "request_count_mismatch",
    "request_on_dead_session",
    "request_unseen",
    "waiting_for_user",
]


@detector(
    "request-on-dead-session",
    Severity.HIGH,
    Group.REQUEST,
    "PE",
    needs="",
    makes=Verdict.STUCK,
    remedy=Remedy.DECLINE,
    condition="An approval or a question is open, and the provider that asked is gone, or its session is orphaned.",
    explanation=(
        "The provider that asked is gone, so an answer has nobody to go to. A stop does not close an approval: declining "
        "it does, at once, whatever becomes of the answer. A session that is not stopped is stopped first, or it would "
        "be resumed for the answer."
    ),
)
def request_on_dead_session(case: Case) -> Iterator[Hit]:
    """Open request, dead session."""
    session = case.session
    if session is None:
        return
    for request in case.requests.open:
        bygone = case.requests.bygone(request)
        if case.requests.asker_lives(request) and not bygone:
            continue
        what = "question" if request.question else "approval"
        yield Hit(
            summary=(
                f"{capital(_nobody_waits(case, request, session.status))}; {what} {short(request.request_id)} of "
                f"{case.name} is still open."
            ),
            turn_id=request.turn_id,
            makes=Verdict.DIVERGED if bygone else None,
            remedy=_closing_remedy(request, bygone),
            explanation=_QUESTION if request.question else None,
            since=max(request.opened_at, session.updated_at),
            evidence=(
                _request_row(case, request.request_id, request.event_id),
                case.session_row(),
                *([case.server()] if case.orphaned is not None else []),
            ),
        )


def _nobody_waits(case: Case, request: OpenRequest, status: str) -> str:
    """Why nobody waits for the answer, as a clause."""
    binding, server = case.facts.binding, case.context.server
    if case.requests.bygone(request):
        return "the session is over, and another turn ran since"
    if case.orphaned is not None:
        return case.orphaned.reason
    if status == SessionStatus.STOPPED:
        return f"the session is {status}"
    if server.dead:
        return f"the session is {status}, and no server of this home is running"
    if case.context.began_after(request.opened_at):
        return f"the session is {status}, and the server was started anew since, at {iso(server.started_at or 0)}"
    if binding is not None and binding.status not in LIVE:
        return f"the session is {status}, and its runtime binding is {binding.status}"
    return f"the session is {status}"


_QUESTION = (
    "The provider that asked is gone, so an answer has nobody to go to, and no command was seen to close a question. "
    "A new message continues the thread; once another turn ran, the question holds nothing up."
)


def _closing_remedy(request: OpenRequest, bygone: bool) -> Remedy:
    if not request.question:
        return Remedy.DECLINE
    return Remedy.NONE if bygone else Remedy.NEW_MESSAGE


def _request_row(case: Case, request_id: str, event_id: str) -> Evidence:
    opened = next(
        (
            event
            for event in case.facts.canonical
            if event.type in ASKED_TYPES and (event.request_id == request_id or event.event_id == event_id)
        ),
        None,
    )
    if opened is not None:
        return msgspec.structs.replace(case.event(opened, f"{opened.type} {request_id}"), key=request_id)
    asked = case.facts.questions.get(request_id)
    if asked is not None:
        return Evidence(
            kind=EvidenceKind.EVENT,
            source=ORCHESTRATION_EVENTS,
            event_id=asked.event_id,
            key=str(asked.sequence),
            at=asked.at,
            excerpt=f"question {request_id} was asked",
        )
    return Evidence(
        kind=EvidenceKind.ROW,
        source=PROJECTION_PENDING_APPROVALS,
        key=request_id,
        excerpt=f"approval {request_id} is pending",
    )


@detector(
    "waiting-for-user",
    Severity.INFO,
    Group.REQUEST,
    "PE",
    needs="",
    makes=Verdict.WAITING,
    remedy=Remedy.ANSWER,
    thresholds=("waiting",),
    condition="An approval or a question is open, and the provider that asked lives, also between turns.",
    explanation="The provider waits for a person's answer; the turn goes on as soon as it is given.",
)
def waiting_for_user(case: Case) -> Iterator[Hit]:
    """Open request, live session."""
    unsure = case.inferred or case.context.server.status == "unknown"
    for request in case.requests.holding:
        if not case.requests.asker_lives(request) or not case.requests.shown(request):
            continue
        what = "question" if request.question else "approval"
        long = " for long" if case.context.older(request.opened_at, "waiting") else ""
        yield Hit(
            summary=f"An answer to {what} {short(request.request_id)} is awaited{long} in {case.name}.",
            confidence=Confidence.LIKELY if unsure else Confidence.CERTAIN,
            turn_id=request.turn_id,
            since=request.opened_at,
            since_event_id=request.event_id or None,
            evidence=(
                _request_row(case, request.request_id, request.event_id),
                *([case.session_row()] if case.session is not None else []),
            ),
        )


@detector(
    "request-unseen",
    Severity.HIGH,
    Group.REQUEST,
    "LP",
    needs="L",
    makes=Verdict.STUCK,
    remedy=Remedy.STOP,
    thresholds=("settle",),
    condition=(
        "The provider asks for a permission, also in a child session, and no request reached T3 Code, or one of a kind "
        "for which it shows no prompt."
    ),
    explanation=(
        "The provider waits for an answer that nobody is asked for: T3 Code made no request of it. Only ending the turn "
        "frees the thread; before you send the message again, allow in the provider's own settings what it asked for."
    ),
)
def request_unseen(case: Case) -> Iterator[Hit]:
    """Asked by the provider, shown to nobody."""
    for request in case.requests.holding:
        if (
            case.requests.asker_lives(request)
            and not case.requests.shown(request)
            and case.context.older(request.opened_at, "settle")
        ):
            yield Hit(
                summary=(
                    f"T3 Code shows nobody request {short(request.request_id)}, to which {case.name} waits for an answer."
                ),
                confidence=Confidence.LIKELY,
                explanation=(
                    "T3 Code stored the request, and has no prompt for its kind, so it stands as waiting and nobody can "
                    "answer in the app. Its provider lives and takes an answer: decline it, or stop the session."
                ),
                remedy=Remedy.DECLINE,
                makes=Verdict.WAITING,
                turn_id=request.turn_id,
                since=request.opened_at,
                since_event_id=request.event_id or None,
                evidence=(_request_row(case, request.request_id, request.event_id),),
            )
    if not case.live or case.orphaned is not None or case.requests.holding:
        return
    for ask in case.facts.asks:
        if not case.context.older(ask.at, "settle") or _was_requested(case, ask) or _went_on(case, ask.at):
            continue
        child = case.main_session is not None and ask.session_id not in (None, case.main_session)
        where = " in a child session" if child else ""
        yield Hit(
            summary=(
                f"The provider asked for a permission{where} at {iso(ask.at)} ({ask.ref.type}), and T3 Code asked nobody "
                f"in {case.name}."
            ),
            confidence=Confidence.LIKELY,
            turn_id=case.session.active_turn_id if case.session is not None else None,
            since=ask.at,
            evidence=(
                log_evidence(ask.ref, excerpt=f"native {ask.ref.type}{f' {ask.ask_id}' if ask.ask_id else ''}"),
                absence("provider log", "no canonical request of it"),
                case.session_row(),
            ),
        )
        return


def _was_requested(case: Case, ask: NativeAsk) -> bool:
    """Whether T3 Code made a request of what the provider asked: the same id, or one at the same moment.

    T3 Code may call it by an id of its own. What a child session asks needs the same one.
    """
    lag = case.context.threshold("lag")
    child = case.main_session is not None and ask.session_id not in (None, case.main_session)
    seen = [(event.request_id, event.at) for event in case.facts.canonical if event.type in (*ASKED_TYPES, *ANSWERED_TYPES)]
    seen += [(row.request_id, row.created_at) for row in case.facts.approvals if row.created_at is not None]
    return any(
        (ask.ask_id is not None and request_id == ask.ask_id)
        or (not (child and ask.ask_id and request_id) and abs(at - ask.at) <= lag)
        for request_id, at in seen
    )


def _went_on(case: Case, at: Micros) -> bool:
    """Whether the turn went on after ``at``: then whatever was asked was answered."""
    after = at + case.context.threshold("lag")
    work = case.facts.last_activity
    return (work is not None and work.at > after) or any(
        event.at > after and event.type in (ITEM_STARTED, ITEM_COMPLETED, *TURN_TERMINALS) for event in case.facts.canonical
    )


_ANSWERS = {
    APPROVAL_RESPONSE_REQUESTED: APPROVAL_RESPOND_FAILED,
    USER_INPUT_RESPONSE_REQUESTED: USER_INPUT_RESPOND_FAILED,
}


@detector(
    "answer-not-delivered",
    Severity.HIGH,
    Group.SPLIT,
    "EL",
    needs="E",
    makes=Verdict.STUCK,
    remedy=Remedy.STOP,
    thresholds=("settle",),
    condition="An answer was given, and the provider neither took it nor refused it in time, or it failed as stale.",
    explanation=(
        "The stored request turned resolved when the answer was sent, but the provider never got it. Stop the "
        "session; the next message resumes with history."
    ),
)
def answer_not_delivered(case: Case) -> Iterator[Hit]:
    """Answer asked for, not delivered."""
    for answer in case.facts.stored:
        failure_kind = _ANSWERS.get(answer.type)
        request_id = answer.request_id
        if failure_kind is None or request_id is None or not _known(case, request_id):
            continue
        sequence = answer.sequence or 0
        if _resolved(case, request_id) or _over_since(case, sequence):
            continue
        if answer.text("decision") in REFUSALS and not case.live:
            continue  # nothing was to happen, and nothing waits
        failure = next(
            (
                f
                for f in case.facts.failures
                if f.kind == failure_kind
                and f.sequence > sequence
                and (f.request_id == request_id or request_id in f.detail or f.at == answer.at)
            ),
            None,
        )
        if failure is None and not case.context.older(answer.at, "settle"):
            continue
        if failure is None and not case.heard_since(answer.at):
            continue  # that it took the answer may stand in lines that are not there
        stopped = case.session is not None and case.session.status == SessionStatus.STOPPED
        how = f"failed: {failure.detail}" if failure else "never reached the provider"
        yield Hit(
            summary=f"The answer to request {short(request_id)} of {case.name} {how[:200].rstrip('.')}.",
            confidence=Confidence.CERTAIN if failure else Confidence.LIKELY,
            makes=Verdict.DIVERGED if stopped else None,
            remedy=Remedy.NEW_MESSAGE if stopped else None,
            since=answer.at,
            since_event_id=answer.event_id,
            evidence=(
                stored_evidence(answer),
                failure_evidence(failure)
                if failure
                else absence("provider log", f"no resolution of {request_id} after the answer"),
            ),
        )


def _known(case: Case, request_id: str) -> bool:
    """Whether the request ever existed; an answer to a made-up id harms nothing."""
    # answering a made-up id makes a row of its own, born resolved and without a turn
    rows = [row for row in case.facts.approvals if row.request_id == request_id]
    return any(row.turn_id is not None or row.created_at != row.resolved_at for row in rows) or any(
        event.request_id == request_id and event.type in ASKED_TYPES for event in case.facts.canonical
    )


def _resolved(case: Case, request_id: str) -> bool:
    return any(event.request_id == request_id and event.type in ANSWERED_TYPES for event in case.facts.canonical)


def _over_since(case: Case, sequence: int) -> bool:
    """Whether the thread moved on after ``sequence``: stopped, asked for a new turn, or its turn ended."""
    if any(s.get("status") == SessionStatus.STOPPED for s in case.sessions_after(sequence)):
        return True
    moved = (TURN_START_REQUESTED, *TURN_TERMINALS)
    if any(e.type in moved and (e.sequence or 0) > sequence for e in case.facts.stored):
        return True
    return any(e.type in moved and (e.sequence or 0) > sequence for e in case.replays.expected.events)


@detector(
    "request-count-mismatch",
    Severity.MEDIUM,
    Group.SPLIT,
    "P",
    makes=Verdict.DIVERGED,
    condition="The thread's count of pending approvals is not the number of its pending approvals.",
    explanation="The app shows a badge for requests that do not exist, or none for one that does.",
)
def request_count_mismatch(case: Case) -> Iterator[Hit]:
    """Badge and rows differ."""
    row = case.facts.row
    if row is None or row.pending_approval_count is None:
        return
    pending = [approval for approval in case.facts.approvals if approval.status == "pending"]
    if row.pending_approval_count != len(pending):
        yield Hit(
            summary=(
                f"{counted(row.pending_approval_count, 'pending approval')} counted in {case.name}, {len(pending)} stored."
            ),
            since=row.updated_at,
            evidence=(
                Evidence(
                    kind=EvidenceKind.ROW,
                    source=PROJECTION_THREADS,
                    key=case.facts.thread_id,
                    at=row.updated_at,
                    excerpt=f"pending_approval_count {row.pending_approval_count}",
                ),
                *(_request_row(case, approval.request_id, "") for approval in pending),
            ),
        )
