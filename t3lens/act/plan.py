"""A plan: what would be done about one thread, why, and on what that rests. Data only; nothing here sends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any, Final, Literal

import msgspec

from t3lens.act.answer import Answer
from t3lens.act.masking import Masking
from t3lens.act.plan_view import age, evidence_line, html_of, in_python, python_line, text_of
from t3lens.act.queue_change import Queued, QueueKind
from t3lens.act.target import Belief, NewestEvent, Scope, Sighting, Target
from t3lens.domain.finding import Confidence, Finding
from t3lens.t3code.v1 import wire
from t3lens.t3code.v2 import words
from t3lens.time import Micros, iso

__all__ = ["OWN_COMMAND", "Action", "Decision", "Expected", "Kind", "Plan", "Precondition", "Step"]

Kind = Literal["stop", "reconcile", "decline", "answer", "resume-queue"] | QueueKind
"""What is asked for: end the session, bring the thread back, answer what it asks (or say no), let its queue go on, or
change one message in it."""

_NEXT: Final = "Instead or next"
_COMMAND_LINE: Final = "Command line"

OWN_COMMAND: Final = "t3lens-"
"""How the ids of our commands begin."""

_EVIDENCE: Final = 4


class Decision(StrEnum):
    """What a plan comes to."""

    ACT = "act"
    NOTHING = "nothing"
    REFUSE = "refuse"
    RESTART = "restart-server"
    START = "start-server"


_HEADLINES: Final = {
    Decision.ACT: "would act",
    Decision.NOTHING: "nothing to do",
    Decision.REFUSE: "refused",
    Decision.RESTART: "needs a restart of the server",
    Decision.START: "needs the server to be started",
}


class Action(StrEnum):
    """One step of a plan: a command of the server's API, or a wait."""

    UNARCHIVE = wire.UNARCHIVE
    STOP = wire.STOP
    ARCHIVE = wire.ARCHIVE
    INTERRUPT = words.RUN_INTERRUPT
    DETACH = words.SESSION_DETACH
    RESPOND = words.RESPOND
    RESUME_QUEUE = words.QUEUE_RESUME
    CANCEL_QUEUED = words.QUEUED_RUN_CANCEL
    MOVE_QUEUED = words.QUEUED_RUN_REORDER
    EDIT_QUEUED = words.QUEUED_RUN_EDIT
    PROMOTE_QUEUED = words.QUEUED_PROMOTE
    DECLINE = wire.RESPOND
    AWAIT_RESTART = "await-restart"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is done.

    Attributes:
        action: What is sent, or waited for.
        says: The same in words.
        expects: What it is expected to change.
        risk: What could go wrong,
        then: and what is then done.
        about: What the command names beside the thread (a run, a session, a question and its answer), as it is sent.
    """

    action: Action
    says: str
    expects: str
    risk: str
    then: str
    about: dict[str, Any] = {}


class Precondition(msgspec.Struct, frozen=True, kw_only=True):
    """What must still be so when the plan is carried out.

    Attributes:
        status: Stored session status.
        active_turn_id: Stored active turn.
        scope: Which newer events end the plan.
        mark: The newest of them now.
        archived: Whether the thread is archived.
        server_started_at: Start of the server, microseconds UTC.
        requests: Open requests that the plan declines.
        queue: What was queued, in order, with what tells their texts apart; None where it does not matter.
    """

    status: str | None
    active_turn_id: str | None
    scope: Scope
    mark: NewestEvent
    archived: bool = False
    server_started_at: Micros | None = None
    requests: tuple[str, ...] = ()
    queue: tuple[str, ...] | None = None

    def broken_by(self, seen: Sighting) -> str | None:
        """What is different in ``seen``, as a sentence; None if nothing is."""
        session = seen.session
        status = session.status if session else None
        active = session.active_turn_id if session else None
        if status != self.status:
            return f"the session was {self.status or 'absent'} and is {status or 'absent'}"
        if active != self.active_turn_id:
            return f"the active turn was {self.active_turn_id or 'none'} and is {active or 'none'}"
        if seen.deleted:
            return "the thread was deleted"
        if seen.archived != self.archived:
            return f"the thread {'is archived now' if seen.archived else 'is no longer archived'}"
        if _differs(seen.server_started_at, self.server_started_at):
            return "the server was started again"
        answered = [one for one in self.requests if seen.open_requests is not None and one not in seen.open_requests]
        if answered:
            return f"request {answered[0]} was answered"
        if self.queue is not None and seen.second is not None and seen.second.queue_marks != self.queue:
            return "the queue was changed"
        mark = seen.marks.get(self.scope, NewestEvent())
        if _differs(mark.sequence, self.mark.sequence):
            return f"the server stored a newer event of the thread (sequence {mark.sequence})"
        if _differs(mark.line, self.mark.line):
            return f"the provider log has a newer line of the thread ({_time_of(mark)})"
        return None


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What proves that the plan worked.

    Attributes:
        status: The session's status, where it is stopped; None where the session proves nothing.
        turns_settle: No turn is left running; builds before 0.0.28 leave it running for ever.
        delivered: A declined request's provider takes the answer; else nobody is there to take it.
    """

    status: str | None = "stopped"
    turns_settle: bool = True
    delivered: bool = False

    def holds(self, seen: Sighting) -> bool:
        """Whether every source that could be read says that the session is stopped."""
        if not seen.sessions or not all(session.stopped for session in seen.sessions):
            return False
        return not (self.turns_settle and seen.running_turns)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What would be done about one thread. Data only: ``execute`` carries it out.

    Attributes:
        plan_id: Its id, which the journal names.
        kind: What was asked for; see ``Kind``.
        decision: ``act``, or why there is nothing to send: ``nothing``, ``refuse``, ``restart-server``,
            ``start-server``.
        target: The thread.
        because: Why, the deciding sentence first.
        finding: The finding it rests on, if any, with its evidence.
        belief: What the diagnosis concluded.
        seen: What the sources said when the plan was made, and how new they were.
        steps: What is done, in order.
        expected: What proves that it worked.
        precondition: What must still be so then.
        untouched: What is not touched.
        risks: What a person should know before confirming.
        advice: What can be done instead, or next.
        request_id: The one request that is to be answered or declined; None for all that are open.
        answer: What an ``answer`` says.
        queued: Which queued message it is about, and what that is to become.
        command_line: The same on the command line.
        made_at: When, microseconds UTC.
    """

    plan_id: str
    kind: Kind
    decision: Decision
    target: Target
    because: tuple[str, ...]
    belief: Belief
    seen: Sighting
    precondition: Precondition
    steps: tuple[Step, ...] = ()
    finding: Finding | None = None
    expected: Expected = Expected()
    untouched: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    request_id: str | None = None
    answer: Answer | None = None
    queued: Queued | None = None
    command_line: str = ""
    made_at: Micros = 0

    @property
    def acts(self) -> bool:
        """Whether carrying it out would send anything."""
        return self.decision is Decision.ACT

    @property
    def stops(self) -> bool:
        """Whether it stops the session."""
        return any(step.action is Action.STOP for step in self.steps)

    @property
    def declines(self) -> tuple[str, ...]:
        """The requests it declines or answers, in order."""
        return tuple(str(step.about["requestId"]) for step in self.steps if step.action in (Action.DECLINE, Action.RESPOND))

    @property
    def confidence(self) -> Confidence | None:
        """How sure the finding is that it rests on."""
        return self.finding.confidence if self.finding else None

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON-ready data, secrets masked; times as ISO 8601 beside the microseconds."""
        data: dict[str, Any] = msgspec.to_builtins(self, str_keys=True)
        data = Masking(data).data(data)
        data["made_at_iso"] = iso(self.made_at)
        data["acts"] = self.acts
        return data

    def to_json(self) -> str:
        """``to_dict`` as text."""
        return msgspec.json.encode(self.to_dict()).decode()

    def __repr__(self) -> str:
        return text_of(f"Plan to {self.kind} ({_HEADLINES[self.decision]})", _masked_sections(self))

    def _repr_html_(self) -> str:
        return html_of(f"Plan to {self.kind}: {_HEADLINES[self.decision]}", [*_in_a_notebook(_masked_sections(self), self)])


_AS_IT_STANDS: Final = frozenset({"Target", "Evidence"})
"""Sections that quote what stands in a home."""


def _in_a_notebook(sections: Iterable[tuple[str, list[str]]], plan: Plan) -> Iterator[tuple[str, list[str]]]:
    """The sections with Python in place of what is for a command line."""
    for title, lines in sections:
        if title == _COMMAND_LINE:
            python = python_line(plan.kind, plan.target.thread_id)
            if python:
                yield "Line of Python", Masking(msgspec.to_builtins(plan, str_keys=True)).lines([python])
        else:
            yield title, lines if title in _AS_IT_STANDS else [in_python(line) for line in lines]


def _masked_sections(plan: Plan) -> list[tuple[str, list[str]]]:
    masking = Masking(msgspec.to_builtins(plan, str_keys=True))
    return [(title, masking.lines(lines)) for title, lines in _sections(plan)]


def _sections(plan: Plan) -> list[tuple[str, list[str]]]:
    target, session = plan.target, plan.seen.session
    stored = (
        f"stored as {session.status}, active turn {session.active_turn_id or 'none'}" if session else "no session stored"
    )
    belief = f"{plan.belief.verdict}"
    if plan.finding is not None:
        belief += f" by {plan.finding.code} ({plan.finding.severity}, {plan.finding.confidence})"
    sections = [
        (
            "Target",
            [
                f"thread {target.thread_id}{f' — {target.title}' if target.title else ''}",
                f"home {target.home_path}",
                stored,
            ],
        ),
        ("Why", list(plan.because)),
        ("Believed", [belief]),
    ]
    if plan.finding is not None and plan.finding.evidence:
        sections.append(("Evidence", [evidence_line(e) for e in plan.finding.evidence[:_EVIDENCE]]))
    fresh = []
    for source in plan.seen.sources:
        newest = (
            f"newest word {iso(source.newest_at)}, {age(source.newest_at, source.read_at)}"
            if source.newest_at is not None
            else "nothing about this thread"
        )
        fresh.append(f"{source.source}: read {iso(source.read_at)}; {newest}")
    sections.append(("How new", fresh))
    for number, step in enumerate(plan.steps, 1):
        sections.append(
            (
                f"Step {number}: {step.action}",
                [
                    step.says,
                    f"expected: {step.expects}",
                    f"could go wrong: {step.risk}",
                    f"then: {step.then}",
                ],
            )
        )
    sections += [
        ("Know before", list(plan.risks)),
        ("Not touched", list(plan.untouched)),
        (_NEXT, list(plan.advice)),
        (_COMMAND_LINE, [plan.command_line]),
    ]
    return [(title, lines) for title, lines in sections if lines]


def _differs(now: object, then: object) -> bool:
    """A source that cannot be read this time says nothing about change; one that newly can does."""
    return now is not None and now != then


def _time_of(mark: NewestEvent) -> str:
    return mark.line.partition("@")[0] if mark.line else "none"
