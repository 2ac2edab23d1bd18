"""Which requests of a thread of the second data model are open, and whether an answer would reach somebody."""

from __future__ import annotations

from functools import cached_property

from t3lens.diagnose.known_thread import KnownThread
from t3lens.diagnose.open_requests import OpenRequests
from t3lens.diagnose.v2.facts import RequestRow, SecondFacts
from t3lens.domain.state import OpenRequest
from t3lens.t3code.v2.words import CAPABILITY_LIVE, CAPABILITY_MESSAGE
from t3lens.time import iso

__all__ = ["SecondRequests"]


class SecondRequests(OpenRequests):
    """The questions of a thread that nobody answered; each row says itself whether it can be.

    Attributes:
        case: The thread.
        facts: Its facts, the requests among them.
    """

    def __init__(self, case: KnownThread, facts: SecondFacts) -> None:
        super().__init__(case)
        self.facts: SecondFacts = facts

    @cached_property
    def pending(self) -> list[RequestRow]:
        """The rows of the questions that nobody answered."""
        return [request for request in self.facts.asked if request.pending]

    @cached_property
    def open(self) -> list[OpenRequest]:
        """The same, in the words both models share."""
        return [
            OpenRequest(
                request.request_id,
                "input" in request.kind or "question" in request.kind,
                request.created_at or 0,
                request.run_id,
                request.request_id,
            )
            for request in self.pending
        ]

    @cached_property
    def holding(self) -> list[OpenRequest]:
        """The requests a run waits for."""
        held = {request.request_id for request in self.pending if self.answerable(request)}
        return [request for request in self.open if request.request_id in held]

    @cached_property
    def dead(self) -> tuple[str, ...]:
        """Ids of the open requests whose answer nobody waits for."""
        return tuple(request.request_id for request in self.pending if not self.answerable(request))

    def answerable(self, request: RequestRow) -> bool:
        """Whether an answer would reach somebody, as far as is known."""
        return not self.why_unanswerable(request)

    def why_unanswerable(self, request: RequestRow) -> str:
        """Why nobody takes an answer any more, as a part of a sentence; empty if somebody does."""
        context = self.case.context
        server = context.server
        if request.capability == CAPABILITY_MESSAGE:
            return ""
        if server.dead:
            return "no server of this home is running"
        if context.began_after(request.created_at) and context.older(server.started_at, "settle"):
            return f"the server that asked ended before {iso(server.started_at or 0)}"
        if request.capability not in (CAPABILITY_LIVE, None):
            return f"the request is {request.capability}"
        run = self.facts.run(request.run_id)
        if run is not None and not run.live and context.older(run.completed_at, "settle"):
            return f"the run that asked is {run.status}"
        return ""
