"""Making a plan for a thread of the second data model: the command, what it expects, what to know before.

Making one sends nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from t3lens.act.answer import DECLINED, Answer
from t3lens.act.drafting import AWAIT_RESTART, draft
from t3lens.act.plan import Action, Decision, Expected, Kind, Plan, Step
from t3lens.act.plan_view import printable
from t3lens.act.queue_change import Queued
from t3lens.act.target import Belief, Sighting, Target
from t3lens.act.v2.choice import choose, watch_scope
from t3lens.act.v2.restart_cost import cost_said, holds_queue
from t3lens.act.v2.situation import SecondChoice, SecondSituation
from t3lens.act.v2.stored import Cost, cost_of_restart
from t3lens.domain.finding import Confidence
from t3lens.domain.state import SessionStatus
from t3lens.t3code.v2 import remedies
from t3lens.time import Micros

__all__ = ["make_plan"]


def make_plan(
    kind: Kind,
    *,
    target: Target,
    belief: Belief,
    seen: Sighting,
    request_id: str | None = None,
    answer: Answer | None = None,
    queued: Queued | None = None,
    made_at: Micros | None = None,
) -> Plan:
    """The plan of this kind; see ``t3lens.act.planning``."""
    holds = holds_queue(target, belief)
    cost = Cost()
    if belief.cannot_judge is None and target.database is not None and belief.server == "alive":
        cost = cost_of_restart(Path(target.database), but=target.thread_id)
    case = SecondSituation(
        kind=kind,
        belief=belief,
        seen=seen,
        holds_queue=holds,
        request_id=request_id,
        answer=answer,
        queued=queued or Queued(),
        cost=cost,
    )
    choice = choose(case)
    return draft(
        kind,
        choice,
        target=target,
        belief=belief,
        seen=seen,
        scope=watch_scope(case),
        steps=_steps(choice, case),
        expected=_EXPECTED.get(choice.action, Expected(status=None)) if choice.action else Expected(status=None),
        queue=seen.second.queue_marks if seen.second is not None and choice.action in _OF_QUEUE else None,
        requests=tuple(str(one["requestId"]) for one in choice.about if "requestId" in one),
        risks=_risks(choice, case),
        request_id=request_id,
        answer=answer,
        queued=queued,
        made_at=made_at,
    )


_OF_QUEUE: Final = (Action.MOVE_QUEUED, Action.EDIT_QUEUED, Action.PROMOTE_QUEUED)
"""What is only sent to the queue that was looked at."""

_EXPECTED: Final = {
    Action.INTERRUPT: Expected(status=SessionStatus.INTERRUPTED.value),
    Action.DETACH: Expected(status=SessionStatus.STOPPED.value, turns_settle=False),
}


def _steps(choice: SecondChoice, case: SecondSituation) -> tuple[Step, ...]:
    if choice.decision is Decision.RESTART:
        return (AWAIT_RESTART,)
    if choice.decision is not Decision.ACT or choice.action is None:
        return ()
    return tuple(_STEPS[choice.action](about, case) for about in choice.about)


def _interrupt_step(about: dict[str, Any], case: SecondSituation) -> Step:
    queue = case.second.queue
    held = " and hold its queue" if about.get("holdQueue") else ""
    starts = f"; the queued run {queue[0].run_id} starts then" if queue and not held else ""
    return Step(
        action=Action.INTERRUPT,
        says=f"interrupt run {about['runId']}{held}",
        expects=f"the run interrupted, its provider turn over, the effect of the interrupt done{starts}",
        risk="the provider's process is frozen or gone: the effect is then held, and the run stays as it is",
        then="it is reported as not confirmed, with what a restart of the server would cost; no second command is sent",
        about=about,
    )


def _detach_step(about: dict[str, Any], case: SecondSituation) -> Step:
    return Step(
        action=Action.DETACH,
        says=f"let session {about['providerSessionId']} go",
        expects=f"the session no longer bound to the thread, the effect of that done; {remedies.DETACHED_NEXT}",
        risk="a message that is sent at this very moment fails",
        then="send it again",
        about=about,
    )


def _answer_step(about: dict[str, Any], case: SecondSituation) -> Step:
    answer = case.answer or DECLINED
    request = case.second.request(str(about["requestId"]))
    if request is not None and request.by_message:
        return Step(
            action=Action.RESPOND,
            says=f"{answer.does} to request {about['requestId']}, if it is still open then",
            expects="the request resolved, its answer a message: sent at once, into the run at work, or after it",
            risk="that run's provider is frozen or gone: the message is then held behind it",
            then="it is reported as not confirmed; no second command is sent",
            about=about,
        )
    return Step(
        action=Action.RESPOND,
        says=f"{answer.does} request {about['requestId']}, if it is still open then"
        if answer.decision is not None
        else f"{answer.does} to request {about['requestId']}, if it is still open then",
        expects="the request resolved, the effect of the answer done: its provider goes on "
        + ("without what it asked for" if answer.refuses else "with what it asked for"),
        risk="the provider's process is frozen or gone: the effect is then held, and nobody takes the answer",
        then="it is reported as not confirmed; no second command is sent",
        about=about,
    )


def _cancel_step(about: dict[str, Any], case: SecondSituation) -> Step:
    return Step(
        action=Action.CANCEL_QUEUED,
        says=f"take queued run {about['runId']} out of the queue",
        expects="the run cancelled; its message is not sent",
        risk="it begins at this very moment",
        then="the command is refused, and the run goes on; it can be stopped (t3lens stop)",
        about=about,
    )


def _move_step(about: dict[str, Any], case: SecondSituation) -> Step:
    before = about["beforeRunId"]
    return Step(
        action=Action.MOVE_QUEUED,
        says=f"move queued run {about['runId']} {'to the end of the queue' if before is None else f'before {before}'}",
        expects="the queue in the new order; nothing begins sooner than it would",
        risk="a message of the queue begins at this very moment",
        then="the command is refused if it is one of these two; the rest of the queue stays as it is",
        about=about,
    )


def _edit_step(about: dict[str, Any], case: SecondSituation) -> Step:
    return Step(
        action=Action.EDIT_QUEUED,
        says=f"have the message of queued run {about['runId']} say: {printable(str(about['text']))[:80]}",
        expects="the message with the new text; its attachments and its place in the queue stay",
        risk="it begins at this very moment",
        then="the command is refused, and the run goes on with the old text; it can be stopped (t3lens stop)",
        about=about,
    )


def _promote_step(about: dict[str, Any], case: SecondSituation) -> Step:
    return Step(
        action=Action.PROMOTE_QUEUED,
        says=f"hand the message of queued run {about['queuedRunId']} to run {about['targetRunId']}, which is at work",
        expects="the queued run cancelled, its message in the run at work, the effect of that done",
        risk="the run ends at this very moment: the server may make a run of its own of the message; or its provider's"
        " process is frozen or gone: the effect is then held, and nobody takes the message",
        then="it is reported as not confirmed; no second command is sent",
        about=about,
    )


def _resume_step(about: dict[str, Any], case: SecondSituation) -> Step:
    return Step(
        action=Action.RESUME_QUEUE,
        says="let the held queue go on",
        expects="no queued run held any more; the first of them starts if no run is live",
        risk="its messages were written before what happened since",
        then="take out what is not wanted any more first (t3lens cancel-queued)",
        about=about,
    )


_STEPS: Final = {
    Action.INTERRUPT: _interrupt_step,
    Action.DETACH: _detach_step,
    Action.RESPOND: _answer_step,
    Action.CANCEL_QUEUED: _cancel_step,
    Action.RESUME_QUEUE: _resume_step,
    Action.MOVE_QUEUED: _move_step,
    Action.EDIT_QUEUED: _edit_step,
    Action.PROMOTE_QUEUED: _promote_step,
}


def _risks(choice: SecondChoice, case: SecondSituation) -> tuple[str, ...]:
    if choice.decision is not Decision.ACT:
        return ()
    risks = []
    finding = choice.finding
    if finding is not None and finding.confidence is not Confidence.CERTAIN:
        risks.append(f"{finding.code} is only {finding.confidence}: if the provider does work after all, its run is cut off")
    if choice.action is Action.INTERRUPT:
        if case.kind == "stop" and finding is None:
            risks.append("the run works: it is cut off")
        if case.second.queue and not any(about.get("holdQueue") for about in choice.about):
            risks.append(f"{len(case.second.queue)} queued: the next starts as soon as this run is over")
        if case.second.pending:
            risks.append("an open question is not answered by this")
        risks += [f"if the interrupt hangs: {said}" for said in cost_said(case.cost, holds=case.holds_queue)]
    return tuple(risks)
