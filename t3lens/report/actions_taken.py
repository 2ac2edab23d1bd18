"""What was done about an incident, and its effect: requests people made in T3 Code, and the journal of actions."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import msgspec

from t3lens.act.journal import CUT_OFF, ActionRecord, Journal
from t3lens.act.result import Outcome
from t3lens.diagnose import ThreadDiagnosis
from t3lens.domain.event import Event
from t3lens.redact import Redactor
from t3lens.t3code.v1.event_types import (
    APPROVAL_RESPONSE_REQUESTED,
    SESSION_SET,
    SESSION_STOP_REQUESTED,
    TURN_INTERRUPT_REQUESTED,
    USER_INPUT_RESPONSE_REQUESTED,
)
from t3lens.time import Micros, iso

__all__ = ["ActionTaken", "deeds"]

_REQUESTS = {
    SESSION_STOP_REQUESTED: "stop",
    TURN_INTERRUPT_REQUESTED: "interrupt",
    APPROVAL_RESPONSE_REQUESTED: "answer",
    USER_INPUT_RESPONSE_REQUESTED: "answer",
}
_MOST = 20


class ActionTaken(msgspec.Struct, frozen=True):
    """One thing that was done.

    Attributes:
        at: When, microseconds UTC.
        who: ``T3 Code`` for a request found in the event store, else the account of the journal.
        what: ``stop``, ``interrupt``, ``answer``, ``reconcile``, ``offline-repair``.
        outcome: The journal's outcome, or what the event store shows next.
        detail: In words: the reason, the effect.
        action: Whether t3lens did it, by its journal.
        unclear: Whether it is not known what came of it.
        times: How often the same was done, one right after the other; ``at`` is the first time.
        last_at: The last time, where it was done several times.
    """

    at: Micros
    who: str
    what: str
    outcome: str
    detail: str
    action: bool = False
    unclear: bool = False
    times: int = 1
    last_at: Micros | None = None

    @property
    def told(self) -> str:
        """The detail, and how often it was so."""
        if self.times == 1 or self.last_at is None:
            return self.detail
        return f"{self.detail} ({self.times} times, last at {iso(self.last_at)})"


def deeds(diagnosis: ThreadDiagnosis, redactor: Redactor) -> tuple[ActionTaken, ...]:
    """What was done about a thread, oldest first: the last requests in T3 Code, and t3lens's own actions.

    Actions stand here whenever they were done: also those after the moment that the verdict is about.

    Args:
        diagnosis: The thread.
        redactor: Masks secrets in reasons and errors.

    Raises:
        JournalError: The journal of actions cannot be read.
    """
    stored = diagnosis.case.facts.stored
    found = [
        _request(event, stored[place + 1 :], diagnosis, redactor)
        for place, event in enumerate(stored)
        if event.type in _REQUESTS
    ][-_MOST:]
    found += [
        _action(record, redactor)
        for record in Journal().of_homes({diagnosis.home_id: diagnosis.case.context.home.path})
        if record.thread_id == diagnosis.thread_id
    ]
    return _folded(sorted(found, key=lambda deed: deed.at))


def _folded(found: list[ActionTaken]) -> tuple[ActionTaken, ...]:
    """The same thing done again and again with the same outcome is one."""
    folded: list[ActionTaken] = []
    for _, group in groupby(found, key=lambda one: (one.who, one.what, one.outcome, one.detail)):
        same = list(group)
        last = same[-1].at if len(same) > 1 else None
        folded.append(msgspec.structs.replace(same[0], times=len(same), last_at=last))
    return tuple(folded)


def _action(record: ActionRecord, redactor: Redactor) -> ActionTaken:
    before, after = _status(record.before), _status(record.after)
    parts = [record.why, record.detail]
    if before and after:
        moved = before != after
        parts.append(f"session {before} → {after}" if moved else f"session still {after}")
    return ActionTaken(
        record.at,
        redactor.said(record.who, "account"),
        record.kind,
        record.outcome,
        redactor.text("; ".join(part.rstrip(".;") for part in parts if part)),
        action=True,
        unclear=record.outcome in (Outcome.NOT_CONFIRMED, CUT_OFF),
    )


def _status(state: dict[str, Any] | None) -> str | None:
    session = (state or {}).get("session")
    status = session.get("status") if isinstance(session, dict) else None
    return status if isinstance(status, str) else None


def _request(event: Event, later: list[Event], diagnosis: ThreadDiagnosis, redactor: Redactor) -> ActionTaken:
    what = _REQUESTS[event.type]
    failed = next(
        (failure for failure in diagnosis.case.facts.failures if what in failure.kind and failure.at == event.at),
        None,
    )
    if failed is not None:
        return ActionTaken(event.at, "T3 Code", what, "failed", redactor.text(failed.detail))
    for following in later:
        if following.type in _REQUESTS and following.type == event.type:
            break
        if following.type == SESSION_SET:
            session = following.payload.get("session")
            status = session.get("status") if isinstance(session, dict) else None
            return ActionTaken(event.at, "T3 Code", what, "answered", f"the session was then set {status}")
    nothing = "nothing was stored after it"
    return ActionTaken(event.at, "T3 Code", what, "no effect seen", nothing, unclear=True)
