"""The stored session and turns of one thread: ``model.projection`` applied event by event, and what changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from t3lens.domain.event import Event
from t3lens.sim.builds import SimulatedBuild
from t3lens.t3code.v1.event_types import SESSION_SET
from t3lens.t3code.v1.lifecycle.projection import (
    PROJECTED_TYPES,
    ProjectedSession,
    ProjectedThread,
    ProjectedTurn,
    project,
)
from t3lens.time import Micros

__all__ = ["ThreadRows"]


class ThreadRows:
    """The rows of one thread, kept in step with its events.

    Args:
        build: Whose rules apply.
        events: The thread's stored events so far: type, payload, time.
        row_ids: Ids of the stored turn rows by turn id (None: the row of the start that waits).
        latest_turn_id: As stored.
    """

    def __init__(
        self,
        build: SimulatedBuild,
        events: list[tuple[str, Mapping[str, Any], Micros]] | None = None,
        row_ids: dict[str | None, int] | None = None,
        latest_turn_id: str | None = None,
    ) -> None:
        self._build = build
        self.latest_turn_id = latest_turn_id
        self.row_ids = row_ids or {}
        self._rows = project([_event(*event) for event in events or ()], build.rules)

    @property
    def session(self) -> ProjectedSession | None:
        """The session's row."""
        return self._rows.session

    @property
    def pending(self) -> ProjectedTurn | None:
        """The row of the requested turn that no provider turn has taken up."""
        return self._rows.pending

    @property
    def turns(self) -> Mapping[str, ProjectedTurn]:
        """The turns' rows by turn id."""
        return self._rows.turns

    def apply(self, event_type: str, payload: Mapping[str, Any], at: Micros) -> ProjectedThread | None:
        """Take one event into account; the rows before it, or None if it concerns none."""
        if event_type not in PROJECTED_TYPES:
            return None
        before = self._rows
        self._rows = project([_event(event_type, payload, at)], self._build.rules, before)
        if event_type == SESSION_SET:
            active = payload["session"]["activeTurnId"]
            if active is not None or not self._build.keeps_latest_turn:
                self.latest_turn_id = active
        elif event_type == "thread.turn-diff-completed":
            self.latest_turn_id = payload["turnId"]
        return before


def _event(event_type: str, payload: Mapping[str, Any], at: Micros) -> Event:
    return Event(event_id="", type=event_type, at=at, turn_id=payload.get("turnId"), payload=payload)
