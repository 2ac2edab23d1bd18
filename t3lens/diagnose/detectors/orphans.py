"""Sessions whose owner is gone: the server run that drove them, or the provider's process."""

from __future__ import annotations

from collections.abc import Iterator

from t3lens.counted import counted
from t3lens.diagnose.case import Case
from t3lens.diagnose.context import Context
from t3lens.diagnose.detector import Group, Hit, detector
from t3lens.diagnose.evidence import log_evidence
from t3lens.diagnose.facts import ThreadFacts
from t3lens.diagnose.witness import over, weigh_by_record, with_record_words, witness_of, writes_still
from t3lens.diagnose.wording import capital
from t3lens.domain.finding import Confidence, Evidence, Remedy, Severity, Verdict
from t3lens.domain.state import SessionStatus

__all__ = ["dead_provider", "orphaned_turn"]


@detector(
    "orphaned-turn",
    Severity.HIGH,
    Group.ORPHAN,
    "PESA",
    needs="S",
    makes=Verdict.STUCK,
    remedy=Remedy.STOP,
    condition="The session is stored as working, and the server run that owned it is over.",
    explanation=(
        "A turn lives in the memory of the server that started it. That server is gone, so nobody will ever write "
        "the end of this turn: the thread shows as working until somebody stops it."
    ),
)
def orphaned_turn(case: Case) -> Iterator[Hit]:
    """Live session, dead owner."""
    orphaned, session = case.orphaned, case.session
    if orphaned is None or session is None or case.facts.outdated:
        return  # where the database is a copy from before, the log may be one, too
    turn = "the turn" if session.active_turn_id else "the start"
    explanation = None
    if case.context.build.traits.reconciles_at_start and not case.context.server.dead:
        unseen = case.ended_unseen
        explanation = (
            "This build ends such sessions when it starts, and no database tells whether it did: the turn is lost, but the "
            "thread need not show as working any more."
            if unseen
            else "This build ends such sessions when it starts; that this one is still stored as working means that the "
            "reconcile failed for it. Nobody will ever write the end of this turn."
        )
    hit = Hit(
        summary=(
            f"{capital(orphaned.reason)}; {turn} of {case.name} is lost."
            if case.ended_unseen
            else f"{capital(orphaned.reason)}; nothing will end {turn} of {case.name}."
        ),
        confidence=Confidence.CERTAIN if orphaned.certain else Confidence.LIKELY,
        explanation=explanation,
        no_verdict=case.ended_unseen,
        remedy=Remedy.INVESTIGATE if case.ended_unseen else None,
        turn_id=session.active_turn_id,
        since=session.updated_at,
        since_event_id=case.session_sets[-1].event_id if case.session_sets else None,
        evidence=(case.session_row(), case.server(), *_last_word(case)),
    )
    yield with_record_words(hit, witness_of(case, session.active_turn_id))


def _last_word(case: Case) -> tuple[Evidence, ...]:
    last = case.facts.last_log
    return (log_evidence(last, excerpt=f"the last word of the provider: {last.type}"),) if last else ()


@detector(
    "dead-provider",
    Severity.HIGH,
    Group.ORPHAN,
    "PXA",
    needs="PX",
    makes=Verdict.STUCK,
    remedy=Remedy.STOP,
    thresholds=("settle",),
    condition="The session is stored as working, and its provider's process is gone.",
    explanation=(
        "The server runs one provider process per working thread and, with some providers, never notices that one "
        "died. Without it the turn cannot go on. Stop the session; never interrupt it first, that would block the "
        "command queue of all threads."
    ),
)
def dead_provider(case: Case) -> Iterator[Hit]:
    """Live session, fewer provider processes than live sessions of that provider."""
    session, processes = case.session, case.context.processes
    if session is None or not session.live or case.orphaned is not None or processes is None:
        return
    if session.status == SessionStatus.STARTING and not case.context.older(session.updated_at, "settle"):
        return  # its process is being started
    provider = session.provider or ""
    running = processes.count(provider)
    if running is None:
        return
    live = sum(
        _has_a_process(facts, case.context)
        for facts in case.context.home.threads.values()
        if facts.session is not None and facts.session.provider == session.provider
    )
    if running >= live:
        return
    sure = running == 0
    lately = writes_still(case)
    if lately and not sure:
        return  # one of these threads lost its process, and it is not the one whose record grows
    hit = Hit(
        summary=(
            f"{running or 'No'} {provider} process{'es' if running > 1 else ''} of the server for "
            f"{counted(live, 'working thread')} of that provider; {case.name} is stored as {session.status}."
        ),
        confidence=Confidence.LIKELY if sure else Confidence.POSSIBLE,
        no_verdict=not sure,
        remedy=None if sure else Remedy.INVESTIGATE,
        turn_id=session.active_turn_id,
        since=session.updated_at,
        evidence=(case.session_row(), *processes.evidence(provider)),
    )
    witness = witness_of(case, session.active_turn_id)
    yield weigh_by_record(hit, witness, over(witness, still=lately))


def _has_a_process(facts: ThreadFacts, context: Context) -> bool:
    """Whether this server should run a process for the thread: not for one deleted, nor for one of an earlier run."""
    session, row = facts.session, facts.row
    if session is None or not session.live or context.began_after(session.updated_at):
        return False
    return row is None or row.deleted_at is None
