"""Which step brings a thread back: the rules in order, the first that applies decides.

They follow the lifecycle rules R11 and R12: a live session is left alone, one that is gone is stopped, and if it
cannot be told nothing is changed. An interrupt is never sent first, and nothing is sent to a blocked queue. A stop leaves
approvals open; those whose asker is gone are declined after it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from t3lens.act.answer import DECLINED, Answer
from t3lens.act.plan import Decision, Kind
from t3lens.act.queue_change import QUEUE_KINDS
from t3lens.act.target import Belief, Scope, Sighting
from t3lens.domain.finding import Finding, Verdict
from t3lens.t3code.builds import Traits
from t3lens.t3code.home_layout import STATE_SQLITE
from t3lens.t3code.v1 import remedies

__all__ = ["Choice", "Situation", "choose", "stalled", "watch_scope"]


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """All that the choice rests on.

    Attributes:
        kind: What was asked for.
        belief: What the diagnosis concluded.
        seen: What the sources say now.
        traits: What the server's build does.
        request_id: The request that is to be declined; None for all.
        answer: What is answered.
    """

    kind: Kind
    belief: Belief
    seen: Sighting
    traits: Traits
    request_id: str | None = None
    answer: Answer | None = None

    @property
    def open(self) -> tuple[str, ...]:
        """Approvals that are open now."""
        return self.seen.open_requests or ()

    @property
    def dead(self) -> tuple[str, ...]:
        """Those among them whose asker is gone."""
        return tuple(request for request in self.open if request in self.belief.dead_requests)

    @property
    def stoppable(self) -> bool:
        """Whether a stop would have something to end, and reach it."""
        unbound = self.traits.stop_needs_binding and self.seen.binding_read and self.seen.binding is None
        return not unbound and not all(session.stopped for session in self.seen.sessions)


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The decision, and why.

    Attributes:
        decision: What to do.
        because: Plain sentences, the deciding one first.
        finding: The finding it rests on, if it rests on one.
        advice: What a person can do instead, or next.
        stops: If it acts: the session is stopped (first).
        declines: If it acts: the requests that are declined (then).
        delivered: The provider of a declined request lives, and takes the answer.
    """

    decision: Decision
    because: tuple[str, ...]
    finding: Finding | None = None
    advice: tuple[str, ...] = ()
    stops: bool = True
    declines: tuple[str, ...] = ()
    delivered: bool = False


_QUEUE_CODES: Final = ("command-queue-stalled", "ingestion-stalled")
_REMAINS_WHEN_SETTLED: Final = (
    "request-on-dead-session",
    "answer-not-delivered",
    "pending-turn-abandoned",
    "stop-without-effect",
)
"""Findings that make a thread stuck although its session is over."""


def choose(case: Situation) -> Choice:
    """What to do about the thread."""
    for rule in _RULES:
        choice = rule(case)
        if choice is not None:
            return choice
    raise AssertionError("the last rule always applies")


def watch_scope(case: Situation) -> Scope:
    """Which events mean that the thread moved on since the plan."""
    verdict = case.belief.verdict
    if case.kind != "reconcile" and verdict not in (Verdict.STUCK, Verdict.DIVERGED):
        return Scope.LIFECYCLE
    primary = _stuck_by(case.belief)
    return Scope.PROGRESS if primary is not None and primary.code == "retry-loop" else Scope.ANY


def stalled(case: Situation) -> Finding | None:
    """The finding that says that the server's command queue does not move, if one does.

    An interrupt or a stop that had no effect counts: it is the very command that blocks, or one behind it. Not so
    a stop that the server could not carry out anyway, because the thread is archived or has no runtime binding.
    """
    found = case.belief.finding(*_QUEUE_CODES)
    if found is not None:
        return found
    found = case.belief.finding("interrupt-without-effect")
    if found is not None:
        return found
    found = case.belief.finding("stop-without-effect")
    if found is None or case.seen.archived or (case.seen.binding_read and not case.seen.binding):
        return None
    return found


def _stuck_by(belief: Belief) -> Finding | None:
    return next((f for f in belief.findings if f.makes is Verdict.STUCK), None)


# --- the rules, in order --------------------------------------------------------------------------------------


def _not_judged(case: Situation) -> Choice | None:
    if case.belief.cannot_judge is None:
        return None
    return Choice(
        decision=Decision.REFUSE,
        because=(f"nothing is done to this home: {case.belief.cannot_judge}",),
        advice=("act on the thread in T3 Code itself",),
    )


def _not_found(case: Situation) -> Choice | None:
    if case.seen.found:
        return None
    return Choice(
        decision=Decision.REFUSE,
        because=(f"neither the server nor {STATE_SQLITE} knows this thread",),
        advice=("read the home again, and check the thread id",),
    )


def _deleted(case: Situation) -> Choice | None:
    if not case.seen.deleted:
        return None
    return Choice(
        decision=Decision.NOTHING,
        because=("the thread is deleted: the server's API reaches it no more, and its rows harm nothing",),
        finding=case.belief.finding("ghost-rows"),
        advice=("its rows can be settled with --offline while the server does not run",),
    )


def _damaged(case: Situation) -> Choice | None:
    finding = case.belief.finding("database-corrupt")
    if finding is None:
        return None
    return Choice(
        decision=Decision.REFUSE,
        because=(f"{STATE_SQLITE} is damaged: no command makes that better",),
        finding=finding,
        advice=("stop the server, keep a copy, and restore a backup",),
    )


def _already_settled(case: Situation) -> Choice | None:
    """Nothing to do: what is stored is settled already, and nothing is left of what made it stuck."""
    seen, belief = case.seen, case.belief
    sessions = seen.sessions
    if case.kind == "stop":
        if all(session.stopped for session in sessions):
            said = "the session is stopped already" if sessions else "the thread has no session"
            left_open = (f"an approval is open still: {remedies.DECLINE}",) if case.open else ()
            return Choice(decision=Decision.NOTHING, because=(said,), advice=left_open)
        return None
    if case.kind in ("decline", "answer"):
        return _nothing_to_answer(case)
    if case.dead or not seen.settled or (belief.verdict is Verdict.STUCK and belief.finding(*_QUEUE_CODES)):
        return None
    refused = belief.finding("dangling-resume-cursor")
    if refused is not None:
        return Choice(
            decision=Decision.NOTHING,
            because=("the session is over, and no command of the server makes its starts succeed", refused.summary),
            finding=refused,
            advice=(remedies.STARTS_FAIL,),
        )
    left = belief.finding(*_REMAINS_WHEN_SETTLED)
    if left is not None and left.code == "pending-turn-abandoned" and not seen.pending_start:
        left = None  # its row is gone since
    if left is not None and sessions and not all(session.stopped for session in sessions):
        if left.code != "pending-turn-abandoned" or case.traits.stop_drops_pending:
            return None
        return Choice(
            decision=Decision.NOTHING,
            because=(f"{left.summary}: this build's stop leaves that row, and the session is over anyway",),
            finding=left,
            advice=(remedies.SEND_AGAIN,),
        )
    if left is not None:
        question = left.code == "request-on-dead-session"  # an approval would be declined
        return Choice(
            decision=Decision.NOTHING,
            because=(
                "the session is over already; what is left of it no command of the server removes",
                left.summary,
            ),
            finding=left,
            advice=(remedies.QUESTION_STAYS if question else remedies.NEW_MESSAGE,),
        )
    diverged = next((f for f in belief.findings if f.makes is Verdict.DIVERGED), None)
    if diverged is not None:
        return Choice(
            decision=Decision.NOTHING,
            because=(
                "the session is over and nothing blocks; what is stored untruly no command of the server corrects",
                diverged.summary,
            ),
            finding=diverged,
            advice=(remedies.NOTHING_BLOCKS,),
        )
    status = seen.session.status if seen.session else None
    said = f"the session is {status} and holds no turn" if status else "the thread has no session"
    healed = belief.verdict is Verdict.STUCK
    return Choice(
        decision=Decision.NOTHING,
        because=(f"{said}{' by now' if healed else ''}: there is nothing to bring back",),
        advice=(remedies.NEW_MESSAGE,),
    )


def _no_queue(case: Situation) -> Choice | None:
    if case.kind not in ("resume-queue", *QUEUE_KINDS):
        return None
    return Choice(decision=Decision.NOTHING, because=("the first data model has no queue of messages",))


def _nothing_to_answer(case: Situation) -> Choice | None:
    if case.answer is not None and case.answer.decision is None:
        return Choice(
            decision=Decision.REFUSE,
            because=("no question of this data model was seen answered by a client, only approvals",),
            advice=("answer it in T3 Code",),
        )
    if case.seen.open_requests is None:
        return Choice(
            decision=Decision.REFUSE,
            because=(f"which approvals are open cannot be read, neither in {STATE_SQLITE} nor from the server",),
            advice=("answer it in T3 Code",),
        )
    question = case.belief.finding("waiting-for-user", "request-on-dead-session")
    if case.request_id is not None and case.request_id not in case.open:
        said = f"request {case.request_id} is no open approval of this thread"
    elif not case.open:
        said = "no approval of this thread is open"
    else:
        return None
    # an answer to a request that is not there would make a row of its own
    advice = ("a question is not declined: answer it in T3 Code, or stop the session (t3lens stop)",) if question else ()
    return Choice(decision=Decision.NOTHING, because=(said,), finding=question, advice=advice)


def _queue(case: Situation) -> Choice | None:
    finding = stalled(case)
    if finding is None or case.belief.server != "alive":
        return None
    started = case.seen.server_started_at or case.belief.server_started_at
    if finding.since is not None and started is not None and finding.since < started:
        return None  # the server was restarted since: its queue is a new one
    return Choice(
        decision=Decision.RESTART,
        because=(
            "the server's command queue, one for all threads, does not move: a further command would be stored"
            " and not carried out",
            finding.summary,
        ),
        finding=finding,
        advice=remedies.RESTART_ADVICE,
    )


def _no_server(case: Situation) -> Choice | None:
    belief = case.belief
    if belief.server != "dead":
        return None
    healing = remedies.healed_by_start(reconciles=case.traits.reconciles_at_start, asks=bool(case.dead))
    return Choice(
        decision=Decision.START,
        because=(f"no server runs for this home ({belief.server_why or 'not alive'})",),
        finding=_stuck_by(belief),
        advice=(healing, *_offline(case)),
    )


def _offline(case: Situation) -> tuple[str, ...]:
    """What a repair of the database can do of it."""
    if not case.dead:
        return ("or settle it without a server: --offline (with a backup and an undo)",)
    if case.seen.settled:
        return ()
    return ("or settle its session without a server: --offline (with a backup and an undo); its approval stays open",)


def _server_unknown(case: Situation) -> Choice | None:
    belief = case.belief
    if belief.server == "alive":
        return None
    return Choice(
        decision=Decision.REFUSE,
        because=(
            "whether this home's server is alive cannot be told, so nothing is changed"
            f" ({belief.server_why or 'no sign either way'})",
        ),
        advice=("give the server's address (url=, --url), or start T3 Code with this home",),
    )


def _unreachable_binding(case: Situation) -> Choice | None:
    seen, traits = case.seen, case.traits
    if not (traits.stop_needs_binding and seen.binding_read and seen.binding is None):
        return None
    if seen.session is None:
        return None
    return Choice(
        decision=Decision.REFUSE,
        because=(remedies.UNBOUND,),
        finding=_stuck_by(case.belief),
        advice=("settle it with --offline, while no server runs", "or send a message, which binds the thread again"),
    )


def _person_asks(case: Situation) -> Choice | None:
    """A stop that a person asks for needs no finding: a working session may be stopped."""
    if case.kind != "stop":
        return None
    session = case.seen.session
    status = session.status if session else "absent"
    return Choice(
        decision=Decision.ACT,
        because=(f"a stop is asked for; the session is stored as {status}",),
        finding=_stuck_by(case.belief),
        declines=case.open,
    )


def _person_declines(case: Situation) -> Choice | None:
    """A person says no, to a provider that waits or to one that is gone.

    Where the thread is stuck its session is stopped first: an answer would resume a provider that is gone, and one
    that hangs would never take it and block the queue.
    """
    if case.kind not in ("decline", "answer"):
        return None
    asked = case.open if case.request_id is None else (case.request_id,)
    stuck = case.belief.verdict is Verdict.STUCK
    answer = case.answer or DECLINED
    what = f"request {asked[0]}" if len(asked) == 1 else f"{len(asked)} requests"
    said = f"that {what} be {answer.words} is asked for"
    if not set(asked) & set(case.belief.dead_requests) and not stuck:
        return Choice(decision=Decision.ACT, because=(said,), stops=False, declines=asked, delivered=True)
    if not answer.refuses:
        return Choice(
            decision=Decision.REFUSE,
            because=(f"nobody waits for the answer (verdict {case.belief.verdict})",),
            finding=case.belief.finding("request-on-dead-session") or _stuck_by(case.belief),
            advice=("decline it (t3lens decline), or stop the session (t3lens stop)",),
        )
    return Choice(
        decision=Decision.ACT,
        because=(said, f"nobody waits for the answer (verdict {case.belief.verdict})"),
        finding=case.belief.finding("request-on-dead-session") or _stuck_by(case.belief),
        stops=stuck and case.stoppable,
        declines=asked,
    )


def _dead_request(case: Situation) -> Choice | None:
    """An approval whose asker is gone is declined; a session that is not stopped would be resumed for the answer."""
    finding = case.belief.finding("request-on-dead-session")
    stuck = case.belief.verdict is Verdict.STUCK
    if finding is None or not case.dead or not (stuck or case.belief.verdict is Verdict.DIVERGED):
        return None
    if stuck and not case.stoppable and not case.seen.settled:
        return None  # its session is live and no stop reaches it
    return Choice(
        decision=Decision.ACT,
        because=tuple(dict.fromkeys(one.summary for one in (_stuck_by(case.belief), finding) if one is not None)),
        finding=_stuck_by(case.belief) or finding,
        stops=stuck and case.stoppable,
        declines=case.open if stuck and case.stoppable else case.dead,
    )


def _truth_unknown(case: Situation) -> Choice | None:
    if case.belief.verdict is not Verdict.UNKNOWN:
        return None
    return Choice(
        decision=Decision.REFUSE,
        because=("too little is known to tell whether the session is live, so nothing is changed",),
        advice=(
            f"the provider log and {STATE_SQLITE} of the home together would settle it",
            "if you know better: stop the session (t3lens stop)",
        ),
    )


def _alive_and_well(case: Situation) -> Choice | None:
    verdict = case.belief.verdict
    if verdict is Verdict.WORKING:
        return Choice(
            decision=Decision.REFUSE,
            because=("its provider works: a live session is left alone",),
            advice=("wait, or stop it on purpose (t3lens stop)",),
        )
    unseen = case.belief.finding("request-unseen")
    if verdict is Verdict.WAITING and unseen is not None:
        return Choice(
            decision=Decision.REFUSE,
            because=("it waits for a person whom T3 Code does not ask: a live session is left alone", unseen.summary),
            finding=unseen,
            advice=("decline it (t3lens decline), or stop the session (t3lens stop)",),
        )
    if verdict is Verdict.WAITING:
        return Choice(
            decision=Decision.REFUSE,
            because=("it waits for a person: a live session is left alone",),
            finding=case.belief.finding("waiting-for-user"),
            advice=("answer its question in T3 Code, decline it (t3lens decline), or stop it on purpose (t3lens stop)",),
        )
    return None


def _stuck(case: Situation) -> Choice | None:
    finding = _stuck_by(case.belief)
    if finding is None:
        finding = case.belief.finding("inactive-with-active-turn")
    if finding is None:
        return None
    # a stop leaves open what was asked, and ends who asked
    return Choice(decision=Decision.ACT, because=(finding.summary,), finding=finding, declines=case.open)


def _no_reason(case: Situation) -> Choice:
    session = case.seen.session
    if session is None or not session.live:
        return Choice(
            decision=Decision.NOTHING,
            because=("the session is not live, and nothing shows that a stop would help",),
            advice=(remedies.NEW_MESSAGE,),
        )
    return Choice(
        decision=Decision.REFUSE,
        because=(f"the session is live and nothing shows that it is stuck (verdict {case.belief.verdict})",),
        advice=("read the home again; if you know better, stop it on purpose (t3lens stop)",),
    )


_RULES: Final[tuple[Callable[[Situation], Choice | None], ...]] = (
    _not_judged,
    _not_found,
    _deleted,
    _damaged,
    _no_queue,
    _already_settled,
    _queue,
    _no_server,
    _server_unknown,
    _person_declines,
    _dead_request,
    _unreachable_binding,
    _person_asks,
    _truth_unknown,
    _alive_and_well,
    _stuck,
    _no_reason,
)
