"""What stands in the payloads of stored and logged events."""

from __future__ import annotations

from t3lens.domain.event import Event
from t3lens.t3code.native.words import with_cause
from t3lens.t3code.v1.event_types import (
    DETAILS_APART,
)

__all__ = ["session_of", "words_of"]


def words_of(event: Event) -> str:
    """What a warning or an error says, with the reason that the provider gives apart from it."""
    detail = event.payload.get("detail")
    cause = detail.get(DETAILS_APART) if isinstance(detail, dict) else None
    return with_cause(event.text("message") or "", cause if isinstance(cause, str) else None)


def session_of(event: Event) -> dict[str, object]:
    """The session that a ``thread.session-set`` wrote; empty for anything else."""
    session = event.payload.get("session")
    return session if isinstance(session, dict) else {}
