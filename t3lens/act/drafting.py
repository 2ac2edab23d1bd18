"""What plans of both data models have in common: what was seen, what must still be so then, and the wait for a restart."""

from __future__ import annotations

import uuid
from typing import Final, Protocol

from t3lens.act.answer import Answer
from t3lens.act.command_line import command_line
from t3lens.act.plan import Action, Decision, Expected, Kind, Plan, Precondition, Step
from t3lens.act.queue_change import Queued
from t3lens.act.target import Belief, NewestEvent, Scope, Sighting, Target
from t3lens.domain.finding import Finding
from t3lens.t3code.home_layout import SERVER_RUNTIME
from t3lens.time import Micros

__all__ = ["AWAIT_RESTART", "ChosenAction", "draft"]

_UNTOUCHED: Final = (
    "other threads",
    "messages, checkpoints, files and git",
    "the provider's own conversation",
    "T3 Code's files: t3lens writes nothing there",
)

AWAIT_RESTART: Final = Step(
    action=Action.AWAIT_RESTART,
    says="wait until a person has restarted the T3 Code server",
    expects=f"a later start in {SERVER_RUNTIME}, and an answer",
    risk="the server does not come back",
    then="nothing is sent",
)


class ChosenAction(Protocol):
    """What the rules of a data model decided."""

    @property
    def decision(self) -> Decision:
        """What to do."""

    @property
    def because(self) -> tuple[str, ...]:
        """Why, the deciding sentence first."""

    @property
    def finding(self) -> Finding | None:
        """The finding it rests on, if it rests on one."""

    @property
    def advice(self) -> tuple[str, ...]:
        """What a person can do instead, or next."""


def draft(
    kind: Kind,
    choice: ChosenAction,
    *,
    target: Target,
    belief: Belief,
    seen: Sighting,
    scope: Scope,
    steps: tuple[Step, ...],
    expected: Expected,
    requests: tuple[str, ...],
    queue: tuple[str, ...] | None = None,
    risks: tuple[str, ...],
    request_id: str | None,
    answer: Answer | None,
    queued: Queued | None,
    made_at: Micros | None,
) -> Plan:
    """The plan for a choice.

    Args:
        kind: What was asked for.
        choice: What the rules decided.
        target: The thread.
        belief: What the diagnosis concluded.
        seen: A fresh look.
        scope: Which newer events end the plan.
        steps: What is done.
        expected: What proves that it worked.
        requests: The open requests it answers.
        queue: What is queued, where it must be the same then; see ``Precondition``.
        risks: What a person should know before confirming.
        request_id: The one request it was asked for.
        answer: What is answered.
        queued: What was asked for of a queued message.
        made_at: The moment; the look's by default.
    """
    session = seen.session
    return Plan(
        plan_id=f"plan-{uuid.uuid4()}",
        kind=kind,
        decision=choice.decision,
        target=target,
        because=choice.because,
        finding=choice.finding,
        belief=belief,
        seen=seen,
        steps=steps,
        expected=expected,
        precondition=Precondition(
            status=session.status if session else None,
            active_turn_id=session.active_turn_id if session else None,
            scope=scope,
            mark=seen.marks.get(scope, NewestEvent()),
            archived=seen.archived,
            server_started_at=seen.server_started_at or belief.server_started_at,
            requests=requests,
            queue=queue,
        ),
        untouched=_UNTOUCHED if choice.decision is Decision.ACT else (),
        risks=risks,
        advice=choice.advice,
        request_id=request_id,
        answer=answer if kind == "answer" else None,
        queued=queued,
        command_line=command_line(kind, target, request_id=request_id, answer=answer, queued=queued),
        made_at=seen.at if made_at is None else made_at,
    )
