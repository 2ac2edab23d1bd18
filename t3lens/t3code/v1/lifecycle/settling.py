"""What becomes of a turn, and of a start that waits: each decision once.

The replay of provider events (``reducer``) and the replay of stored events (``projection``) meet the same facts
at different places; what follows from a fact is decided here for both. Every function is pure and total.
"""

from __future__ import annotations

from typing import Final

from t3lens.domain.state import LIVE, SessionStatus, TurnState
from t3lens.t3code.v1.rules import Reopening, Rules

__all__ = [
    "STATUSES",
    "outcome_by_checkpoint",
    "outcome_by_interrupt",
    "outcome_by_message_end",
    "outcome_by_session",
    "outcome_superseded",
    "session_drops_pending",
    "state_when_run",
]

STATUSES: Final = {status.value: status for status in SessionStatus}
"""Session statuses by the word that T3 Code stores."""

_ERROR: Final = SessionStatus.ERROR
_DROPS_PENDING: Final = frozenset({_ERROR, SessionStatus.STOPPED, SessionStatus.INTERRUPTED})
_SUCCESS: Final = frozenset({SessionStatus.READY, SessionStatus.IDLE})


def outcome_by_session(status: SessionStatus, rules: Rules) -> TurnState | None:
    """R10: what a session's new status makes of a turn that still runs; None: the turn runs on."""
    if not rules.session_settles_turns or status in LIVE:
        return None
    if status is _ERROR:
        return TurnState.ERROR
    return rules.ready_settles_as if status in _SUCCESS else TurnState.INTERRUPTED


def outcome_superseded(rules: Rules) -> TurnState | None:
    """What a running turn becomes when the session runs another one; None: it runs on."""
    return rules.superseded_as if rules.session_settles_turns else None


def session_drops_pending(status: SessionStatus, rules: Rules) -> bool:
    """Whether a session of this status deletes the start that waits for a turn."""
    return rules.inactive_deletes_pending and status in _DROPS_PENDING


def state_when_run(state: TurnState | None, rules: Rules, *, own_start: bool) -> TurnState:
    """The state of a turn after the session was set to run it.

    Args:
        state: Its state before; None if nothing was known of it.
        rules: The profile to judge by.
        own_start: The turn's own ``turn.started`` set the session so (else T3 Code itself, or a stored event
            that does not tell).
    """
    if state is None or state is TurnState.PENDING or state is TurnState.RUNNING:
        return TurnState.RUNNING
    if rules.reopening is Reopening.OWN_START:
        return TurnState.RUNNING if own_start else state
    return TurnState.RUNNING if state is TurnState.INTERRUPTED else state


def outcome_by_interrupt(rules: Rules) -> TurnState | None:
    """What a request to interrupt a turn by its id writes at once; None: the provider's answer decides."""
    return TurnState.INTERRUPTED if rules.request_settles else None


def outcome_by_checkpoint(status: str | None, rules: Rules, *, session_runs_it: bool) -> TurnState | None:
    """What a turn's checkpoint writes; None: nothing.

    Args:
        status: The checkpoint's own status, ``ready``, ``missing`` or ``error``.
        rules: The profile to judge by.
        session_runs_it: The session is ``running`` with this turn active: it is a checkpoint in mid-turn.
    """
    if not rules.request_settles or (session_runs_it and not rules.message_end_settles):
        return None
    return TurnState.ERROR if status == "error" else TurnState.COMPLETED


def outcome_by_message_end(state: TurnState | None, rules: Rules, *, session_runs_it: bool) -> TurnState | None:
    """What the end of an assistant message writes to its turn; None: nothing.

    Args:
        state: The turn's state before; None if nothing was known of it.
        rules: The profile to judge by.
        session_runs_it: The session is ``running`` with this turn active: a message in mid-turn.
    """
    if not rules.request_settles or (session_runs_it and not rules.message_end_settles):
        return None
    return state if state in (TurnState.INTERRUPTED, TurnState.ERROR) else TurnState.COMPLETED
