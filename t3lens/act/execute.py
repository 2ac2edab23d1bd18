"""Carrying a plan out: confirm, journal, look again, send once, read back, journal.

Whatever happens on the way, the journal has the intent before anything is sent and the outcome afterwards, and no
outcome claims more than was read back.
"""

from __future__ import annotations

import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from msgspec.structs import replace

from t3lens.act.connect import Connection
from t3lens.act.errors import Interrupted
from t3lens.act.journal import Journal, JournalError
from t3lens.act.observe import observe, server_started_at
from t3lens.act.plan import Action, Decision, Plan, Step
from t3lens.act.planning import make_plan
from t3lens.act.result import Outcome, Progress, Result, target_fields
from t3lens.act.send import SendEnd, SentCommand, send
from t3lens.act.server import Server
from t3lens.act.target import Belief, Sighting
from t3lens.act.unattended import require_actions
from t3lens.act.v2.verify import verify
from t3lens.act.verify import Observed, Timing, await_state, verify_decline, verify_stop
from t3lens.domain.finding import Confidence, Finding, Severity, Verdict
from t3lens.errors import ActionError, ConnectionFailed, Refused
from t3lens.t3code.data_model import DataModel
from t3lens.t3code.v2.remedies import SETTLES_WITHIN_S
from t3lens.time import iso, now

__all__ = ["Confirm", "execute"]

Confirm = bool | Callable[[Plan], bool] | None
"""``True``: confirmed in code. A callable is asked. None: a person is asked on the terminal."""

_TIMINGS: Final = {DataModel.V1: Timing(), DataModel.V2: Timing(poll=SETTLES_WITHIN_S)}

_DECISION_OUTCOMES: Final = {
    Decision.NOTHING: Outcome.ALREADY,
    Decision.REFUSE: Outcome.REFUSED,
    Decision.RESTART: Outcome.REFUSED,
    Decision.START: Outcome.REFUSED,
}


def execute(
    plan: Plan,
    *,
    connection: Connection,
    journal: Journal,
    confirm: Confirm = None,
    why: str = "",
    dry_run: bool = False,
    wait: bool = False,
    timing: Timing | None = None,
    on_step: Callable[[Progress], None] | None = None,
    replan: Callable[[], Plan] | None = None,
) -> Result:
    """Carry ``plan`` out, and say what became of it. No failure of the server or the network raises.

    Args:
        plan: From ``make_stop_plan``, ``make_reconcile_plan`` or ``make_decline_plan``.
        connection: To the server of the plan's home.
        journal: Where the action is written down.
        confirm: See ``Confirm``.
        why: A person's reason, for the journal.
        dry_run: Say what would be done; send and journal nothing.
        wait: If the plan needs a restart of the server: wait for it, then go on.
        timing: How long to wait for what; by the data model if not said.
        on_step: Told about everything that happens, as it happens.
        replan: Makes a new plan after a restart that was waited for; else the stored state alone decides.

    Returns:
        The envelope. ``applied`` is true only if the effect was read back.

    Raises:
        Interrupted: A person pressed Ctrl-C; its ``result`` and the journal say what is known.
        JournalError: The journal could not be written. Nothing is sent without an intent in it.
    """
    connection.speak(plan.target.model)
    run = _Run(plan, connection, journal, why, timing or _TIMINGS[plan.target.model], on_step)
    if dry_run:
        return run.dry()
    run.begin()
    try:
        try:
            result = run.go(confirm, wait, replan)
        except Refused as refusal:
            result = run.result(Outcome.REFUSED, str(refusal), code=refusal.code)
        except ActionError as error:
            result = run.failed(error)
    except KeyboardInterrupt:
        result = run.interrupted()
        run.end(result)
        raise Interrupted(f"{result.outcome}: {result.detail}", result) from None
    except JournalError as error:
        if not run.sent:
            raise
        result = run.result(Outcome.NOT_CONFIRMED, str(error), code=error.code)
    except BaseException as error:
        run.end(
            run.result(
                Outcome.NOT_CONFIRMED if run.sent else Outcome.FAILED,
                f"an unexpected error ended the action: {type(error).__name__}",
                code="internal",
            )
        )
        raise
    try:
        run.end(result)
    except JournalError as error:
        # what was done was done; losing the result as well would help nobody
        result = replace(result, detail=f"{result.detail}; but {error}")
    return result


class _Run:
    """One execution of one plan."""

    def __init__(
        self,
        plan: Plan,
        connection: Connection,
        journal: Journal,
        why: str,
        timing: Timing,
        on_step: Callable[[Progress], None] | None,
    ) -> None:
        self.plan = plan
        self.connection = connection
        self.journal = journal
        self.why = why
        self.timing = timing
        self.on_step = on_step
        self.action_id = f"act-{uuid.uuid4()}"
        self.before: Sighting = plan.seen
        self.last: Sighting | None = None
        self.sent = False
        self.to_archive = False

    # --- the frame ------------------------------------------------------------------------------------------

    def dry(self) -> Result:
        plan = self.plan
        if plan.acts:
            steps = ", then ".join(step.says for step in plan.steps)
            detail = f"nothing was sent; this would {steps}"
        else:
            detail = f"nothing was sent, and nothing would be: {plan.because[0]}"
        return self.result(Outcome.DRY_RUN, detail)

    def begin(self) -> None:
        plan = self.plan
        self._journal(
            "intent",
            {
                "kind": plan.kind,
                "why": self.why or plan.because[0],
                "target": target_fields(plan.target, plan.seen),
                "plan": plan.to_dict(),
                "before": plan.seen.brief(),
            },
        )

    def end(self, result: Result) -> None:
        self._journal("outcome", result.to_dict())
        self.tell("done", f"{result.outcome}: {result.detail}", self.last)

    def tell(self, phase: str, text: str, seen: Sighting | None = None) -> None:
        if self.on_step is not None:
            self.on_step(Progress(phase=phase, text=text, seen=seen))

    def _journal(self, entry: str, data: Mapping[str, Any]) -> None:
        self.journal.append(self.action_id, entry, data, at=now())

    # --- what happens ---------------------------------------------------------------------------------------

    def go(self, confirm: Confirm, wait: bool, replan: Callable[[], Plan] | None) -> Result:
        confirmed = False
        if self.plan.decision is Decision.RESTART and wait:
            require_actions()
            if not self._confirmed(confirm):
                return self.unconfirmed()
            confirmed = True
            early = self._await_restart(replan)
            if early is not None:
                return early
        plan = self.plan
        if not plan.acts:
            outcome = _DECISION_OUTCOMES[plan.decision]
            return self.result(
                outcome,
                "; ".join(plan.because),
                advice=plan.advice,
                code=None if outcome is Outcome.ALREADY else f"plan-{plan.decision}",
            )
        require_actions()
        if not confirmed and not self._confirmed(confirm):
            return self.unconfirmed()
        self.tell("checking", "looking again at the thread before anything is sent")
        server = self.connection.for_acting()
        self.before = self.last = observe(plan.target, server)
        broken = plan.precondition.broken_by(self.before)
        if broken is not None:
            return self.result(
                Outcome.REFUSED,
                f"since the plan was made, {broken}; nothing was sent",
                code="changed-since-plan",
                advice=("make a new plan",),
            )
        if not self.before.found:
            return self.result(Outcome.REFUSED, "the thread is not known there; nothing was sent", code="not-found")
        if plan.target.model is DataModel.V2:
            return self._second(server)
        if self.before.archived:
            return self._archived(server)
        return self._steps(server)

    def _confirmed(self, confirm: Confirm) -> bool:
        if confirm is None:
            return _ask(self.plan)
        return confirm if isinstance(confirm, bool) else bool(confirm(self.plan))

    def _steps(self, server: Server) -> Result:
        """Stop the session, if that is planned, and then decline what is planned and still open."""
        done: list[Result] = []
        if self.plan.stops:
            done.append(self._stop(server))
        for step in self.plan.steps:
            if step.action is not Action.DECLINE:
                continue
            if done and not done[-1].good:
                break
            one = self._answer(server, step)
            if one is not None:
                done.append(one)
        if not done:
            return self.result(Outcome.ALREADY, "what was to be answered is open no more")
        return _combined_result(done)

    def _answer(self, server: Server, step: Step) -> Result | None:
        """Answer one request; None if it is open no more (a stop may have ended it)."""
        request_id = str(step.about["requestId"])
        before = observe(self.plan.target, server)
        self.last = before
        if request_id not in (before.open_requests or ()):
            return None
        sent = self._send(Action.DECLINE, server, step.about)
        if not sent.may_be_stored:
            return self._not_stored(sent)
        seen = verify_decline(
            self.plan,
            request_id,
            sent,
            before,
            self.connection,
            self.timing,
            watch=self._watch(f"waiting for request {request_id} to be resolved"),
        )
        return self._by_seen(seen)

    def _stop(self, server: Server) -> Result:
        sent = self._send(Action.STOP, server)
        if not sent.may_be_stored:
            return self._not_stored(sent)
        seen = verify_stop(
            self.plan,
            sent,
            self.before,
            self.connection,
            self.timing,
            watch=self._watch("waiting for the session to be stopped"),
        )
        return self._by_seen(seen)

    def _second(self, server: Server) -> Result:
        """The commands of a plan for the second data model, one after the other, no further than the first that failed."""
        done: list[Result] = []
        for step in self.plan.steps:
            if done:
                self.last = observe(self.plan.target, server)
                if step.about.get("requestId") not in (self.last.open_requests or ()):
                    continue  # answered, or ended with its run
            sent = self._send(step.action, server, step.about)
            if not sent.may_be_stored:
                done.append(self._not_stored(sent))
                break
            watch = self._watch(f"waiting for the effect of {step.action}")
            seen = verify(self.plan, step, sent, self.connection, self.timing, watch=watch)
            done.append(self._by_seen(seen))
            if not done[-1].good:
                break
        return _combined_result(done)

    def _archived(self, server: Server) -> Result:
        """Unarchive, do what is planned, and archive again whatever that came to."""
        sent = self._send(Action.UNARCHIVE, server)
        if not sent.may_be_stored:
            return self._not_stored(sent)
        self.to_archive = True
        open_now, _ = await_state(
            self.plan.target,
            self.connection,
            lambda seen: not seen.archived,
            self.timing,
            watch=self._watch("waiting for the thread to leave the archive"),
        )
        if not open_now:
            return self.result(
                Outcome.NOT_CONFIRMED,
                "the thread did not leave the archive in time; nothing else was sent",
                code="not-confirmed",
                advice=("see whether it is archived, then make a new plan",),
            )
        try:
            result = self._steps(server)
        except ActionError as error:
            result = self.failed(error)
        return self._archive_again(server, result)

    def _archive_again(self, server: Server, result: Result) -> Result:
        sent = self._send(Action.ARCHIVE, server)
        archived = False
        if sent.may_be_stored:
            archived, _ = await_state(self.plan.target, self.connection, lambda seen: seen.archived, self.timing)
        if archived:
            self.to_archive = False
            return self.result(
                result.outcome,
                f"{result.detail}; the thread is archived again",
                code=result.code,
                advice=result.advice,
                queue_blocked=result.queue_blocked,
            )
        return self.result(
            Outcome.FAILED if result.good else result.outcome,
            f"{result.detail}; but the thread is not archived again ({sent.error or 'not seen in time'})",
            code="not-archived-again",
            advice=("archive the thread in T3 Code", *result.advice),
            queue_blocked=result.queue_blocked,
        )

    def _await_restart(self, replan: Callable[[], Plan] | None) -> Result | None:
        """Wait for a person to restart the server, then plan anew; a result if it did not come back."""
        plan, target = self.plan, self.plan.target
        was = plan.precondition.server_started_at
        self.tell("waiting", "restart the T3 Code server now; this goes on by itself once it is back")
        until = time.monotonic() + self.timing.restart
        pause = threading.Event()
        while True:
            started = server_started_at(target)
            if started is not None and started != was:
                self.connection.again()
                try:
                    self.connection.environment()
                    break
                except ConnectionFailed:
                    pass
            if time.monotonic() >= until:
                return self.result(
                    Outcome.REFUSED,
                    f"the server was not restarted within {self.timing.restart:g} s; nothing was sent",
                    code="not-restarted",
                    advice=plan.advice,
                )
            pause.wait(self.timing.interval)
        self.tell("seen", f"the server is back since {iso(started)}")
        self.plan = replan() if replan is not None else self._plan_after_restart(started)
        self._journal("step", {"note": "planned anew after the restart", "plan": self.plan.to_dict()})
        return None

    def _plan_after_restart(self, started: int) -> Plan:
        """What is still stored as live belongs to the server before: its provider session is gone."""
        plan = self.plan
        seen = observe(plan.target, self.connection.for_looking())
        session = seen.session
        findings: tuple[Finding, ...] = ()
        verdict = Verdict.IDLE
        if session is not None and not seen.settled:
            old = session.updated_at is not None and session.updated_at < started
            verdict = Verdict.STUCK if old else Verdict.WORKING
            if old:
                findings = (_orphaned(plan.target.thread_id, session.active_turn_id, started),)
        belief = Belief(
            verdict=verdict,
            findings=findings,
            as_of=seen.at,
            server="alive",
            server_why="it answered after the restart",
            server_version=seen.server_version,
            server_started_at=started,
            rules=plan.belief.rules,
            migrations=plan.belief.migrations,
            dead_requests=seen.open_requests or (),  # who asked was of the server before
        )
        return make_plan(
            plan.kind,
            target=plan.target,
            belief=belief,
            seen=seen,
            request_id=plan.request_id,
            answer=plan.answer,
            queued=plan.queued,
        )

    def _send(self, action: Action, server: Server, about: Mapping[str, Any] | None = None) -> SentCommand:
        self.tell("sending", f"sending {action}")

        def note(data: Mapping[str, Any]) -> None:
            try:
                self._journal("step", data)
            except JournalError:
                # nothing new is begun without it; what was begun is finished, and put back as it was
                if data["ended"] is None and action is not Action.ARCHIVE:
                    raise
            # from the first entry on the command may be on its way, even if this process dies now
            self.sent = self.sent or data["ended"] in (None, SendEnd.ACCEPTED, SendEnd.UNCLEAR)

        was_sent = self.sent
        sent = send(action, self.plan.target, server, about=about, note=note)
        self.sent = was_sent or sent.may_be_stored
        self.tell("accepted" if sent.may_be_stored else "seen", f"{action}: {sent.ended}")
        return sent

    def _watch(self, text: str) -> Callable[[Sighting], None]:
        def watch(seen: Sighting) -> None:
            self.last = seen
            session = seen.session
            said = f"session {session.status}" if session else "no session"
            self.tell("waiting", f"{text}: {said}", seen)

        return watch

    # --- results --------------------------------------------------------------------------------------------

    def result(
        self,
        outcome: Outcome,
        detail: str,
        *,
        code: str | None = None,
        advice: tuple[str, ...] = (),
        queue_blocked: bool | None = None,
    ) -> Result:
        before = self.before.brief()
        after = self.last.brief() if self.last is not None else None
        changed = outcome is Outcome.APPLIED or (self.sent and after is not None and after != before)
        if outcome in (Outcome.ALREADY, Outcome.DRY_RUN):
            changed = False
        return Result(
            target=target_fields(self.plan.target, self.before),
            kind=self.plan.kind,
            applied=outcome is Outcome.APPLIED,
            changed=changed,
            dry_run=outcome is Outcome.DRY_RUN,
            outcome=outcome,
            detail=detail,
            before=before,
            after=after,
            code=code,
            advice=advice,
            queue_blocked=queue_blocked,
            sent=self.sent,
            action_id=None if outcome is Outcome.DRY_RUN else self.action_id,
            plan_id=self.plan.plan_id,
        )

    def unconfirmed(self) -> Result:
        return self.result(
            Outcome.REFUSED,
            "nobody confirmed the plan; nothing was sent",
            code="not-confirmed-by-you",
        )

    def failed(self, error: ActionError) -> Result:
        if self.sent:
            return self.result(Outcome.NOT_CONFIRMED, str(error), code=error.code)
        return self.result(Outcome.FAILED, f"{error}; nothing was sent", code=error.code)

    def interrupted(self) -> Result:
        """What is known when a person pressed Ctrl-C; a thread taken out of the archive goes back first."""
        if self.to_archive:
            # the tidying must not hide the interrupt
            with suppress(Exception, KeyboardInterrupt):
                self._archive_quickly()
        if not self.sent:
            return self.result(Outcome.REFUSED, "interrupted before anything was sent", code="interrupted")
        return self.result(
            Outcome.NOT_CONFIRMED,
            "interrupted after the command may have been sent: whether it works is not known"
            + ("; the thread may be out of the archive" if self.to_archive else ""),
            code="interrupted",
            advice=("look at the thread again (t3lens show)",),
        )

    def _archive_quickly(self) -> None:
        sent = self._send(Action.ARCHIVE, self.connection.for_acting())
        self.to_archive = sent.ended is not SendEnd.ACCEPTED

    def _not_stored(self, sent: SentCommand) -> Result:
        error = sent.error
        reason = str(error) if error else str(sent.ended)
        return self.result(
            Outcome.FAILED,
            f"{reason}; the command was not carried out",
            code=error.code if error else None,
        )

    def _by_seen(self, seen: Observed) -> Result:
        self.last = seen.after or self.last
        return self.result(
            seen.outcome,
            seen.detail,
            code=seen.code,
            advice=seen.advice,
            queue_blocked=seen.queue_blocked,
        )


def _combined_result(done: Sequence[Result]) -> Result:
    """What several commands came to: the first that is not good ends it, so the last says what the whole came to."""
    last = done[-1] if not done[-1].good else next((r for r in done if r.applied), done[-1])
    return replace(last, detail="; ".join(one.detail for one in done), advice=done[-1].advice, after=done[-1].after)


def _orphaned(thread_id: str, turn_id: str | None, started: int) -> Finding:
    return Finding(
        code="orphaned-turn",
        severity=Severity.HIGH,
        confidence=Confidence.CERTAIN,
        summary=(
            f"the session of thread {thread_id} is still stored as live, and the server that ran it"
            f" ended before {iso(started)}"
        ),
        explanation="The provider session belonged to the server before the restart and is gone with it.",
        thread_id=thread_id,
        turn_id=turn_id,
        makes=Verdict.STUCK,
    )


def _ask(plan: Plan) -> bool:
    """Show the plan and ask on the terminal; where nobody can answer, the answer is no."""
    if sys.stdin is None or not sys.stdin.isatty():
        return False
    print(plan)
    try:
        return input("Carry this out? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
