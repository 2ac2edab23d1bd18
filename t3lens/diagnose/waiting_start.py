"""The start of a turn that was asked for and is pending: is it awaited, did it steer a turn, was it left behind?"""

from __future__ import annotations

from t3lens.diagnose.facts import (
    TurnRow,
)
from t3lens.diagnose.known_thread import KnownThread
from t3lens.diagnose.once import once
from t3lens.domain.event import Event
from t3lens.domain.state import SessionStatus
from t3lens.t3code.v1.event_types import (
    ITEM_COMPLETED,
    ITEM_STARTED,
    TURN_START_FAILED,
    TURN_START_REQUESTED,
    TURN_STARTED,
    USER_MESSAGE,
)
from t3lens.time import Micros

__all__ = ["WaitingStart"]


class WaitingStart:
    """The pending start of a turn, if the thread has one.

    Attributes:
        case: The thread.
        facts: Its facts.
    """

    def __init__(self, case: KnownThread) -> None:
        self.case = case
        self.facts = case.facts

    @once
    def request(self) -> Event | None:
        """The stored request of the pending start."""
        pending = self.facts.pending
        if pending is None:
            return None
        for event in reversed(self.facts.stored):
            if event.type == TURN_START_REQUESTED and event.text("messageId") == pending.pending_message_id:
                return event
        return None

    @once
    def steered_turn(self) -> str | None:
        """The turn that ran already when the pending start was asked for: its message steers that turn."""
        request = self.request
        if request is None:
            return None
        before = self.case.session_before(request.sequence or 0)
        active = before.get("activeTurnId")
        return str(active) if active and before.get("status") == SessionStatus.RUNNING else None

    @once
    def user_messages(self) -> list[Micros]:
        """When the provider was first seen to take each of the person's messages, in order."""
        seen: dict[str, Micros] = {}
        for event in self.facts.canonical:
            if event.type in (ITEM_STARTED, ITEM_COMPLETED) and event.payload.get("itemType") == USER_MESSAGE:
                seen.setdefault(event.item_id or event.event_id, event.at)
        return sorted([*seen.values(), *self.facts.messages_taken])

    @once
    def left_behind(self) -> bool:
        """Whether the message of the pending start was sent into a running turn that ended without taking it.

        A message that is taken leaves a record in the log. That this one left none is proof only where the log is
        whole, and where others that the same provider took did leave theirs.
        """
        request, session, turn_id = self.request, self.case.session, self.steered_turn
        if request is None or session is None or turn_id is None:
            return False
        if session.live and session.active_turn_id in (turn_id, None):
            return False
        if not self.case.heard_since(request.at) or not self.user_messages:
            return False
        return self._provider_since(turn_id) <= self.user_messages[-1] < request.at

    def _provider_since(self, turn_id: str) -> Micros:
        """When the last turn of another provider began before this one; 0 if all before were of the same."""
        since, by = 0, None
        for event in reversed(self.facts.canonical):
            if event.type != TURN_STARTED:
                continue
            if event.turn_id == turn_id:
                by = event.provider
            elif by is not None and event.provider != by:
                since = event.at
                break
        return since

    @once
    def awaited(self) -> TurnRow | None:
        """The pending start, if its message was neither taken into a running turn (steering) nor refused."""
        request = self.request
        if request is not None:
            sequence = request.sequence or 0
            if self.steered_turn is not None and not self.left_behind:
                return None
            if any(failure.kind == TURN_START_FAILED and failure.sequence > sequence for failure in self.facts.failures):
                return None
        return self.facts.pending
