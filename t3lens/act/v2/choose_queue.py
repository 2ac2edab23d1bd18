"""What a person asks of the queue of a thread of the second data model."""

from __future__ import annotations

from t3lens.act.plan import Action, Decision
from t3lens.act.v2.situation import SecondChoice, SecondSituation

__all__ = ["nothing_queued", "person_cancels", "person_resumes"]


def nothing_queued(case: SecondSituation) -> SecondChoice | None:
    """Only what waits in the queue can be taken out of it or go on."""
    if case.kind == "resume-queue":
        if not case.holds_queue:
            return SecondChoice(decision=Decision.NOTHING, because=("this build holds no queue",))
        if not any(run.held for run in case.second.queue):
            return SecondChoice(decision=Decision.NOTHING, because=("no queued message of the thread is held",))
    if case.kind == "cancel-queued":
        wanted = [run for run in case.second.queue if case.run_id in (None, run.run_id)]
        if not wanted:
            said = "nothing of the thread is queued" if case.run_id is None else f"run {case.run_id} is not queued"
            return SecondChoice(decision=Decision.NOTHING, because=(said,))
        if len(wanted) > 1:
            return SecondChoice(
                decision=Decision.REFUSE,
                because=(f"{len(wanted)} messages are queued, and one is to be taken out",),
                advice=(f"name its run: --run {wanted[0].run_id}",),
            )
    return None


def person_cancels(case: SecondSituation) -> SecondChoice | None:
    """A queued run has no effect yet, so it can be taken out also behind one that hangs."""
    if case.kind != "cancel-queued":
        return None
    (run,) = [run for run in case.second.queue if case.run_id in (None, run.run_id)]
    return SecondChoice(
        decision=Decision.ACT,
        because=(f"that queued run {run.run_id} be cancelled is asked for",),
        action=Action.CANCEL_QUEUED,
        about=({"runId": run.run_id},),
    )


def person_resumes(case: SecondSituation) -> SecondChoice | None:
    """A held queue goes on when a person says so."""
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
