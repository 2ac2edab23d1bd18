"""What a person asks of the queue of a thread of the second data model."""

from __future__ import annotations

from typing import Any

from t3lens.act.plan import Action, Decision
from t3lens.act.queue_change import QUEUE_KINDS
from t3lens.act.v2.situation import SecondChoice, SecondSituation
from t3lens.t3code.v2 import remedies
from t3lens.t3code.v2.wire import RunShown, text_mark
from t3lens.t3code.v2.words import RunStatus

__all__ = ["nothing_queued", "person_changes_queue", "person_promotes", "person_resumes"]


def nothing_queued(case: SecondSituation) -> SecondChoice | None:
    """There is nothing in the queue to do that to, or it is not clear to what."""
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


def person_changes_queue(case: SecondSituation) -> SecondChoice | None:
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


def person_promotes(case: SecondSituation) -> SecondChoice | None:
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


def person_resumes(case: SecondSituation) -> SecondChoice | None:
    """A person wants a held queue to go on."""
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
