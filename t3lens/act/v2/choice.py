"""Which step brings a thread of the second data model back: the rules in order, the first that applies decides.

A finding says what was seen to help, and the fresh look whether that still fits: nothing is sent to a thread whose outbox
is held by an effect that hangs, no session is let go under a live run, and what cannot be told is left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from t3lens.act.plan import Action, Decision
from t3lens.act.queue_change import QUEUE_KINDS
from t3lens.act.target import Belief, Scope
from t3lens.act.v2.choose_answer import nothing_to_answer, person_answers
from t3lens.act.v2.choose_queue import nothing_queued, person_changes_queue, person_promotes, person_resumes
from t3lens.act.v2.restart_cost import cost_said
from t3lens.act.v2.situation import SecondChoice, SecondSituation
from t3lens.domain.finding import Finding, Remedy, Verdict
from t3lens.t3code.v2 import remedies
from t3lens.t3code.v2.words import (
    RUN_LIVE,
    SESSION_ERROR,
    EffectType,
)

__all__ = ["choose", "watch_scope"]


def choose(case: SecondSituation) -> SecondChoice:
    """What to do about the thread."""
    for rule in _RULES:
        choice = rule(case)
        if choice is not None:
            return choice
    raise AssertionError("the last rule always applies")


def watch_scope(case: SecondSituation) -> Scope:
    """Which events mean that the thread moved on since the plan."""
    if case.kind in QUEUE_KINDS:
        return Scope.LIFECYCLE  # what a run says meanwhile changes nothing about what is queued behind it
    stuck = case.belief.verdict in (Verdict.STUCK, Verdict.DIVERGED)
    return Scope.ANY if stuck or case.kind == "reconcile" else Scope.LIFECYCLE


def _stuck_by(belief: Belief) -> Finding | None:
    return next((f for f in belief.findings if f.makes is Verdict.STUCK), None)


def _restart(case: SecondSituation, why: str, finding: Finding | None) -> SecondChoice:
    return SecondChoice(
        decision=Decision.RESTART,
        because=(why, *cost_said(case.cost, holds=case.holds_queue)),
        finding=finding,
        advice=(f"restart the T3 Code server: {remedies.ONLY_RESTART}", remedies.WAIT_FOR_RESTART),
    )


def _interrupt(case: SecondSituation, why: str, finding: Finding | None) -> SecondChoice | None:
    run = case.second.active
    if run is None:
        return None
    about: dict[str, Any] = {"runId": run.run_id}
    if case.kind == "stop" and case.holds_queue:
        about["holdQueue"] = True  # what T3 Code's own Stop sends
    return SecondChoice(decision=Decision.ACT, because=(why,), action=Action.INTERRUPT, about=(about,), finding=finding)


# --- the rules, in order --------------------------------------------------------------------------------------


def _not_judged(case: SecondSituation) -> SecondChoice | None:
    if case.belief.cannot_judge is None:
        return None
    return SecondChoice(
        decision=Decision.REFUSE,
        because=(f"nothing is done to this home: {case.belief.cannot_judge}",),
        advice=("act on the thread in T3 Code itself",),
    )


def _not_found(case: SecondSituation) -> SecondChoice | None:
    if case.seen.found:
        return None
    return SecondChoice(
        decision=Decision.REFUSE,
        because=("neither the server nor its database knows this thread",),
        advice=("read the home again, and check the thread id",),
    )


def _deleted(case: SecondSituation) -> SecondChoice | None:
    if not case.seen.deleted:
        return None
    return SecondChoice(
        decision=Decision.NOTHING,
        because=("the thread is deleted, and its rows harm nothing",),
        finding=case.belief.finding("ghost-rows"),
    )


def _damaged(case: SecondSituation) -> SecondChoice | None:
    finding = case.belief.finding("database-corrupt")
    if finding is None:
        return None
    return SecondChoice(
        decision=Decision.REFUSE,
        because=("the database is damaged: no command makes that better",),
        finding=finding,
        advice=("stop the server, keep a copy, and restore a backup",),
    )


def _nothing_to_stop(case: SecondSituation) -> SecondChoice | None:
    if case.kind != "stop" or case.second.active is not None:
        return None
    queue = case.second.queue
    if not queue:
        return SecondChoice(decision=Decision.NOTHING, because=("no run of the thread is live",))
    held = all(run.held for run in queue)
    return SecondChoice(
        decision=Decision.NOTHING,
        because=(f"no run is at work; {len(queue)} queued, {'held' if held else 'and nothing starts it'}",),
        advice=(remedies.RESUME_QUEUE if held else remedies.NEW_MESSAGE,),
    )


def _settled(case: SecondSituation) -> SecondChoice | None:
    """Nothing to bring back: no run is live, nothing hangs, and the session can be used."""
    second = case.second
    bound = second.bound
    failed = bound is not None and bound.status == SESSION_ERROR
    if case.kind != "reconcile" or failed or any(run.status in RUN_LIVE for run in second.runs):
        return None
    if second.pending and case.belief.verdict is Verdict.WAITING:
        return None  # such a question outlives its run
    diverged = next((f for f in case.belief.findings if f.makes is Verdict.DIVERGED), None)
    if diverged is not None:
        return SecondChoice(
            decision=Decision.NOTHING,
            because=("no run is live; what is stored untruly no command of the server corrects", diverged.summary),
            finding=diverged,
            advice=(remedies.NEW_MESSAGE,),
        )
    healed = " by now" if case.belief.verdict is Verdict.STUCK else ""
    return SecondChoice(
        decision=Decision.NOTHING,
        because=(f"no run of the thread is live{healed}: there is nothing to bring back",),
        advice=(remedies.NEW_MESSAGE,),
    )


def _no_server(case: SecondSituation) -> SecondChoice | None:
    belief = case.belief
    if belief.server != "dead":
        return None
    return SecondChoice(
        decision=Decision.START,
        because=(f"no server runs for this home ({belief.server_why or 'not alive'})",),
        finding=_stuck_by(belief),
        advice=(remedies.healed_by_start(holds=case.holds_queue),),
    )


def _server_unknown(case: SecondSituation) -> SecondChoice | None:
    belief = case.belief
    if belief.server == "alive":
        return None
    return SecondChoice(
        decision=Decision.REFUSE,
        because=(
            "whether this home's server is alive cannot be told, so nothing is changed"
            f" ({belief.server_why or 'no sign either way'})",
        ),
        advice=("give the server's address (url=, --url), or start T3 Code with this home",),
    )


def _held_up(case: SecondSituation) -> SecondChoice | None:
    """An effect hangs: what is sent now would wait behind it, but for a start that can be interrupted."""
    if not case.hung:
        return None
    effect = case.hung[0]
    finding = case.belief.finding("effect-stalled", "interrupt-without-effect")
    run = case.second.active
    why = f"effect {effect.type} of the thread is held past its lease, and nothing reads the lease: it will not end"
    if run is not None and effect.type == EffectType.START and effect.run_id == run.run_id and not case.second.turn_runs:
        if case.kind == "stop" or not case.shares_process:
            return _interrupt(case, f"{why}; an interrupt ends a run whose start hangs, and cancels that effect", finding)
        why += "; the process of its provider serves all its threads, so the next message would hang the same way"
    return _restart(case, f"{why}; whatever is sent to the thread now waits behind it", finding)


def _process_gone(case: SecondSituation) -> SecondChoice | None:
    finding = case.belief.finding("dead-provider")
    if finding is None or finding.makes is not Verdict.STUCK or case.second.active is None:
        return None
    return _restart(case, f"an interrupt of a run whose provider's process is gone never ends: {finding.summary}", finding)


def _left_by_a_start(case: SecondSituation) -> SecondChoice | None:
    finding = case.belief.finding("orphaned-turn")
    if finding is None or case.second.active is None:
        return None
    return _restart(case, f"nothing of the server that runs works on it: {finding.summary}", finding)


def _person_asks(case: SecondSituation) -> SecondChoice | None:
    """A stop that a person asks for needs no finding: a working run may be interrupted."""
    if case.kind != "stop":
        return None
    run = case.second.active
    status = run.status if run else "absent"
    return _interrupt(case, f"a stop is asked for; the run is stored as {status}", _stuck_by(case.belief))


def _session_failed(case: SecondSituation) -> SecondChoice | None:
    """A bound session in error is never opened again; it is let go only where no run is live."""
    bound = case.second.bound
    if bound is None or bound.status != SESSION_ERROR:
        return None
    live = [run for run in case.second.runs if run.status in RUN_LIVE]
    finding = case.belief.finding("session-error-not-reopened")
    if live:
        return SecondChoice(
            decision=Decision.REFUSE,
            because=(f"its session is in error, and run {live[0].run_id} is {live[0].status}: no session is let go"
                     " under a live run",),
            finding=finding,
            advice=("stop the run first (t3lens stop)",),
        )  # fmt: skip
    said = finding.summary if finding else f"session {bound.session_id} is in error, and is never opened again"
    return SecondChoice(
        decision=Decision.ACT,
        because=(said,),
        action=Action.DETACH,
        about=({"providerSessionId": bound.session_id},),
        finding=finding,
        advice=(remedies.DETACHED_NEXT,),
    )


def _truth_unknown(case: SecondSituation) -> SecondChoice | None:
    if case.belief.verdict is not Verdict.UNKNOWN:
        return None
    return SecondChoice(
        decision=Decision.REFUSE,
        because=("too little is known to tell whether the run is at work, so nothing is changed",),
        advice=("if you know better: stop the run (t3lens stop)",),
    )


def _alive_and_well(case: SecondSituation) -> SecondChoice | None:
    verdict = case.belief.verdict
    if verdict is Verdict.WORKING:
        return SecondChoice(
            decision=Decision.REFUSE,
            because=("its provider works: a live run is left alone",),
            advice=("wait, or stop it on purpose (t3lens stop)",),
        )
    if verdict is Verdict.WAITING:
        return SecondChoice(
            decision=Decision.REFUSE,
            because=("it waits for a person: a live run is left alone",),
            finding=case.belief.finding("waiting-for-user"),
            advice=("answer it (t3lens answer), decline it (t3lens decline), or stop it on purpose (t3lens stop)",),
        )
    return None


def _stuck(case: SecondSituation) -> SecondChoice | None:
    """What the finding that makes it stuck was seen to need, where the fresh look leaves room for it."""
    finding = _stuck_by(case.belief)
    if finding is None:
        return None
    if finding.code in ("effect-stalled", "interrupt-without-effect") and not case.hung and case.seen.second_in_database:
        return SecondChoice(
            decision=Decision.REFUSE,
            because=(f"what held the thread up is over by now: {finding.summary}",),
            finding=finding,
            advice=("read the home again, and make a new plan",),
        )
    if finding.remedy is Remedy.STOP:
        return _interrupt(case, finding.summary, finding)
    if finding.remedy is Remedy.RESTART_SERVER:
        return _restart(case, finding.summary, finding)
    if finding.remedy in (Remedy.RESUME_QUEUE, Remedy.NEW_MESSAGE):
        held = finding.remedy is Remedy.RESUME_QUEUE
        return SecondChoice(
            decision=Decision.NOTHING,
            because=(finding.summary,),
            finding=finding,
            advice=(remedies.RESUME_QUEUE if held else remedies.NEW_MESSAGE,),
        )
    return SecondChoice(
        decision=Decision.REFUSE,
        because=(f"no command was seen to bring that back: {finding.summary}",),
        finding=finding,
        advice=("if you know better: stop the run (t3lens stop)",),
    )


def _no_reason(case: SecondSituation) -> SecondChoice:
    return SecondChoice(
        decision=Decision.REFUSE,
        because=(f"nothing shows that the thread is stuck (verdict {case.belief.verdict})",),
        advice=("read the home again; if you know better, stop it on purpose (t3lens stop)",),
    )


_RULES: Final[tuple[Callable[[SecondSituation], SecondChoice | None], ...]] = (
    _not_judged,
    _not_found,
    _deleted,
    _damaged,
    _nothing_to_stop,
    nothing_to_answer,
    nothing_queued,
    _settled,
    _no_server,
    _server_unknown,
    person_changes_queue,
    _held_up,
    _process_gone,
    _left_by_a_start,
    _person_asks,
    person_answers,
    person_promotes,
    person_resumes,
    _session_failed,
    _truth_unknown,
    _alive_and_well,
    _stuck,
    _no_reason,
)
