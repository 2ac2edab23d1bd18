"""Turns that run but do not get on: silent ones and those that retry for ever."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from t3lens.diagnose.case import Case
from t3lens.diagnose.detector import Group, Hit, detector
from t3lens.diagnose.evidence import absence, log_evidence
from t3lens.diagnose.facts import NativeSign
from t3lens.diagnose.witness import over, weigh_by_record, witness_of
from t3lens.domain.event import Event
from t3lens.domain.finding import Confidence, Evidence, Remedy, Severity, Verdict
from t3lens.domain.state import SessionStatus
from t3lens.t3code.native.record import NativeSays
from t3lens.t3code.native.words import RETRY_NOTICE
from t3lens.t3code.v1.event_types import (
    ITEM_COMPLETED,
    RETRY_DETAIL,
    RUNTIME_WARNING,
    TURN_STARTED,
    USER_MESSAGE,
)
from t3lens.time import SECOND, duration, iso

__all__ = ["retry_loop", "silent_turn"]


@detector(
    "retry-loop",
    Severity.MEDIUM,
    Group.SILENCE,
    "LE",
    needs="",
    makes=Verdict.STUCK,
    remedy=Remedy.STOP,
    thresholds=("retries",),
    condition="Three or more retry notices in the running turn, and no item completed since the first of them.",
    explanation=(
        "The provider's model does not answer, and the provider tries again without end; each attempt may stream a "
        "little text before it breaks. Nothing will change until the model's service does: stop the turn."
    ),
)
def retry_loop(case: Case) -> Iterator[Hit]:
    """Retries without progress."""
    session = case.session
    if session is None or session.status != SessionStatus.RUNNING or case.context.server.dead:
        return
    turn_id = session.active_turn_id
    notices = _notices(case, turn_id)
    if len(notices) < case.context.options.thresholds.retries:
        return
    first, last = notices[0], notices[-1]
    yield Hit(
        summary=(
            f"The provider retried {len(notices)} times since {iso(first.at)} and completed nothing in {case.name}."
            f"{case.last_said}"
        ),
        turn_id=turn_id,
        since=first.at,
        evidence=(
            _evidence(case, last, "newest retry notice"),
            _evidence(case, first, "first retry notice"),
            case.session_row(),
        ),
    )


def _evidence(case: Case, notice: Event | NativeSign, what: str) -> Evidence:
    if isinstance(notice, NativeSign):
        return log_evidence(notice.ref, excerpt=f"{what}: {notice.ref.type}")
    return case.event(notice, f"{what}: {notice.type}")


def _notices(case: Case, turn_id: str | None) -> Sequence[Event | NativeSign]:
    """Retry notices of the turn since its last completed item, canonical ones, or native where there are none."""
    started, done = 0, 0
    canonical: list[Event] = []
    for event in case.heard:
        if event.type == TURN_STARTED and event.turn_id == turn_id:
            started = event.at
            canonical = []
        elif event.type == ITEM_COMPLETED and event.turn_id == turn_id:
            if event.payload.get("itemType") != USER_MESSAGE:
                done = event.at
                canonical = []
        elif event.type == RUNTIME_WARNING and event.turn_id == turn_id and _is_retry(event):
            canonical.append(event)
    if canonical:
        return canonical
    since = max(started, done)
    return [
        sign
        for sign in case.facts.native
        if sign.kind == NativeSays.RETRY and sign.at > since and sign.turn_id in (turn_id, None)
    ]


def _is_retry(event: Event) -> bool:
    detail = event.payload.get("detail")
    if isinstance(detail, dict):
        if detail.get("type") == RETRY_DETAIL or str(detail.get("willRetry")).lower() == "true":
            return True
        if str(detail.get("willRetry")).lower() == "false":
            return False
    return bool(RETRY_NOTICE.search(event.text("message") or ""))


@detector(
    "silent-turn",
    Severity.MEDIUM,
    Group.SILENCE,
    "LPEA",
    needs="",
    makes=Verdict.STUCK,
    remedy=Remedy.STOP,
    thresholds=("silence", "silence_tool", "pending"),
    condition=(
        "The session works or starts, and nothing was logged or stored of it beyond the threshold, with no request open."
    ),
    explanation=(
        "Neither the provider nor T3 Code has written a line for this thread. A model that thinks long or a tool "
        "that says nothing looks the same, so look at the provider before you stop it."
    ),
)
def silent_turn(case: Case) -> Iterator[Hit]:
    """Working, and nothing heard."""
    session, last = case.session, case.facts.last_log
    if session is None or not session.live or case.context.server.dead or case.requests.holding:
        return
    starting = session.status == SessionStatus.STARTING
    tool = case.tool_open(session.active_turn_id)
    thresholds = case.context.options.thresholds
    unlogged = last is None and not starting
    # without a line of log a long tool cannot be told from silence
    limit = max(thresholds.silence, thresholds.silence_tool) if tool or unlogged else thresholds.silence
    if starting:
        limit = max(limit, thresholds.pending)
    record = case.facts.record  # a record that grew is no silence
    heard = max(last.at if last else 0, session.updated_at, (record and record.last_at) or 0)
    if last is None:
        heard = max(heard, case.facts.stored_at or 0)
    silent = case.context.as_of - heard
    if silent < limit * SECOND:
        return
    explanation = None
    if case.second:
        explanation = (
            "Neither the provider nor T3 Code has written a line for this thread. This home's logs are of the "
            "second generation, which leaves out some events (later builds all text deltas), so silence is weak "
            "evidence: look at the provider before you stop it."
        )
    if unlogged:
        explanation = (
            "There is no log of this thread, and nothing was stored of it either. That is not proof that it hangs, and "
            "still less that it works: look at the provider before you stop it."
        )
    unseen = case.inferred and (not case.context.server.alive or case.ended_unseen or case.facts.outdated)
    if unseen:
        explanation = (
            "The log's last word is that the turn runs, and nothing was logged since. A stop, and a restart of the "
            "server, leave no line in a log, and no database tells of them: the turn may be over for long."
        )
    turn = "the turn" if session.active_turn_id else "the session"
    what = "the start" if starting else turn
    known = f"; log generation {case.facts.generation}" if last else "; there is no log of it"
    hit = Hit(
        summary=(
            f"The provider has been silent for {duration(silent)} in {what} of {case.name} "
            f"(since {iso(heard)}{f', while {tool} is open' if tool else ''}{known}).{case.last_said}"
        ),
        confidence=Confidence.POSSIBLE if case.second or case.inferred or last is None else Confidence.LIKELY,
        explanation=explanation,
        no_verdict=unseen,
        remedy=Remedy.INVESTIGATE if unseen else None,
        turn_id=session.active_turn_id,
        since=heard,
        evidence=(
            log_evidence(last, excerpt=f"the last line: {last.type}")
            if last
            else absence("provider log", "no line of this thread"),
            case.session_row(),
        ),
    )
    witness = witness_of(case, session.active_turn_id)
    yield weigh_by_record(hit, witness, over(witness))
