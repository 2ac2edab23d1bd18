"""What was done about an incident, and its effect: requests people made in T3 Code, and the journal of actions."""

from __future__ import annotations

import msgspec

from t3lens.act.journal import Journal
from t3lens.diagnose import ThreadDiagnosis
from t3lens.model.events import SESSION_SET, Event
from t3lens.model.time import Micros
from t3lens.redact import Redactor

__all__ = ["Deed", "deeds"]

_REQUESTS = {
    "thread.session-stop-requested": "stop",
    "thread.turn-interrupt-requested": "interrupt",
    "thread.approval-response-requested": "answer",
    "thread.user-input-response-requested": "answer",
}
_MOST = 20


class Deed(msgspec.Struct, frozen=True):
    """One thing that was done.

    Attributes:
        at: When, microseconds UTC.
        who: ``T3 Code`` for a request found in the event store, else the account of the journal.
        what: ``stop``, ``interrupt``, ``answer``, ``reconcile``, ``offline-repair``.
        outcome: The journal's outcome, or what the event store shows next.
        detail: In words.
    """

    at: Micros
    who: str
    what: str
    outcome: str
    detail: str


def deeds(diagnosis: ThreadDiagnosis, redactor: Redactor) -> tuple[Deed, ...]:
    """What was done about a thread, oldest first: the last requests in T3 Code, and t3lens's own actions.

    Args:
        diagnosis: The thread.
        redactor: Masks secrets in reasons and errors.
    """
    stored = diagnosis.case.facts.stored
    found = [
        _request(event, stored[place + 1 :], diagnosis, redactor)
        for place, event in enumerate(stored)
        if event.type in _REQUESTS
    ][-_MOST:]
    for record in Journal().records():
        if (record.home_id, record.thread_id) != (diagnosis.home_id, diagnosis.thread_id):
            continue
        if record.at > diagnosis.case.context.as_of:
            continue
        reason = f"{record.why}: " if record.why else ""
        found.append(
            Deed(
                record.at,
                redactor.said(record.who, "account"),
                record.kind,
                record.outcome,
                redactor.text(f"{reason}{record.detail}"),
            )
        )
    return tuple(sorted(found, key=lambda deed: deed.at))


def _request(
    event: Event, later: list[Event], diagnosis: ThreadDiagnosis, redactor: Redactor
) -> Deed:
    what = _REQUESTS[event.type]
    failed = next(
        (
            failure
            for failure in diagnosis.case.facts.failures
            if what in failure.kind and failure.at == event.at
        ),
        None,
    )
    if failed is not None:
        return Deed(event.at, "T3 Code", what, "failed", redactor.text(failed.detail))
    for following in later:
        if following.type in _REQUESTS and following.type == event.type:
            break
        if following.type == SESSION_SET:
            session = following.payload.get("session")
            status = session.get("status") if isinstance(session, dict) else None
            return Deed(event.at, "T3 Code", what, "answered", f"the session was then set {status}")
    return Deed(event.at, "T3 Code", what, "no effect seen", "nothing was stored after it")
