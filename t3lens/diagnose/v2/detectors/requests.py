"""Questions to a person: open ones, and those whose asker is gone."""

from __future__ import annotations

from collections.abc import Iterator

from t3lens.diagnose.detector import Group, Hit, detector
from t3lens.diagnose.facts import ModelInUse
from t3lens.diagnose.v2.case import SecondCase
from t3lens.diagnose.wording import capital, short
from t3lens.domain.finding import Confidence, Remedy, Severity, Verdict

__all__ = ["request_on_dead_session", "waiting_for_user"]

_SECOND = (ModelInUse.SECOND,)


@detector(
    "request-on-dead-session",
    Severity.HIGH,
    Group.REQUEST,
    "PS",
    needs="P",
    makes=Verdict.STUCK,
    remedy=Remedy.RESTART_SERVER,
    thresholds=("settle",),
    models=_SECOND,
    condition="A question to a person is open, and nobody would take the answer.",
    explanation=(
        "The question lives in the server and the provider that asked it. They are gone, so an answer reaches nobody: "
        "the next start of the server marks the request expired, and a new message continues."
    ),
)
def request_on_dead_session(case: SecondCase) -> Iterator[Hit]:
    """Open question, asker gone."""
    for request in case.requests.pending:
        why = case.requests.why_unanswerable(request)
        if not why:
            continue
        run = case.run(request.run_id)
        over = not run.live if run is not None else case.active is None
        yield Hit(
            summary=f"{capital(why)}; {request.kind} {short(request.request_id)} of {case.name} is still pending.",
            makes=Verdict.DIVERGED if over else None,
            remedy=Remedy.NEW_MESSAGE if over else None,
            turn_id=request.run_id,
            since=request.created_at,
            evidence=(
                case.request_row(request),
                *([case.run_row(run)] if run else []),
                case.server(),
            ),
        )


@detector(
    "waiting-for-user",
    Severity.INFO,
    Group.REQUEST,
    "P",
    needs="P",
    makes=Verdict.WAITING,
    remedy=Remedy.ANSWER,
    thresholds=("waiting",),
    models=_SECOND,
    condition="A question to a person is open, and the run that asked it waits.",
    explanation="The provider waits for a person's answer; the run goes on as soon as it is given.",
)
def waiting_for_user(case: SecondCase) -> Iterator[Hit]:
    """Open question that can be answered: by a message also when its run is over, once a server runs."""
    unsure = case.context.server.status == "unknown"
    for request in case.requests.pending:
        if not case.requests.answerable(request):
            continue
        long = " for long" if case.context.older(request.created_at, "waiting") else ""
        run = case.run(request.run_id)
        yield Hit(
            summary=f"An answer to {request.kind} {short(request.request_id)} is awaited{long} in {case.name}.",
            confidence=Confidence.LIKELY if unsure else Confidence.CERTAIN,
            no_verdict=case.context.server.dead,
            turn_id=request.run_id,
            since=request.created_at,
            evidence=(case.request_row(request), *([case.run_row(run)] if run else [])),
        )
