"""Stored states that cannot both be true: the session, its turn and its binding contradict each other."""

from __future__ import annotations

from collections.abc import Iterator

from t3lens.counted import counted
from t3lens.diagnose.case import Case
from t3lens.diagnose.detector import Group, Hit, detector
from t3lens.diagnose.evidence import stored_evidence
from t3lens.domain.finding import Confidence, Evidence, EvidenceKind, Remedy, Severity, Verdict
from t3lens.domain.state import SessionStatus, TurnState
from t3lens.t3code.v1.event_types import REVERTING_TYPES
from t3lens.t3code.v1.schema import PROJECTION_PENDING_APPROVALS
from t3lens.time import duration, iso

__all__ = [
    "ghost_rows",
    "inactive_with_active_turn",
    "latest_turn_lost",
    "pending_turn_abandoned",
    "running_without_turn",
    "runtime_projection_split",
    "terminal_turn_live_session",
    "unsettled_turn",
]

_ENDED_FROM_OUTSIDE = frozenset({SessionStatus.STOPPED, SessionStatus.INTERRUPTED})
"""Statuses after which no checkpoint of the turn will come any more."""

_OVER = frozenset({TurnState.COMPLETED, TurnState.INTERRUPTED, TurnState.ERROR})


@detector(
    "terminal-turn-live-session",
    Severity.HIGH,
    Group.SPLIT,
    "P",
    makes=Verdict.STUCK,
    remedy=Remedy.STOP,
    thresholds=("settle",),
    condition="The session is stored as working on a turn that is stored as over, both for longer than the settle time.",
    explanation=(
        "The turn is over, but the session still names it as active, so the thread shows as working and nothing "
        "more will come. (Builds before 0.0.28 write `completed` at the end of any message; there it does not count.)"
    ),
)
def terminal_turn_live_session(case: Case) -> Iterator[Hit]:
    """Live session, active turn over."""
    session, turn = case.session, case.active_turn
    if session is None or not session.live or turn is None or turn.state not in _OVER:
        return
    if turn.state == TurnState.COMPLETED and case.context.first_rules.message_end_settles:
        return
    since = max(session.updated_at, turn.completed_at or session.updated_at)
    if not case.context.older(since, "settle"):
        return
    yield Hit(
        summary=f"The active turn is {turn.state}, but {case.name} is still stored as {session.status}.",
        turn_id=turn.turn_id,
        since=since,
        evidence=(case.session_row(), case.turn_row(turn)),
    )


@detector(
    "unsettled-turn",
    Severity.HIGH,
    Group.SPLIT,
    "P",
    makes=Verdict.DIVERGED,
    remedy=Remedy.NONE,
    thresholds=("settle",),
    condition="A turn older than the settle time is stored as running while its session is not live.",
    explanation=(
        "The session ended, and the turn that ran in it was not settled with it (builds before 0.0.28 leave it so "
        "after every stop, crash or death of a provider). Nothing blocks, but the turn will show as running for ever."
    ),
)
def unsettled_turn(case: Case) -> Iterator[Hit]:
    """Turn running, session not live."""
    session = case.facts.session
    if session is None or session.live:
        return
    latest = case.facts.turns[-1].turn_id if case.facts.turns else None
    for turn in case.facts.turns:
        if turn.state != TurnState.RUNNING or not case.context.older(turn.started_at, "settle"):
            continue
        # old builds write the outcome with the checkpoint, a moment after a session that ended by itself
        in_time = turn.turn_id == latest and session.status not in _ENDED_FROM_OUTSIDE
        if in_time and not case.context.older(session.updated_at, "settle"):
            continue
        yield Hit(
            summary=f"The session is {session.status}, but a turn of {case.name} is still stored as running.",
            turn_id=turn.turn_id,
            since=max(session.updated_at, turn.started_at or 0) if turn.turn_id == latest else turn.started_at,
            evidence=(case.turn_row(turn), case.session_row()),
        )


@detector(
    "running-without-turn",
    Severity.MEDIUM,
    Group.SPLIT,
    "PE",
    makes=Verdict.STUCK,
    remedy=Remedy.STOP,
    thresholds=("without_turn",),
    condition="The session is stored as running without an active turn for longer than five minutes.",
    explanation=(
        "A running session should name the turn it works on. A provider that reports `running` or `waiting` by "
        "itself looks the same, so check the log before you stop it."
    ),
)
def running_without_turn(case: Case) -> Iterator[Hit]:
    """Running, no turn."""
    session = case.session
    if session is None or session.status != SessionStatus.RUNNING or session.active_turn_id is not None:
        return
    last = max(session.updated_at, case.facts.last_log.at if case.facts.last_log else 0)
    if case.context.older(last, "without_turn"):
        yield Hit(
            summary=f"No turn is named, but {case.name} is stored as running.",
            confidence=Confidence.POSSIBLE,
            no_verdict=bool(case.requests.holding),  # it waits for a person: that is `waiting`
            since=session.updated_at,
            evidence=(case.session_row(),),
        )


@detector(
    "inactive-with-active-turn",
    Severity.HIGH,
    Group.SPLIT,
    "P",
    makes=Verdict.DIVERGED,
    remedy=Remedy.STOP,
    condition="The session is ready, interrupted, stopped or idle, and still names an active turn.",
    explanation=(
        "A session that is not working has no active turn (only `error` may keep one). Old builds keep it when the "
        "provider reports an inactive state; new messages may then be taken for steering."
    ),
)
def inactive_with_active_turn(case: Case) -> Iterator[Hit]:
    """Inactive session, active turn."""
    session = case.facts.session
    if session is None or session.live or session.failed or session.active_turn_id is None:
        return
    yield Hit(
        summary=f"The session is {session.status}, but {case.name} still names an active turn.",
        turn_id=session.active_turn_id,
        since=session.updated_at,
        evidence=(
            case.session_row(),
            *([case.turn_row(case.active_turn)] if case.active_turn else []),
        ),
    )


@detector(
    "runtime-projection-split",
    Severity.HIGH,
    Group.SPLIT,
    "PB",
    makes=Verdict.STUCK,
    remedy=Remedy.STOP,
    thresholds=("settle",),
    condition="The runtime binding says stopped, the session says working, both for longer than the settle time.",
    explanation=(
        "The provider service wrote down that it stopped this session, but the event that tells the thread so is "
        "missing. The reverse (binding running, session ready) is normal."
    ),
)
def runtime_projection_split(case: Case) -> Iterator[Hit]:
    """Binding stopped, session live."""
    session, binding = case.facts.session, case.facts.binding
    if session is None or binding is None or not session.live or binding.status != "stopped":
        return
    since = max(session.updated_at, binding.last_seen_at or session.updated_at)
    if case.context.older(since, "settle"):
        yield Hit(
            summary=f"The runtime binding is stopped, but {case.name} is still stored as {session.status}.",
            turn_id=session.active_turn_id,
            since=since,
            evidence=(case.binding_row(), case.session_row()),
        )


@detector(
    "pending-turn-abandoned",
    Severity.HIGH,
    Group.SPLIT,
    "PE",
    makes=Verdict.STUCK,
    remedy=Remedy.NEW_MESSAGE,
    thresholds=("pending", "settle"),
    condition=(
        "A message asked for a turn that nobody took up, and nobody will: its server is gone, it waits too long, or the "
        "turn it was sent into ended without it."
    ),
    explanation=(
        "The message is stored, but the turn it asked for never began and is not queued anywhere any more. Send it "
        "again. (A message that was taken into a turn that already ran leaves such a row too; that is not meant.)"
    ),
)
def pending_turn_abandoned(case: Case) -> Iterator[Hit]:
    """Pending start that nobody will take up."""
    pending, session = case.start.awaited, case.facts.session
    if pending is None or pending.requested_at is None:
        return
    starting = session is not None and session.status == SessionStatus.STARTING
    if session is not None and session.live and not starting and not case.start.left_behind:
        return
    server, request = case.context.server, case.start.request
    gone = server.dead or case.context.began_after(pending.requested_at)
    if case.start.left_behind:
        assert session is not None
        late = case.context.older(session.updated_at, "settle")
    else:
        tried = session.updated_at if session is not None and starting else 0
        late = case.context.older(max(pending.requested_at, tried), "pending")
    if not (gone or late):
        return
    if case.start.left_behind:
        said = f"The turn that a message of {case.name} was sent into ended without taking it."
    elif starting:
        said = f"The session is held at starting since {iso(tried)}: the turn asked for in {case.name} never began."
    elif server.dead:
        said = f"No server of this home is running; the turn that a message asked for in {case.name} never began."
    elif gone:
        waited = duration((server.started_at or 0) - pending.requested_at)
        said = f"The server restarted {waited} after a message asked for a turn in {case.name}, which never began."
    else:
        said = f"A message asked for a turn that never began in {case.name}."
    yield Hit(
        summary=said,
        confidence=Confidence.CERTAIN if gone else Confidence.LIKELY,
        no_verdict=case.start.left_behind and case.live,  # another turn runs, and is not to be ended for it
        remedy=Remedy.STOP if starting else None,
        since=pending.requested_at,
        since_event_id=request.event_id if request else None,
        evidence=(
            case.turn_row(pending),
            *([stored_evidence(request)] if request else []),
            *([case.session_row()] if session else []),
            case.server(),
        ),
    )


@detector(
    "latest-turn-lost",
    Severity.LOW,
    Group.SPLIT,
    "P",
    thresholds=("settle",),
    condition="The thread names no latest turn although it has turns and nothing was reverted.",
    explanation=(
        "Lists that show the latest turn's state show nothing for this thread. It is so for about a second after "
        "every turn, and for good after a stopped or crashed turn without a checkpoint on builds before 0.0.33."
    ),
)
def latest_turn_lost(case: Case) -> Iterator[Hit]:
    """``latest_turn_id`` null."""
    row, turns, session = case.facts.row, case.facts.turns, case.facts.session
    if row is None or row.latest_turn_id is not None or not turns or session is None or session.live:
        return
    if any(event.type in REVERTING_TYPES for event in case.facts.stored):
        return
    if case.context.older(session.updated_at, "settle"):
        yield Hit(
            summary=f"No turn is named as the latest, though {case.name} has {len(turns)}.",
            turn_id=turns[-1].turn_id,
            since=session.updated_at,
            evidence=(case.turn_row(turns[-1]),),
        )


@detector(
    "ghost-rows",
    Severity.INFO,
    Group.SPLIT,
    "P",
    remedy=Remedy.OFFLINE_REPAIR,
    condition="A deleted or archived thread still has a working session, a running turn or an open request.",
    explanation=(
        "Nobody sees these rows in the app; they only disturb counts. The API cannot reach a deleted thread; an "
        "archived one can be brought back, stopped, and archived again."
    ),
)
def ghost_rows(case: Case) -> Iterator[Hit]:
    """Deleted or archived, but rows look live."""
    row, session = case.facts.row, case.facts.session
    if row is None or (row.deleted_at is None and row.archived_at is None):
        return
    ghosts = []
    if session is not None and session.live:
        ghosts.append(case.session_row())
    ghosts += [case.turn_row(turn) for turn in case.facts.turns if turn.state == TurnState.RUNNING]
    ghosts += [
        Evidence(
            kind=EvidenceKind.ROW,
            source=PROJECTION_PENDING_APPROVALS,
            key=approval.request_id,
            at=approval.created_at,
            excerpt=f"approval {approval.request_id} is pending",
        )
        for approval in case.facts.approvals
        if approval.status == "pending"
    ]
    if ghosts:
        what, since = ("deleted", row.deleted_at) if row.deleted_at is not None else ("archived", row.archived_at)
        yield Hit(
            summary=f"{counted(len(ghosts), 'row')} of {case.name} still live, though it is {what}.",
            since=since,
            evidence=tuple(ghosts),
        )
