"""What ended an episode: read off the events between the last moment it was seen and the next that was judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from t3lens.diagnose.diagnosis import ThreadDiagnosis
from t3lens.diagnose.event_contents import session_of
from t3lens.diagnose.evidence import log_evidence, stored_evidence
from t3lens.diagnose.v2.case import SecondCase
from t3lens.domain.episode_end import EpisodeEnd
from t3lens.domain.event import Event
from t3lens.domain.finding import Evidence, Verdict
from t3lens.domain.state import LIVE
from t3lens.incidents.episode import JournalAction
from t3lens.t3code.v1.event_types import (
    APPROVAL_RESPONSE_REQUESTED,
    SESSION_EXITED,
    SESSION_SET,
    SESSION_STOP_REQUESTED,
    THREAD_DELETED,
    TURN_INTERRUPT_REQUESTED,
    TURN_START_REQUESTED,
    TURN_STARTED,
    TURN_TERMINALS,
    USER_INPUT_RESPONSE_REQUESTED,
)
from t3lens.t3code.v1.rules import STARTUP_RECONCILE_ERROR
from t3lens.t3code.v2 import events as v2
from t3lens.t3code.v2.reducer import COMMAND_TYPE
from t3lens.t3code.v2.words import RECONCILE_COMMAND, REQUEST_RESOLVED, RUN_OVER, RunStatus
from t3lens.time import Micros

__all__ = ["Ending", "ended"]


class Ending(msgspec.Struct, frozen=True):
    """How an episode ended.

    Attributes:
        by: Who or what ended it.
        at: When, microseconds UTC; None if it goes on.
        event_id: The event it ended with.
        action_id: The action of t3lens that did, if one did.
        evidence: What shows it.
    """

    by: EpisodeEnd
    at: Micros | None = None
    event_id: str | None = None
    action_id: str | None = None
    evidence: tuple[Evidence, ...] = ()


_BY_PERSON: Final = {
    SESSION_STOP_REQUESTED: EpisodeEnd.STOPPED,
    TURN_INTERRUPT_REQUESTED: EpisodeEnd.INTERRUPTED,
    APPROVAL_RESPONSE_REQUESTED: EpisodeEnd.ANSWERED,
    USER_INPUT_RESPONSE_REQUESTED: EpisodeEnd.ANSWERED,
    TURN_START_REQUESTED: EpisodeEnd.NEW_MESSAGE,
    THREAD_DELETED: EpisodeEnd.DELETED,
    v2.RUN_CREATED: EpisodeEnd.NEW_MESSAGE,
    v2.PROVIDER_SESSION_DETACHED: EpisodeEnd.STOPPED,
}


_BY_STATUS: Final = {
    (v2.RUN_UPDATED, RunStatus.INTERRUPTED): EpisodeEnd.INTERRUPTED,
    (v2.REQUEST_UPDATED, REQUEST_RESOLVED): EpisodeEnd.ANSWERED,
}


_ENDING: Final = (SESSION_STOP_REQUESTED, TURN_INTERRUPT_REQUESTED)
_ANEW: Final = (TURN_START_REQUESTED, TURN_STARTED, THREAD_DELETED)
_BY_PROVIDER: Final = (*TURN_TERMINALS, SESSION_EXITED)


def ended(
    thread: ThreadDiagnosis, events: Sequence[Event], first: int, last: int, actions: Sequence[JournalAction]
) -> Ending:
    """What ended the episode that was last seen before event ``first``, and was over before event ``last``.

    Args:
        thread: As it was judged last in the episode.
        events: All its events as replayed.
        first: Number of the first event after the episode was seen last.
        last: Number of the first event that is not looked at.
        actions: Actions of the journal.
    """
    after = events[first : max(last, first + 1)]
    if not after:
        return Ending(EpisodeEnd.UNKNOWN)
    at, cause = _healed_second(thread, after) if isinstance(thread.case, SecondCase) else _healed(thread, after)
    action = _action_of(thread, cause, actions)
    shown = [cause] if cause is at else [cause, at]
    return Ending(
        by=EpisodeEnd.ACTION if action is not None else _end_by(cause),
        at=at.at,
        event_id=at.event_id,
        action_id=action.action_id if action is not None else None,
        evidence=tuple(_evidence(thread, event) for event in shown),
    )


def _healed(thread: ThreadDiagnosis, events: Sequence[Event]) -> tuple[Event, Event]:
    """The event with which it was over, and the one that led to it.

    A session that worked is over where it is stored as not working any more, or on another turn: an interrupt without
    effect ends nothing. Elsewhere what a person did next ends it.
    """
    session = thread.case.session
    cause: Event | None = None
    if thread.verdict is Verdict.FAILED:  # only something new ends a failure
        begun = next((event for event in events if event.type in _ANEW), None)
        if begun is not None:
            return begun, begun
    if thread.verdict is not Verdict.WAITING and session is not None and session.live:
        for event in events:
            if event.type in _BY_PERSON or (event.type in _BY_PROVIDER and not _follows(event, cause, thread)):
                cause = event
            now = session_of(event)
            if now and (now.get("status") not in LIVE or now.get("activeTurnId") != session.active_turn_id):
                own = event if cause is None or now.get("lastError") == STARTUP_RECONCILE_ERROR else cause
                return event, own
    decided = next((e for e in events if e.type in _BY_PERSON or e.type in _BY_PROVIDER), cause or events[0])
    return decided, decided


def _follows(event: Event, asked: Event | None, thread: ThreadDiagnosis) -> bool:
    """Whether what the provider did is the effect of what a person had just asked for."""
    if asked is None or asked.type not in _ENDING:
        return False
    return event.at - asked.at < thread.case.context.threshold("settle")


def _healed_second(thread: ThreadDiagnosis, events: Sequence[Event]) -> tuple[Event, Event]:
    """The same of the second data model: the own end of what was wrong, else what came next.

    A failure is over with the next run, a question with its answer, everything else with the end of its run; a session
    in error also when it is let go.
    """
    for event in events:
        if event.type in (v2.THREAD_DELETED, v2.PROVIDER_SESSION_DETACHED):
            return event, event
        if event.type == v2.RUN_CREATED and thread.verdict is Verdict.FAILED:
            return event, event
        if event.type == v2.REQUEST_UPDATED and thread.verdict is Verdict.WAITING:
            return event, event
        if event.type == v2.RUN_UPDATED and event.text("status") in RUN_OVER and thread.verdict is not Verdict.FAILED:
            return event, event
    return events[0], events[0]


def _evidence(thread: ThreadDiagnosis, event: Event) -> Evidence:
    ref = thread.case.facts.refs.get(event.event_id)
    return log_evidence(ref, event) if ref is not None else stored_evidence(event)


def _end_by(event: Event) -> EpisodeEnd:
    if event.type == SESSION_SET:
        restart = session_of(event).get("lastError") == STARTUP_RECONCILE_ERROR
        return EpisodeEnd.RESTART if restart else EpisodeEnd.UNKNOWN
    if event.value(COMMAND_TYPE) == RECONCILE_COMMAND:
        return EpisodeEnd.RESTART
    by_status = _BY_STATUS.get((event.type, event.text("status") or ""))
    return by_status or _BY_PERSON.get(event.type, EpisodeEnd.PROVIDER)


def _action_of(thread: ThreadDiagnosis, event: Event, actions: Sequence[JournalAction]) -> JournalAction | None:
    """The action whose command led to an event, by the command's id."""
    if event.command_id is None:
        return None
    mine = (one for one in actions if one.thread_id == thread.thread_id and one.home_id == thread.home_id)
    return next((one for one in mine if event.command_id in str(one.steps)), None)
