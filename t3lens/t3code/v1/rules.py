"""The lifecycle rules as data: one frozen object of named switches per build, so that builds can be compared.

``settle`` is the reference (the proposal "reconcile provider session state and settle stuck turns"); the
``shipped-*`` profiles reproduce what released servers did. Where they part on the same log is where the bug is.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from t3lens.domain.state import TurnState
from t3lens.errors import UsageError

__all__ = [
    "PROFILES",
    "REFERENCE",
    "STARTUP_RECONCILE_ERROR",
    "Reopening",
    "Rules",
    "Steering",
    "profile",
]

STARTUP_RECONCILE_ERROR: Final = "Provider session did not survive a server restart. Send a new message to continue."
"""The fixed ``lastError`` of the session that a server from 20 August 2026 reconciles at its start."""


class Steering(StrEnum):
    """When ``turn.started`` of a turn other than the active one is accepted."""

    NEVER = "never"
    WHEN_START_PENDING = "when-start-pending"


class Reopening(StrEnum):
    """What makes a settled turn run again."""

    OWN_START = "own-start"
    """Its own ``turn.started``, whatever it was settled as."""
    INTERRUPTED = "interrupted"
    """Any session that is set to run it, but only if it was interrupted; completed and failed turns stay so."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The switches in which builds differ.

    Attributes:
        name: Profile name, as in ``--rules``.
        since: In words: which builds behave so.
        aborted_settles: ``turn.aborted`` ends the session's turn (else it has no lifecycle effect at all).
        inactive_state_clears_active: ``session.state.changed`` to ``ready interrupted stopped error`` clears
            the active turn.
        pending_start_holds_starting: While the session is ``starting`` and a start is pending, signs of a
            ready provider leave it ``starting``.
        session_settles_turns: A session leaving ``starting``/``running`` settles the turns still running.
        terminal_outcome_is_own: A turn keeps the outcome its own terminal event gave (else the outcome
            follows from the session's new status).
        ready_settles_as: What a running turn becomes when its session becomes ``ready`` or ``idle``.
        superseded_as: What a turn becomes when steering replaces it.
        inactive_deletes_pending: ``error``, ``stopped``, ``interrupted`` delete the pending start.
        reconciles_at_start: The server ends orphaned sessions when it starts.
        failed_stop_recorded: A failed stop keeps the session and records the error (else it is lost).
        idle_terminal_needs_turn: ``turn.completed`` without a turn id while no turn is active is ignored.
        steering: When another turn may take over.
        request_settles: Others than the session write a turn's outcome, whatever the provider says: an
            interrupt request that names the turn (at once), its checkpoint and the end of an assistant message
            (once the session no longer runs it).
        message_end_settles: The end of an assistant message, and a checkpoint, do so also in mid-turn.
        reopening: What makes a settled turn run again.
    """

    name: str
    since: str
    aborted_settles: bool
    inactive_state_clears_active: bool
    pending_start_holds_starting: bool
    session_settles_turns: bool
    terminal_outcome_is_own: bool
    ready_settles_as: TurnState
    superseded_as: TurnState
    inactive_deletes_pending: bool
    reconciles_at_start: bool
    failed_stop_recorded: bool
    idle_terminal_needs_turn: bool
    steering: Steering
    request_settles: bool
    message_end_settles: bool
    reopening: Reopening


REFERENCE: Final = Rules(
    name="settle",
    since="the reference: only the active turn settles the session, a failed turn stays failed",
    aborted_settles=True,
    inactive_state_clears_active=True,
    pending_start_holds_starting=False,
    session_settles_turns=True,
    terminal_outcome_is_own=True,
    ready_settles_as=TurnState.INTERRUPTED,
    superseded_as=TurnState.INTERRUPTED,
    inactive_deletes_pending=True,
    reconciles_at_start=True,
    failed_stop_recorded=True,
    idle_terminal_needs_turn=False,
    steering=Steering.WHEN_START_PENDING,
    request_settles=False,
    message_end_settles=False,
    reopening=Reopening.OWN_START,
)

_SHIPPED_0_0_28: Final = msgspec.structs.replace(
    REFERENCE,
    name="shipped-0.0.28",
    since="June 2026",
    aborted_settles=False,
    inactive_state_clears_active=False,
    terminal_outcome_is_own=False,
    ready_settles_as=TurnState.COMPLETED,
    superseded_as=TurnState.COMPLETED,
    inactive_deletes_pending=False,
    reconciles_at_start=False,
    failed_stop_recorded=False,
    request_settles=True,
    reopening=Reopening.INTERRUPTED,
)

_SHIPPED_0_0_23: Final = msgspec.structs.replace(
    _SHIPPED_0_0_28,
    name="shipped-0.0.23",
    since="May 2026, to 0.0.27",
    session_settles_turns=False,
    steering=Steering.NEVER,
    message_end_settles=True,
)

_SHIPPED_0_0_29: Final = msgspec.structs.replace(
    _SHIPPED_0_0_28,
    name="shipped-0.0.29",
    since="from 20 July 2026",
    inactive_state_clears_active=True,
    inactive_deletes_pending=True,
)

_SHIPPED_0_0_33: Final = msgspec.structs.replace(
    _SHIPPED_0_0_29,
    name="shipped-0.0.33",
    since="August 2026",
    pending_start_holds_starting=True,
    reconciles_at_start=True,
    idle_terminal_needs_turn=True,
)

PROFILES: Final[dict[str, Rules]] = {
    rules.name: rules for rules in (REFERENCE, _SHIPPED_0_0_23, _SHIPPED_0_0_28, _SHIPPED_0_0_29, _SHIPPED_0_0_33)
}
"""All named profiles, the reference first, then by age."""


def profile(name: str) -> Rules:
    """The rules called ``name``.

    Raises:
        UsageError: There is no such profile; the message lists those there are.
    """
    try:
        return PROFILES[name]
    except KeyError:
        raise UsageError(
            f"unknown rules profile {name!r}; choose one of: {', '.join(PROFILES)}",
            code="unknown-profile",
        ) from None
