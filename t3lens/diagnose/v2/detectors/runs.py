"""Runs whose server or process is gone, and rows that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import shorten

from t3lens.diagnose.context import Context
from t3lens.diagnose.detector import Group, Hit, detector
from t3lens.diagnose.evidence import log_evidence
from t3lens.diagnose.facts import ModelInUse
from t3lens.diagnose.v2.case import SecondCase
from t3lens.diagnose.v2.facts import ProviderSessionRow, RunRow, SecondFacts
from t3lens.diagnose.witness import over, weigh_by_record, with_record_words, witness_of, writes_still
from t3lens.diagnose.wording import capital, with_short_ids
from t3lens.domain.finding import Confidence, Evidence, Remedy, Severity, Verdict
from t3lens.t3code.native.words import one_line
from t3lens.t3code.v2 import events as types
from t3lens.t3code.v2.words import (
    ATTEMPT_LIVE,
    PROVIDER_TURN_LIVE,
    SHARED_PROCESS_DRIVERS,
    EffectStatus,
    EffectType,
    RunStatus,
)

__all__ = [
    "dead_provider",
    "lost_at_restart",
    "node_open_after_run",
    "orphaned_turn",
    "pending_turn_abandoned",
    "session_error_not_reopened",
    "turn_failed",
]

_SECOND = (ModelInUse.SECOND,)


@detector(
    "orphaned-turn",
    Severity.HIGH,
    Group.ORPHAN,
    "PESA",
    needs="S",
    makes=Verdict.STUCK,
    remedy=Remedy.RESTART_SERVER,
    models=_SECOND,
    condition="A run is stored as live, and the server that worked on it is gone.",
    explanation=(
        "A run lives in the memory of the server that started it. No server of this home is running, so nothing will "
        "end it; the next start cancels it within a second. No repair of the database is needed."
    ),
)
def orphaned_turn(case: SecondCase) -> Iterator[Hit]:
    """Live run, dead owner."""
    orphaned, run = case.orphaned, case.active
    if orphaned is None or run is None:
        return
    restarted = not case.context.server.dead
    explanation = None
    if restarted:
        explanation = (
            "A server ends what an earlier one left live before it answers for the first time. That this run is still "
            "stored as live means that this failed for it; nothing will ever write its end."
        )
    heard = case.second_facts.heard
    hit = Hit(
        summary=f"{capital(orphaned.reason)}; nothing will end the run of {case.name}.",
        confidence=Confidence.CERTAIN if orphaned.certain else Confidence.LIKELY,
        explanation=explanation,
        turn_id=run.run_id,
        since=case.touched_at(run),
        evidence=(
            case.run_row(run),
            case.server(),
            *([log_evidence(heard, excerpt=f"the last word of the provider: {heard.type}")] if heard else []),
        ),
    )
    yield with_record_words(hit, witness_of(case, run.run_id))


@detector(
    "dead-provider",
    Severity.HIGH,
    Group.ORPHAN,
    "PXA",
    needs="PX",
    makes=Verdict.STUCK,
    remedy=Remedy.RESTART_SERVER,
    models=_SECOND,
    condition="A run is stored as working, and its provider's process is gone.",
    explanation=(
        "The server does not notice when a Codex process dies: the run stays as it is, and an interrupt of it never "
        "ends. One process serves all Codex threads, so all of them hang. Only a restart of the server helps."
    ),
)
def dead_provider(case: SecondCase) -> Iterator[Hit]:
    """Working, and fewer provider processes than work needs."""
    run, processes = case.active, case.context.processes
    if run is None or processes is None or case.orphaned is not None or case.driver is None:
        return
    if run.status != RunStatus.RUNNING or not case.context.older(run.started_at, "settle"):
        return  # its process is being started, or it is not needed any more
    running = processes.count(case.driver)
    if running is None:
        return
    needed = _needed_processes(case.driver, case.context)
    if running >= needed:
        return
    sure = running == 0
    lately = writes_still(case)
    if lately and not sure:
        return  # one of these threads lost its process, and it is not the one whose record grows
    hit = Hit(
        summary=(
            f"{running or 'No'} {case.driver} process{'es' if running > 1 else ''} of the server where {needed} would be at "
            f"work; {case.name} is stored as {run.status}."
        ),
        confidence=Confidence.LIKELY if sure else Confidence.POSSIBLE,
        no_verdict=not sure,
        remedy=None if sure else Remedy.INVESTIGATE,
        turn_id=run.run_id,
        since=case.second_facts.heard_at,
        evidence=(case.run_row(run), *processes.evidence(case.driver)),
    )
    witness = witness_of(case, run.run_id)
    yield weigh_by_record(hit, witness, over(witness, still=lately))


def _needed_processes(driver: str, context: Context) -> int:
    """How many processes of a driver should be at work: one for all threads, or one for each at work."""
    if driver in SHARED_PROCESS_DRIVERS:
        return 1
    busy = 0
    for facts in context.home.threads.values():
        if isinstance(facts, SecondFacts) and facts.session is not None:
            active = facts.active
            same = facts.session.provider == driver and active is not None
            busy += same and active is not None and active.status == RunStatus.RUNNING
    return max(1, busy)


@detector(
    "pending-turn-abandoned",
    Severity.HIGH,
    Group.SPLIT,
    "PS",
    needs="P",
    makes=Verdict.STUCK,
    remedy=Remedy.STOP,
    thresholds=("pending",),
    models=_SECOND,
    condition="A run is being started, and no effect is left that would start it.",
    explanation=(
        "A run is started by an effect in the outbox. That effect is over without a provider turn, so nothing will "
        "start this run; interrupt it and send the message again."
    ),
)
def pending_turn_abandoned(case: SecondCase) -> Iterator[Hit]:
    """Starting, and nothing starts it."""
    run = case.active
    if run is None or case.orphaned is not None or case.turns_of(run):
        return
    if run.status not in (RunStatus.STARTING, RunStatus.RUNNING):
        return
    starts = [e for e in case.second_facts.effects if e.effect_type == EffectType.START and e.run_id == run.run_id]
    over = [e for e in starts if e.status in (EffectStatus.FAILED, EffectStatus.CANCELLED)]
    if not over or any(e.open or e.status == EffectStatus.SUCCEEDED for e in starts):
        return
    since = over[-1].updated_at
    if not case.context.older(since, "settle"):
        return
    yield Hit(
        summary=(
            f"The start of a run was {over[-1].status}, and nothing else will start it; {case.name} is stored as "
            f"{run.status}."
        ),
        turn_id=run.run_id,
        since=since,
        evidence=(case.run_row(run), case.effect_row(over[-1])),
    )


@detector(
    "session-error-not-reopened",
    Severity.LOW,
    Group.SPLIT,
    "P",
    remedy=Remedy.DETACH,
    models=_SECOND,
    condition="The bound provider session is in error, and the newest run failed to start on it.",
    explanation=(
        "The session's process is gone, and the server never opens a session in error again: every further message "
        "fails at once. Let the session go; the next message opens a new one. No restart is needed."
    ),
)
def session_error_not_reopened(case: SecondCase) -> Iterator[Hit]:
    """A session in error, and a run that did not get as far as a provider turn."""
    failed = [session for session in case.second_facts.sessions if session.failed]
    latest = case.second_facts.latest
    if not failed or latest is None or latest.status != RunStatus.FAILED:
        return
    if case.turns_of(latest):
        return  # it got as far as the provider: the error is of the turn, not of the session
    session: ProviderSessionRow = failed[-1]
    reasons = [r for r in case.second_facts.reasons if r.run_id == latest.run_id]
    message = shorten(with_short_ids(reasons[-1].message or ""), 160, placeholder=" …").rstrip(".") if reasons else ""
    said = f" ({message})" if message else ""
    yield Hit(
        summary=(f"The provider session is in error and is never opened again; a run of {case.name} failed to start{said}."),
        turn_id=latest.run_id,
        since=latest.completed_at or session.updated_at,
        evidence=(
            case.provider_session_row(session),
            case.run_row(latest),
            *(case.item_row(r.item_id, r.at, f"error: {r.message}") for r in reasons[-1:]),
        ),
    )


@detector(
    "node-open-after-run",
    Severity.MEDIUM,
    Group.SPLIT,
    "P",
    makes=Verdict.DIVERGED,
    remedy=Remedy.NONE,
    thresholds=("settle",),
    models=_SECOND,
    condition="A run is over, and its attempt, its root node or its provider turn is stored as live.",
    explanation=(
        "The end of the run did not reach all of its rows, as after a session was let go in mid-run. Nothing blocks: a "
        "new message opens a new session. Tools and subagents in the background may outlive a run and are not meant."
    ),
)
def node_open_after_run(case: SecondCase) -> Iterator[Hit]:
    """Over, and parts of it are not."""
    for run in case.second_facts.runs:
        if run.live or not case.context.older(run.completed_at, "settle"):
            continue
        evidence: list[Evidence] = [case.attempt_row(one) for one in case.attempts_of(run) if one.status in ATTEMPT_LIVE]
        evidence += [case.node_row(node) for node in case.second_facts.nodes if node.live and node.run_id == run.run_id]
        evidence += [case.provider_turn_row(turn) for turn in case.turns_of(run) if turn.status in PROVIDER_TURN_LIVE]
        if evidence:
            what = "; ".join(piece.excerpt for piece in evidence)
            yield Hit(
                summary=f"A run of {case.name} is {run.status}, but not all of it is over: {what}.",
                turn_id=run.run_id,
                since=run.completed_at,
                evidence=(*evidence, case.run_row(run)),
            )


@detector(
    "lost-at-restart",
    Severity.INFO,
    Group.MISMATCH,
    "PE",
    needs="P",
    makes=Verdict.FAILED,
    remedy=Remedy.NEW_MESSAGE,
    models=_SECOND,
    condition="The newest runs were cancelled by a server's start or shutdown.",
    explanation=(
        "The message has no answer and the run will not go on by itself; a new message continues the conversation."
    ),
)
def lost_at_restart(case: SecondCase) -> Iterator[Hit]:
    """Cancelled by a restart, and nothing asked since."""
    lost = lost_runs(case)
    if not lost:
        return
    event = next(
        (e for e in reversed(case.second_facts.stored) if e.type == types.RUN_UPDATED and e.turn_id == lost[-1].run_id),
        None,
    )
    runs = f"{len(lost)} runs" if len(lost) > 1 else "the run"
    goes_on = any(e.effect_type == EffectType.CONTINUE and e.open for e in case.second_facts.effects)
    then = "The server is about to go on with it." if goes_on else "Send a new message to continue."
    yield Hit(
        summary=(
            f"A restart or shutdown of the server cancelled {runs} of {case.name}; "
            f"{'their messages have' if len(lost) > 1 else 'its message has'} no answer. {then}"
        ),
        remedy=Remedy.WAIT if goes_on else None,
        turn_id=lost[-1].run_id,
        since=lost[0].completed_at,
        since_event_id=event.event_id if event else None,
        evidence=(
            *([case.stored(event)] if event else []),
            *(case.run_row(run) for run in lost[-3:]),
        ),
    )


@detector(
    "turn-failed",
    Severity.INFO,
    Group.SILENCE,
    "P",
    makes=Verdict.FAILED,
    remedy=Remedy.NEW_MESSAGE,
    models=_SECOND,
    condition="The newest run failed, and nothing runs since.",
    explanation=(
        "The run ended, and not well. Nothing blocks: a new message goes to a new run. Whether that one fails too depends "
        "on the cause, which is named as the provider or the server said it."
    ),
)
def turn_failed(case: SecondCase) -> Iterator[Hit]:
    """The newest run failed: by what."""
    facts = case.second_facts
    run = facts.latest
    if run is None or run.status != RunStatus.FAILED or any(one.live for one in facts.runs):
        return
    failure = next((one for one in reversed(facts.reasons) if one.run_id == run.run_id and one.message), None)
    session = next((one for one in facts.sessions if one.failed and one.last_error), None)
    cause = failure.message if failure is not None else session.last_error if session is not None else None
    yield Hit(
        summary=(
            f"The run failed: {one_line(cause)} (in {case.name})"
            if cause
            else f"The run of {case.name} failed; nothing says why."
        ),
        turn_id=run.run_id,
        since=run.completed_at,
        evidence=(
            case.run_row(run),
            *([case.item_row(failure.item_id, failure.at, one_line(failure.message, 120))] if failure is not None else []),
            *([case.provider_session_row(session)] if session is not None else []),
        ),
    )


def lost_runs(case: SecondCase) -> list[RunRow]:
    """The newest runs of a thread, as far as a restart cancelled them; oldest first."""
    facts = case.second_facts
    lost: list[RunRow] = []
    for run in reversed(facts.runs):
        if run.queued:
            continue  # kept over the restart
        if not facts.lost(run):
            break
        lost.append(run)
    return lost[::-1]
