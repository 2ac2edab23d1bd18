"""Which requests of a thread are open, who still waits for an answer, and which hold the thread up."""

from __future__ import annotations

from t3lens.diagnose.event_contents import session_of
from t3lens.diagnose.known_thread import KnownThread
from t3lens.diagnose.once import once
from t3lens.domain.state import LIVE, OpenRequest, SessionStatus, TurnState
from t3lens.t3code.v1.event_types import (
    REQUEST_OPENED,
    SESSION_EXITED,
    SESSION_STARTED,
    UNSHOWN_REQUEST_TYPES,
    USER_INPUT_RESOLVED,
    USER_INPUT_RESPONSE_REQUESTED,
)
from t3lens.time import Micros

__all__ = ["OpenRequests"]

_BETWEEN_TURNS = frozenset({SessionStatus.READY, SessionStatus.IDLE})
"""Statuses of a session that does not work while its provider lives."""

_TURN_ENDED_BADLY = frozenset({SessionStatus.ERROR, SessionStatus.INTERRUPTED})
"""Statuses that tell how a turn ended, and nothing of the provider."""

_STOPPED = frozenset({SessionStatus.STOPPED})
"""Status of a session whose provider was ended,"""

_OVER = frozenset({*_STOPPED, SessionStatus.ERROR})
"""and those of one whose provider may be gone."""


class OpenRequests:
    """The approvals and questions of a thread that nobody resolved.

    Attributes:
        case: The thread.
        facts: Its facts.
    """

    def __init__(self, case: KnownThread) -> None:
        self.case = case
        self.facts = case.facts

    @once
    def open(self) -> list[OpenRequest]:
        """Approvals and questions nobody resolved: stored approvals, and questions by the log."""
        logged = self.case.expected.requests
        if self.case.inferred:
            # a provider that exited or was started anew since then asks no more
            anew = max(self._starts_and_exits, default=0)
            return [one for one in logged.values() if one.opened_at >= anew and not self._answered_by_the_end(one)]
        since = self.case.session.updated_at if self.case.session is not None else 0
        found = [
            OpenRequest(row.request_id, False, row.created_at or since, row.turn_id, "")
            for row in self.facts.approvals
            if row.status == "pending"
        ]
        found += self._stored_questions()
        found += [
            request
            for request in logged.values()
            if request.question and request.answered_at is None and request.request_id not in self.facts.questions
        ]
        return found

    def _answered_by_the_end(self, request: OpenRequest) -> bool:
        """Whether the turn that asked completed: it got its answer, and only the line that says so is missing.

        While a background agent of it goes on, that one may have asked, and it does not end with its turn.
        """
        turn = self.case.expected.turns.get(request.turn_id or "")
        return turn is not None and turn.terminal is TurnState.COMPLETED and not self.case.expected.tasks

    def _stored_questions(self) -> list[OpenRequest]:
        """Questions that the event store has, and neither it nor the log an answer to."""
        if not self.facts.questions:
            return []
        over = {
            event.request_id
            for event in (*self.facts.stored, *self.facts.canonical)
            if event.type in (USER_INPUT_RESPONSE_REQUESTED, USER_INPUT_RESOLVED)
        }
        return [
            OpenRequest(asked.request_id, True, asked.at, asked.turn_id, asked.event_id)
            for asked in self.facts.questions.values()
            if not asked.resolved and asked.request_id not in over
        ]

    def bygone(self, request: OpenRequest) -> bool:
        """Whether who asked is gone, and another turn ran since: the request holds nothing up.

        A turn that asked is gone when its session is no longer at work. Who asked between turns, or while a background
        agent went on, is gone with the provider only: further turns run beside it.
        """
        # without a log nobody knows whether such an agent goes on
        turns_own = request.turn_id is not None and bool(self.facts.canonical) and not self.case.expected.tasks
        asked, gone = request.opened_at, False
        for event in self.case.session_sets:
            session = session_of(event)
            status = session.get("status")
            if event.at > asked and (status in self._gone_statuses or self._anew_between(asked, event.at)):
                gone = True
            if status not in LIVE:
                gone = gone or (turns_own and event.at > asked)
            elif gone and session.get("activeTurnId") not in (None, request.turn_id):
                return True
        return False

    @once
    def _gone_statuses(self) -> frozenset[SessionStatus]:
        """Statuses that say that the provider is gone. A failed turn ends none; that it did can only be read in a log."""
        return _OVER if not self.facts.canonical else _STOPPED

    def _anew_between(self, since: Micros, until: Micros) -> bool:
        """Whether the provider exited or was started anew in a time, by its own word."""
        return any(since < at <= until for at in self._starts_and_exits)

    @once
    def _starts_and_exits(self) -> list[Micros]:
        return [event.at for event in self.facts.canonical if event.type in (SESSION_STARTED, SESSION_EXITED)]

    @once
    def dead(self) -> tuple[str, ...]:
        """Ids of the open requests whose answer nobody waits for."""
        dead = (one for one in self.open if self.bygone(one) or not self.asker_lives(one))
        return tuple(request.request_id for request in dead)

    @once
    def holding(self) -> list[OpenRequest]:
        """The open requests that hold the thread up: all but those of a session long over."""
        return [request for request in self.open if not self.bygone(request)]

    def shown(self, request: OpenRequest) -> bool:
        """Whether T3 Code shows a person a prompt for the request, as far as its kind tells."""
        opened = next((e for e in self.facts.canonical if e.event_id == request.event_id), None)
        if opened is None:
            same = (e for e in self.facts.canonical if e.type == REQUEST_OPENED and e.request_id == request.request_id)
            opened = next(same, None)
        return opened is None or opened.text("requestType") not in UNSHOWN_REQUEST_TYPES

    def asker_lives(self, request: OpenRequest) -> bool:
        """Whether the provider that asked lives, as far as is known; its session need not work.

        Without a database the session is read off the log. One that was not at work when it asked, and of which
        nothing was heard since, was: the log lacks the line that said so.
        """
        session = self.case.session
        if self.case.orphaned is not None:
            return False
        if self.case.live:
            return True
        if (
            self.case.inferred
            and not self.case.context.server.dead
            and (session is None or session.updated_at < request.opened_at)
        ):
            return True
        return self._provider_lives_since(request)

    def _provider_lives_since(self, request: OpenRequest) -> bool:
        """Whether a session between turns still has the provider it had when it asked: a background agent asks then.

        It was neither ended, by anybody's word, nor started anew since, and the server run is the same.
        """
        session, binding, server = self.case.session, self.facts.binding, self.case.context.server
        moment = request.opened_at
        if session is None or server.dead or self.case.context.began_after(moment):
            return False
        # a turn that failed or was interrupted ends no provider; what is asked after it, or by others, somebody still asks
        turn = self.case.expected.turns.get(request.turn_id or "")
        others = turn is None or turn.terminal is TurnState.COMPLETED
        ended_badly = session.status in _TURN_ENDED_BADLY and (binding is not None or self.case.inferred)
        if session.status not in _BETWEEN_TURNS and not (ended_badly and (others or session.updated_at <= moment)):
            return False
        # of the past no binding is known, and none is no proof of an end
        if binding is not None and binding.status not in (SessionStatus.STARTING, SessionStatus.RUNNING):
            return False
        ended = any(
            event.at > moment and session_of(event).get("status") in self._gone_statuses for event in self.case.session_sets
        )
        return not ended and not any(at > moment for at in self._starts_and_exits)
