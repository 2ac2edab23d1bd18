"""A plan: what would be done about one thread, why, and on what that rests. Making one sends nothing."""

from __future__ import annotations

import shlex
import uuid
from enum import StrEnum
from typing import Any, Final

import msgspec

from t3lens.act.choice import Case, Choice, Decision, Kind, choose, watch_scope
from t3lens.act.target import Belief, Mark, Scope, Sighting, Target
from t3lens.domain.finding import Confidence, Finding
from t3lens.t3code.builds import Traits, build_of
from t3lens.t3code.native import opencode
from t3lens.time import Micros, iso

__all__ = [
    "Action",
    "Expected",
    "Plan",
    "Precondition",
    "Step",
    "make_plan",
    "make_reconcile_plan",
    "make_stop_plan",
]


class Action(StrEnum):
    """One step of a plan: a command of the server's API, or a wait."""

    UNARCHIVE = "thread.unarchive"
    STOP = "thread.session.stop"
    ARCHIVE = "thread.archive"
    AWAIT_RESTART = "await-restart"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is done.

    Attributes:
        action: What is sent, or waited for.
        says: In words.
        expects: What it is expected to change.
        risk: What could go wrong,
        then: and what is then done.
    """

    action: Action
    says: str
    expects: str
    risk: str
    then: str


class Precondition(msgspec.Struct, frozen=True, kw_only=True):
    """What must still be so when the plan is carried out.

    Attributes:
        status: Stored session status.
        active_turn_id: Stored active turn.
        scope: Which newer events end the plan.
        mark: The newest of them now.
        archived: Whether the thread is archived.
        server_started_at: Start of the server, microseconds UTC.
    """

    status: str | None
    active_turn_id: str | None
    scope: Scope
    mark: Mark
    archived: bool = False
    server_started_at: Micros | None = None

    def broken_by(self, seen: Sighting) -> str | None:
        """What is different in ``seen``, as a sentence; None if nothing is."""
        session = seen.session
        status = session.status if session else None
        active = session.active_turn_id if session else None
        if status != self.status:
            return f"the session was {self.status} and is {status}"
        if active != self.active_turn_id:
            return f"the active turn was {self.active_turn_id} and is {active}"
        if seen.deleted:
            return "the thread was deleted"
        if seen.archived != self.archived:
            return f"the thread {'is archived now' if seen.archived else 'is no longer archived'}"
        if _differs(seen.server_started_at, self.server_started_at):
            return "the server was started again"
        mark = seen.marks.get(self.scope, Mark())
        if _differs(mark.sequence, self.mark.sequence):
            return f"the server stored a newer event of the thread (sequence {mark.sequence})"
        if _differs(mark.line, self.mark.line):
            return f"the provider log has a newer line of the thread ({_time_of(mark)})"
        return None


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What proves that the plan worked.

    Attributes:
        status: The session's status.
        turns_settle: No turn is left running; builds before 0.0.28 leave it running for ever.
    """

    status: str = "stopped"
    turns_settle: bool = True

    def holds(self, seen: Sighting) -> bool:
        """Whether every source that could be read says so."""
        if not seen.sessions or not all(session.stopped for session in seen.sessions):
            return False
        return not (self.turns_settle and seen.running_turns)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What would be done about one thread. Data only: ``execute`` carries it out.

    Attributes:
        plan_id: Its id, which the journal names.
        kind: ``stop`` or ``reconcile``.
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
    command_line: str = ""
    made_at: Micros = 0

    @property
    def acts(self) -> bool:
        """Whether carrying it out would send anything."""
        return self.decision is Decision.ACT

    @property
    def confidence(self) -> Confidence | None:
        """How sure the finding is that it rests on."""
        return self.finding.confidence if self.finding else None

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON-ready data; times as ISO 8601 beside the microseconds."""
        data: dict[str, Any] = msgspec.to_builtins(self, str_keys=True)
        data["made_at_iso"] = iso(self.made_at)
        data["acts"] = self.acts
        return data

    def to_json(self) -> str:
        """``to_dict`` as text."""
        return msgspec.json.encode(self.to_dict()).decode()

    def __repr__(self) -> str:
        from t3lens.act.plan_view import plan_text

        return plan_text(self)

    def _repr_html_(self) -> str:
        from t3lens.act.plan_view import plan_html

        return plan_html(self)


_UNTOUCHED: Final = (
    "other threads",
    "messages, checkpoints, files and git",
    "the provider's own conversation",
    "T3 Code's files: t3lens writes nothing there",
)


def make_stop_plan(
    *, target: Target, belief: Belief, seen: Sighting, made_at: Micros | None = None
) -> Plan:
    """A plan to stop the thread's session because a person wants it, whatever the findings say.

    Args:
        target: The thread.
        belief: What the diagnosis concluded.
        seen: A fresh look (``t3lens.act.observe``).
        made_at: The moment; the look's by default.
    """
    return make_plan("stop", target=target, belief=belief, seen=seen, made_at=made_at)


def make_reconcile_plan(
    *, target: Target, belief: Belief, seen: Sighting, made_at: Micros | None = None
) -> Plan:
    """A plan to bring what is stored into agreement with what is true, by the least harmful sanctioned step.

    Args:
        target: The thread.
        belief: What the diagnosis concluded.
        seen: A fresh look (``t3lens.act.observe``).
        made_at: The moment; the look's by default.
    """
    return make_plan("reconcile", target=target, belief=belief, seen=seen, made_at=made_at)


def make_plan(
    kind: Kind, *, target: Target, belief: Belief, seen: Sighting, made_at: Micros | None = None
) -> Plan:
    """The plan of this kind; see ``make_stop_plan`` and ``make_reconcile_plan``."""
    traits = build_of(
        version=seen.server_version or belief.server_version,
        migrations=belief.migrations,
        believed=belief.rules,
    ).traits
    case = Case(kind=kind, belief=belief, seen=seen, traits=traits)
    choice = choose(case)
    scope = watch_scope(case)
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
        steps=_steps(choice, seen, traits),
        expected=Expected(turns_settle=traits.stop_settles_turn),
        precondition=Precondition(
            status=session.status if session else None,
            active_turn_id=session.active_turn_id if session else None,
            scope=scope,
            mark=seen.marks.get(scope, Mark()),
            archived=seen.archived,
            server_started_at=seen.server_started_at or belief.server_started_at,
        ),
        untouched=_UNTOUCHED if choice.decision is Decision.ACT else (),
        risks=_risks(choice, case),
        advice=choice.advice,
        command_line=f"t3lens {kind} {shlex.quote(target.thread_id)} {shlex.quote(target.home_path)}",
        made_at=seen.at if made_at is None else made_at,
    )


def _steps(choice: Choice, seen: Sighting, traits: Traits) -> tuple[Step, ...]:
    if choice.decision is Decision.RESTART:
        return (_AWAIT_RESTART,)
    if choice.decision is not Decision.ACT:
        return ()
    stop = _stop_step(seen, traits)
    return (_UNARCHIVE, stop, _ARCHIVE) if seen.archived else (stop,)


def _stop_step(seen: Sighting, traits: Traits) -> Step:
    active = seen.session.active_turn_id if seen.session else None
    turn = f"turn {active}" if active else "any turn that still runs"
    if traits.stop_settles_turn:
        becomes = f"{turn} becomes interrupted (or what its provider says last)"
    else:
        becomes = f"{turn} stays stored as running: this build settles no turn by a stop"
    return Step(
        action=Action.STOP,
        says="stop the provider session",
        expects=f"session stopped without an active turn, runtime binding stopped; {becomes}",
        risk="the server accepts it and does not carry it out (its command queue is blocked, or the stop fails)",
        then="it is reported as not confirmed, or as failed with the server's reason; no second command is sent",
    )


_UNARCHIVE: Final = Step(
    action=Action.UNARCHIVE,
    says="take the thread out of the archive",
    expects="the server's API reaches the thread",
    risk="the command is refused",
    then="nothing else is sent",
)
_ARCHIVE: Final = Step(
    action=Action.ARCHIVE,
    says="archive the thread again, also if the stop failed",
    expects="the thread is archived as before",
    risk="the command is refused, or the run is cut off before it",
    then="the journal shows the thread as still to be archived, and so does every later plan for it",
)
_AWAIT_RESTART: Final = Step(
    action=Action.AWAIT_RESTART,
    says="wait until a person has restarted the T3 Code server",
    expects="a later start in server-runtime.json, and an answer",
    risk="the server does not come back",
    then="nothing is sent",
)


def _risks(choice: Choice, case: Case) -> tuple[str, ...]:
    if choice.decision is not Decision.ACT:
        return ()
    risks = []
    finding = choice.finding
    if finding is not None and finding.confidence is not Confidence.CERTAIN:
        risks.append(
            f"{finding.code} is only {finding.confidence}: if the provider does work after all,"
            " its turn is cut off"
        )
    if case.kind == "stop" and finding is None and case.seen.session and case.seen.session.live:
        risks.append("the session works: its turn is cut off")
    provider = (case.seen.session and case.seen.session.provider) or None
    if case.traits.stop_forgets and provider in (None, opencode.DRIVER):
        risks.append("on this build OpenCode has forgotten the conversation after a stop")
    if case.seen.pending_start:
        risks.append("a message waits that nobody will answer: send it again afterwards")
    if case.seen.open_requests:
        risks.append("an open approval is not answered by this; the next message may ask again")
    return tuple(risks)


def _differs(now: object, then: object) -> bool:
    """A source that cannot be read this time says nothing about change; one that newly can does."""
    return now is not None and now != then


def _time_of(mark: Mark) -> str:
    return mark.line.partition("@")[0] if mark.line else "none"
