"""Making a plan for a thread of the first data model: the step that brings it back, what it expects, what to know before.

Making one sends nothing.
"""

from __future__ import annotations

from typing import Final

from t3lens.act.answer import DECLINED, Answer
from t3lens.act.drafting import AWAIT_RESTART, draft
from t3lens.act.plan import Action, Decision, Expected, Kind, Plan, Step
from t3lens.act.queue_change import Queued
from t3lens.act.target import Belief, Sighting, Target
from t3lens.act.v1.choice import Choice, Situation, choose, watch_scope
from t3lens.domain.finding import Confidence
from t3lens.t3code.builds import Traits, build_of
from t3lens.t3code.v1 import remedies
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
    traits = build_of(
        version=seen.server_version or belief.server_version,
        migrations=belief.migrations,
        believed=belief.rules,
    ).traits
    case = Situation(kind=kind, belief=belief, seen=seen, traits=traits, request_id=request_id, answer=answer)
    choice = choose(case)
    return draft(
        kind,
        choice,
        target=target,
        belief=belief,
        seen=seen,
        scope=watch_scope(case),
        steps=_steps(choice, seen, traits, answer or DECLINED),
        expected=Expected(turns_settle=traits.stop_settles_turn, delivered=choice.delivered),
        requests=choice.declines,
        risks=_risks(choice, case),
        request_id=request_id,
        answer=answer,
        queued=queued,
        made_at=made_at,
    )


def _steps(choice: Choice, seen: Sighting, traits: Traits, answer: Answer) -> tuple[Step, ...]:
    if choice.decision is Decision.RESTART:
        return (AWAIT_RESTART,)
    if choice.decision is not Decision.ACT:
        return ()
    stop = (_stop_step(seen, traits),) if choice.stops else ()
    steps = (*stop, *(_answer_step(request, choice, answer) for request in choice.declines))
    return (_UNARCHIVE, *steps, _ARCHIVE) if seen.archived else steps


def _stop_step(seen: Sighting, traits: Traits) -> Step:
    active = seen.session.active_turn_id if seen.session else None
    becomes = remedies.turn_after_stop(active, settles=traits.stop_settles_turn)
    return Step(
        action=Action.STOP,
        says="stop the provider session",
        expects=f"session stopped without an active turn, runtime binding stopped; {becomes}",
        risk="the server accepts it and does not carry it out (its command queue is blocked, or the stop fails)",
        then="it is reported as not confirmed, or as failed with the server's reason; no second command is sent",
    )


def _answer_step(request_id: str, choice: Choice, answer: Answer) -> Step:
    if choice.delivered:
        expects = f"the approval is resolved, and its provider goes on {_GOES_ON[answer.refuses]}"
    else:
        expects = "the approval is resolved; nobody is there to take the answer, so the server notes that it failed"
    return Step(
        action=Action.DECLINE,
        says=f"{answer.does} request {request_id}" + (", if it is still open then" if choice.stops else ""),
        expects=expects,
        risk="the server accepts it and does not carry it out (its command queue is blocked)",
        then="it is reported as not confirmed; no second command is sent",
        about={"requestId": request_id} if answer == DECLINED else {"requestId": request_id, "decision": answer.decision},
    )


_GOES_ON: Final = {True: "without what it asked for", False: "with what it asked for"}


_UNARCHIVE: Final = Step(
    action=Action.UNARCHIVE,
    says="take the thread out of the archive",
    expects="the server's API reaches the thread",
    risk="the command is refused",
    then="nothing else is sent",
)
_ARCHIVE: Final = Step(
    action=Action.ARCHIVE,
    says="archive the thread again, also if what was asked failed",
    expects="the thread is archived as before",
    risk="the command is refused, or the run is cut off before it",
    then="the journal shows the thread as still to be archived, and so does every later plan for it",
)


def _risks(choice: Choice, case: Situation) -> tuple[str, ...]:
    if choice.decision is not Decision.ACT:
        return ()
    risks = []
    finding = choice.finding
    if choice.stops and finding is not None and finding.confidence is not Confidence.CERTAIN:
        risks.append(
            f"{finding.code} is only {finding.confidence}: if the provider does work after all, its turn is cut off"
        )
    if case.kind == "stop" and finding is None and case.seen.session and case.seen.session.live:
        risks.append("the session works: its turn is cut off")
    provider = (case.seen.session and case.seen.session.provider) or None
    if choice.stops and case.traits.stop_forgets and provider in (None, *remedies.FORGETFUL_PROVIDERS):
        risks.append(remedies.FORGETS_WHEN_STOPPED)
    if case.seen.pending_start:
        risks.append(remedies.MESSAGE_WAITS)
    session = case.seen.session
    if choice.declines and not choice.stops and not choice.delivered and session is not None and not session.stopped:
        risks.append(remedies.RESUMED_FOR_ANSWER)
    return tuple(risks)
