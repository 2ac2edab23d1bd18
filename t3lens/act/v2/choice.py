"""Which step brings a thread of the second data model back: the rules in order, the first that applies decides.

A finding says what was seen to help, and the fresh look whether that still fits: nothing is sent to a thread whose outbox
is held by an effect that hangs, no session is let go under a live run, and what cannot be told is left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from t3lens.act.answer import DECLINED, Answer
from t3lens.act.plan import Action, Decision, Kind
from t3lens.act.queued import QUEUE_KINDS, Queued
from t3lens.act.target import Belief, Scope, Sighting, Target
from t3lens.act.v2.seen import EffectSeen, SecondSeen
from t3lens.act.v2.stored import Cost
from t3lens.domain.finding import Finding, Remedy, Verdict
from t3lens.t3code.home_layout import STATEV2_SQLITE
from t3lens.t3code.v2 import remedies
from t3lens.t3code.v2.rules import PROFILES, guess
from t3lens.t3code.v2.wire import RequestShown, RunShown, text_mark
from t3lens.t3code.v2.words import (
    CAPABILITY_LIVE,
    CAPABILITY_MESSAGE,
    RUN_LIVE,
    SESSION_ERROR,
    SHARED_PROCESS_DRIVERS,
    EffectType,
    RunStatus,
)

__all__ = ["SecondChoice", "SecondSituation", "choose", "cost_said", "holds_queue", "watch_scope"]


class SecondSituation(msgspec.Struct, frozen=True, kw_only=True):
    """All that the choice rests on.

    Attributes:
        kind: What was asked for.
        belief: What the diagnosis concluded.
        seen: What the sources say now.
        request_id: The one question that is to be answered or declined; None for all that are open.
        answer: What is answered.
        queued: Which queued message it is about, and what that is to become.
        holds_queue: A start of the server keeps queued messages (October), and Stop can hold them.
        cost: What a restart of the server would end beside this thread's run.
    """

    kind: Kind
    belief: Belief
    seen: Sighting
    holds_queue: bool
    request_id: str | None = None
    answer: Answer | None = None
    queued: Queued = Queued()
    cost: Cost = Cost()

    @property
    def second(self) -> SecondSeen:
        """The thread as it was seen."""
        return self.seen.second or SecondSeen()

    @property
    def hung(self) -> tuple[EffectSeen, ...]:
        """Effects that nobody will finish, by the fresh look."""
        stored = self.seen.second_in_database
        return stored.hung(self.seen.at) if stored else ()

    @property
    def shares_process(self) -> bool:
        """Whether one process of its provider serves all threads."""
        return self.seen.session is not None and self.seen.session.provider in SHARED_PROCESS_DRIVERS


class SecondChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The decision, and why.

    Attributes:
        decision: What to do.
        because: Plain sentences, the deciding one first.
        action: The command, if something is sent,
        about: and what it names; one for each time it is sent.
        finding: The finding it rests on, if it rests on one.
        advice: What a person can do instead, or next.
    """

    decision: Decision
    because: tuple[str, ...]
    action: Action | None = None
    about: tuple[dict[str, Any], ...] = ()
    finding: Finding | None = None
    advice: tuple[str, ...] = ()


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


def holds_queue(target: Target, belief: Belief) -> bool:
    """Whether the build that wrote the home keeps queued messages at a start of its server."""
    own = target.database is not None and Path(target.database).name == STATEV2_SQLITE
    return (PROFILES.get(belief.rules or "") or guess(own_database=own)).start_holds_queue


def cost_said(cost: Cost, *, holds: bool) -> tuple[str, ...]:
    """What a restart of the server costs, in words; nothing if it costs nothing beside the run at hand."""
    said = []
    if cost.live:
        more = f" and {len(cost.live) - _NAMED} more" if len(cost.live) > _NAMED else ""
        said.append(
            f"a restart cancels the live run of {len(cost.live)} other thread{'s' if len(cost.live) > 1 else ''}:"
            f" {', '.join(cost.live[:_NAMED])}{more}"
        )
    if cost.queued:
        what = "1 queued message" if cost.queued == 1 else f"each of {cost.queued} queued messages"
        said.append(f"{what} {remedies.queue_at_start(holds=holds)}, in a restart")
    return tuple(said)


_NAMED: Final = 5


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


def _nothing_to_answer(case: SecondSituation) -> SecondChoice | None:
    """Only what its provider waits for can be answered, and no question can be declined."""
    if case.kind not in ("decline", "answer"):
        return None
    pending = case.second.pending
    asked = [one for one in pending if case.request_id in (None, one.request_id)]
    if not asked:
        said = "nothing is asked" if case.request_id is None else f"request {case.request_id} is no open question"
        return SecondChoice(decision=Decision.NOTHING, because=(f"{said} of this thread",))
    if case.kind == "answer" and len(asked) > 1:
        return SecondChoice(
            decision=Decision.REFUSE,
            because=(f"{len(asked)} requests are open, and an answer is to one",),
            advice=(f"name it: --request {asked[0].request_id}",),
        )
    question = case.answer is not None and case.answer.decision is None
    one = next((one for one in asked if one.capability not in (None, CAPABILITY_LIVE) or one.question is not question), None)
    if one is None and case.second.active is not None:
        return _no_such_answer(case, asked[0]) if question else None
    if one is None:
        why = f"no run of the thread is live, so nobody takes an answer to request {asked[0].request_id}"
    elif one.question and not question:
        why = f"request {one.request_id} is a question: it is answered with words (t3lens answer), or its run is stopped"
    elif not one.question and question:
        why = f"request {one.request_id} asks for a yes or no: answer it with --decision"
    elif one.capability == CAPABILITY_MESSAGE:
        why = f"request {one.request_id} is answered by a message"
    else:
        why = f"request {one.request_id} is {one.capability}: the server refuses an answer"
    return SecondChoice(
        decision=Decision.REFUSE,
        because=(why,),
        finding=case.belief.finding("request-on-dead-session", "waiting-for-user"),
        advice=(remedies.NEW_MESSAGE,),
    )


def _no_such_answer(case: SecondSituation, request: RequestShown) -> SecondChoice | None:
    """What is asked for words is answered with words, and a choice with what can be chosen."""
    answer = case.answer or DECLINED
    if len(request.asks) != 1:
        how_many = f"{len(request.asks)} things" if request.asks else "what is not known"
        return SecondChoice(
            decision=Decision.REFUSE,
            because=(f"request {request.request_id} asks {how_many}: one answer does not do for it",),
            advice=("answer it in T3 Code",),
        )
    (asked,) = request.asks
    unknown = [one for one in answer.options if one not in asked.options]
    if unknown:
        why = f"{unknown[0]!r} cannot be chosen; what can is: {', '.join(asked.options) or 'nothing, it asks for words'}"
    elif len(answer.options) > 1 and not asked.several:
        why = "one option is to be chosen, not several"
    else:
        return None
    return SecondChoice(decision=Decision.REFUSE, because=(why,), advice=("make another plan",))


def _person_answers(case: SecondSituation) -> SecondChoice | None:
    if case.kind not in ("decline", "answer"):
        return None
    answer = case.answer or DECLINED
    asked = [one for one in case.second.pending if case.request_id in (None, one.request_id)]
    said = f"request {asked[0].request_id}" if len(asked) == 1 else f"{len(asked)} requests"
    return SecondChoice(
        decision=Decision.ACT,
        because=(f"that {said} be {answer.words} is asked for",),
        action=Action.RESPOND,
        about=tuple({"requestId": one.request_id, **_said_to(one, answer)} for one in asked),
        finding=case.belief.finding("waiting-for-user"),
    )


def _said_to(request: RequestShown, answer: Answer) -> dict[str, Any]:
    """An answer in the command's words."""
    if answer.decision is not None:
        return {"decision": answer.decision}
    (asked,) = request.asks
    if answer.text is not None:
        return {"answers": {asked.question_id: answer.text}}
    return {"answers": {asked.question_id: list(answer.options) if asked.several else answer.options[0]}}


def _nothing_queued(case: SecondSituation) -> SecondChoice | None:
    if case.kind == "resume-queue":
        if not case.holds_queue:
            return SecondChoice(decision=Decision.NOTHING, because=("this build holds no queue",))
        if not any(run.held for run in case.second.queue):
            return SecondChoice(decision=Decision.NOTHING, because=("no queued message of the thread is held",))
    if case.kind not in QUEUE_KINDS:
        return None
    named = case.queued.run_id
    wanted = [run for run in case.second.queue if named in (None, run.run_id)]
    if not wanted:
        said = "nothing of the thread is queued" if named is None else f"run {named} is not queued"
        return SecondChoice(decision=Decision.NOTHING, because=(said,))
    if len(wanted) > 1:
        return SecondChoice(
            decision=Decision.REFUSE,
            because=(f"{len(wanted)} messages are queued, and one is to be named",),
            advice=(f"name its run: --run {wanted[0].run_id}",),
        )
    return _nothing_to_change(case, wanted[0])


def _nothing_to_change(case: SecondSituation, run: RunShown) -> SecondChoice | None:
    """What a queued message is to become, it is, or it cannot become."""
    before, text = case.queued.before, case.queued.text
    if case.kind == "edit-queued" and text is not None and run.text_mark == text_mark(text):
        return SecondChoice(decision=Decision.NOTHING, because=(f"the message of run {run.run_id} says that already",))
    if case.kind != "move-queued":
        return None
    if before is not None and (before == run.run_id or all(before != one.run_id for one in case.second.queue)):
        said = "is that run itself" if before == run.run_id else "is not queued"
        return SecondChoice(
            decision=Decision.REFUSE, because=(f"run {before}, which it is to stand before, {said}",),
            advice=("name a queued run (--before), or none for the end of the queue",),
        )  # fmt: skip
    if case.second.stands_before(run.run_id, before):
        return SecondChoice(decision=Decision.NOTHING, because=(f"queued run {run.run_id} stands there already",))
    return None


def _person_changes_queue(case: SecondSituation) -> SecondChoice | None:
    """A queued run has no effect yet, so it can be taken out, moved or changed also behind one that hangs."""
    if case.kind not in ("cancel-queued", "move-queued", "edit-queued"):
        return None
    run_id = _queued_run(case).run_id
    about: dict[str, Any] = {"runId": run_id}
    said, action = f"queued run {run_id} be cancelled", Action.CANCEL_QUEUED
    if case.kind == "move-queued":
        where = "to the end of the queue" if case.queued.before is None else f"before {case.queued.before}"
        said, action = f"queued run {run_id} be moved {where}", Action.MOVE_QUEUED
        about |= {"beforeRunId": case.queued.before}
    elif case.kind == "edit-queued":
        said, action = f"the message of queued run {run_id} say something else", Action.EDIT_QUEUED
        about |= {"text": case.queued.text}
    return SecondChoice(decision=Decision.ACT, because=(f"that {said} is asked for",), action=action, about=(about,))


def _queued_run(case: SecondSituation) -> RunShown:
    """The one queued run that is meant."""
    (run,) = [run for run in case.second.queue if case.queued.run_id in (None, run.run_id)]
    return run


def _person_promotes(case: SecondSituation) -> SecondChoice | None:
    """Only a run whose provider is at work takes a message; behind another it waits, and goes on by itself."""
    if case.kind != "promote-queued":
        return None
    queued, run = _queued_run(case), case.second.active
    if run is None or run.status != RunStatus.RUNNING or not case.second.turn_runs:
        why = "no run is at work" if run is None else f"run {run.run_id} is {run.status}"
        if run is not None and run.status == RunStatus.RUNNING:
            why = f"the provider has not begun run {run.run_id}"
        held = queued.held and run is None
        return SecondChoice(
            decision=Decision.REFUSE,
            because=(f"{why}, so nothing takes the message of queued run {queued.run_id}",),
            advice=(remedies.RESUME_QUEUE if held else "wait: it is sent as soon as no run is live",),
        )
    return SecondChoice(
        decision=Decision.ACT,
        because=(f"that the message of queued run {queued.run_id} be handed to run {run.run_id} is asked for",),
        action=Action.PROMOTE_QUEUED,
        about=({"queuedRunId": queued.run_id, "targetRunId": run.run_id},),
    )


def _person_resumes(case: SecondSituation) -> SecondChoice | None:
    if case.kind != "resume-queue":
        return None
    held = sum(run.held for run in case.second.queue)
    return SecondChoice(
        decision=Decision.ACT,
        because=(f"that the queue go on, {held} held, is asked for",),
        action=Action.RESUME_QUEUE,
        about=({},),
        finding=case.belief.finding("queue-held"),
    )


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
    _nothing_to_answer,
    _nothing_queued,
    _settled,
    _no_server,
    _server_unknown,
    _person_changes_queue,
    _held_up,
    _process_gone,
    _left_by_a_start,
    _person_asks,
    _person_answers,
    _person_promotes,
    _person_resumes,
    _session_failed,
    _truth_unknown,
    _alive_and_well,
    _stuck,
    _no_reason,
)
