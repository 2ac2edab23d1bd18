"""A thread told event by event: what unit tests of the rules are written in."""

from __future__ import annotations

from typing import Any

from t3lens.domain.event import Event
from t3lens.domain.state import EMPTY, ThreadState, Transition, Turn
from t3lens.t3code.v1.event_types import SESSION_SET
from t3lens.t3code.v1.lifecycle.reducer import reduce
from t3lens.t3code.v1.rules import Rules, profile

SHIPPED = ("shipped-0.0.23", "shipped-0.0.28", "shipped-0.0.29", "shipped-0.0.33")
ALL = ("settle", *SHIPPED)
SETTLING = ("settle", "shipped-0.0.28", "shipped-0.0.29", "shipped-0.0.33")
"""Profiles in which a session that is no longer live settles its turns."""

STEP = 1_000_000


class Thread:
    """A thread under one profile; ``sees`` tells it what happens next, one second after the last."""

    def __init__(self, rules: str | Rules) -> None:
        self.rules = profile(rules) if isinstance(rules, str) else rules
        self.state: ThreadState = EMPTY
        self.last: Transition
        self.now = 0

    def sees(
        self,
        kind: str,
        turn: str | None = None,
        *,
        item: str | None = None,
        request: str | None = None,
        provider: str | None = None,
        **payload: Any,
    ) -> Thread:
        self.now += STEP
        event = Event(
            event_id=f"event-{self.now}",
            type=kind,
            at=self.now,
            turn_id=turn,
            item_id=item,
            request_id=request,
            provider=provider,
            payload=payload,
        )
        self.state, self.last = reduce(self.state, event, self.rules)
        return self

    def told(self, status: str, turn: str | None = None, error: str | None = None) -> Thread:
        """T3 Code itself writes the session."""
        session = {"status": status, "activeTurnId": turn, "lastError": error}
        return self.sees(SESSION_SET, session=session)

    def asked(self, message: str = "message") -> Thread:
        """A person sends a message."""
        return self.sees("thread.turn-start-requested", messageId=message)

    def running(self, turn: str = "T") -> Thread:
        """The provider takes up a turn."""
        return self.sees("turn.started", turn)

    @property
    def session(self) -> tuple[str | None, str | None, str | None]:
        """Status, active turn, last error."""
        return self.state.status, self.state.active_turn_id, self.state.last_error

    def turn(self, turn_id: str = "T") -> Turn:
        return self.state.turns[turn_id]

    def is_(self, turn_id: str = "T") -> str:
        """State of a turn, as stored."""
        return str(self.turn(turn_id).state)
