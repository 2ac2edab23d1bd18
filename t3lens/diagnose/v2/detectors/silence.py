"""What the provider's log says, or does not say: ends that never arrived, silence, notices without progress."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from t3lens.diagnose.detector import Group, Hit, detector
from t3lens.diagnose.evidence import absence, log_evidence
from t3lens.diagnose.facts import ModelInUse
from t3lens.diagnose.v2.case import SecondCase
from t3lens.diagnose.v2.facts import NativeEnd, ProviderTurnRow, RunRow
from t3lens.diagnose.witness import over, weigh_by_record, witness_of
from t3lens.domain.finding import Confidence, Remedy, Severity, Verdict
from t3lens.t3code.v2.words import RunStatus
from t3lens.time import SECOND, duration, iso

__all__ = ["native_terminal_lost", "retry_loop", "silent_turn"]

_SECOND = (ModelInUse.SECOND,)
_NOTICES: Final = 2
"""A turn begins with a status notice or two; so many times the threshold of retries make a loop likely."""


@detector(
    "native-terminal-lost",
    Severity.HIGH,
    Group.MISMATCH,
    "LPA",
    needs="LP",
    makes=Verdict.STUCK,
    remedy=Remedy.STOP,
    thresholds=("settle",),
    models=_SECOND,
    condition="By the provider's own protocol its turn is over, and it is still stored as running after the settle time.",
    explanation=(
        "The provider said that it is done, and the server did not take it up. The run will not end by itself; interrupt it."
    ),
)
def native_terminal_lost(case: SecondCase) -> Iterator[Hit]:
    """Done by the provider's word, running by the store's."""
    run = case.active
    if run is None or run.status != RunStatus.RUNNING or case.orphaned is not None:
        return
    turn = case.working_turn(run)
    if turn is None or turn.started_at is None:
        return
    end = _end_of(case, turn)
    if end is None or not case.context.older(end.at, "settle"):
        return
    named = end.native_turn_id is not None
    hit = Hit(
        summary=(
            f"The provider ended its turn of {case.name} at {iso(end.at)} ({end.ref.type}), and it is still stored as "
            f"{turn.status}."
        ),
        confidence=Confidence.CERTAIN if named else Confidence.LIKELY,
        turn_id=run.run_id,
        since=end.at,
        evidence=(
            log_evidence(end.ref, excerpt=end.ref.type),
            case.provider_turn_row(turn),
            case.run_row(run),
        ),
    )
    witness = witness_of(case, run.run_id)
    yield weigh_by_record(hit, witness, over(witness, since=end.at))


def _end_of(case: SecondCase, turn: ProviderTurnRow) -> NativeEnd | None:
    """The provider's word that a turn is over: of that turn where it names one, else the last word on its thread.

    OpenCode's records name neither turn nor session, so a subagent's end looks the same: there nothing may follow.
    """
    facts = case.second_facts
    native = case.native_thread(turn.provider_thread_id)
    for end in reversed(facts.ends):
        if end.at < (turn.started_at or 0):
            return None
        if end.native_turn_id is not None:
            if end.native_turn_id == turn.native_id:
                return end
            continue
        if end.native_thread_id is not None:
            if native is None or end.native_thread_id != native.native_id:
                continue
        elif facts.helped or (facts.heard is not None and facts.heard.at > end.at):
            return None
        if facts.asked_again_at is not None and facts.asked_again_at > end.at:
            return None
        return end
    return None


@detector(
    "retry-loop",
    Severity.LOW,
    Group.SILENCE,
    "LP",
    remedy=Remedy.INVESTIGATE,
    thresholds=("retries",),
    models=_SECOND,
    condition="Status notices of the provider come again and again, and nothing of an answer between them.",
    explanation=(
        "OpenCode tells its status anew at each try when its model's service fails. This log does not keep which status "
        "it was, so this is a guess; look at the provider's own log."
    ),
)
def retry_loop(case: SecondCase) -> Iterator[Hit]:
    """Notices without progress."""
    run, notices = case.active, case.second_facts.statuses
    if run is None or case.orphaned is not None or case.requests.pending:
        return
    since = run.started_at or 0
    notices = [notice for notice in notices if notice.at >= since]
    if len(notices) < _NOTICES * case.context.options.thresholds.retries:
        return
    yield Hit(
        summary=(
            f"The provider may be trying the same request again and again: {len(notices)} status notices since "
            f"{iso(notices[0].at)} in {case.name}, and nothing of an answer."
        ),
        confidence=Confidence.POSSIBLE,
        turn_id=run.run_id,
        since=notices[0].at,
        evidence=(
            log_evidence(notices[-1], excerpt=f"newest notice: {notices[-1].type}"),
            log_evidence(notices[0], excerpt=f"first notice: {notices[0].type}"),
            case.run_row(run),
        ),
    )


@detector(
    "silent-turn",
    Severity.MEDIUM,
    Group.SILENCE,
    "LPA",
    needs="P",
    makes=Verdict.STUCK,
    remedy=Remedy.STOP,
    thresholds=("silence", "silence_tool", "pending"),
    models=_SECOND,
    condition="A run works, and neither its provider's log nor the store has anything of it beyond the threshold.",
    explanation=(
        "Heartbeats and catalogue notices go on while a turn hangs and do not count. A model that thinks long or a tool "
        "that says nothing looks the same, so look at the provider before you interrupt it."
    ),
)
def silent_turn(case: SecondCase) -> Iterator[Hit]:
    """Working, and nothing heard."""
    run = case.active
    if run is None or run.status == RunStatus.WAITING or case.orphaned is not None:
        return
    if case.context.server.dead or case.requests.holding:
        return
    facts, thresholds = case.second_facts, case.context.options.thresholds
    tool = facts.open_tool
    limit = max(thresholds.silence, thresholds.silence_tool) if tool else thresholds.silence
    if run.status != RunStatus.RUNNING:
        limit = max(limit, thresholds.pending)
    heard = _last_heard_at(case, run)
    silent = case.context.as_of - heard
    if silent < limit * SECOND:
        return
    line = facts.heard
    hit = Hit(
        summary=(
            f"The provider has been silent for {duration(silent)} in the run of {case.name} (since {iso(heard)}"
            f"{f', while {tool} is open' if tool else ''})."
        ),
        confidence=Confidence.POSSIBLE,
        turn_id=run.run_id,
        since=heard,
        evidence=(
            log_evidence(line, excerpt=f"the last sign of life: {line.type}")
            if line
            else absence("provider log", "no sign of life of this thread"),
            case.run_row(run),
        ),
    )
    witness = witness_of(case, run.run_id)
    yield weigh_by_record(hit, witness, over(witness))


def _last_heard_at(case: SecondCase, run: RunRow) -> int:
    record = case.facts.record  # a record that grew is no silence
    times = [case.second_facts.heard_at, run.started_at, run.requested_at, record.last_at if record else None]
    return max((at for at in times if at is not None), default=0)
