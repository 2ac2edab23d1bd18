"""In what the servers differ as far as an action's outcome is concerned; one place for each difference."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from t3lens.t3code.v1.rules import PROFILES, STARTUP_RECONCILE_ERROR

__all__ = ["STARTUP_RECONCILE_ERROR", "Traits", "traits_of", "version_number"]

_BY_VERSION: Final = (
    ((0, 0, 33), "shipped-0.0.33"),
    ((0, 0, 29), "shipped-0.0.29"),
    # what calls itself 0.0.28 in July already has the rules of 20 July
    ((0, 0, 28), "shipped-0.0.29"),
    ((0, 0, 0), "shipped-0.0.23"),
)


_VERSION: Final = re.compile(r"([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})(?![0-9])")


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """What a build does with the commands t3lens sends.

    Attributes:
        rules: Its rules profile.
        stop_settles_turn: A stop settles the running turn; before 0.0.28 it leaves it ``running`` for ever.
        stop_forgets: OpenCode has forgotten the conversation after a stop.
        stop_drops_pending: A stop deletes the row of a message that was never taken up.
        stop_needs_binding: A stop of a thread without a runtime binding is accepted and does nothing.
        reconciles_at_start: The server ends orphaned sessions itself when it starts.
    """

    rules: str
    stop_settles_turn: bool
    stop_forgets: bool
    stop_drops_pending: bool
    stop_needs_binding: bool
    reconciles_at_start: bool


def traits_of(version: str | None, rules: str | None) -> Traits:
    """The traits of the build with this version, else of the one that has these rules, else of the newest."""
    name = _profile_of(version) or rules
    if name not in PROFILES or name == "settle":
        name = "shipped-0.0.33"
    profile = PROFILES[name]
    return Traits(
        rules=name,
        stop_settles_turn=profile.session_settles_turns,
        stop_forgets=not profile.session_settles_turns,
        stop_drops_pending=profile.inactive_deletes_pending,
        stop_needs_binding=profile.reconciles_at_start,
        reconciles_at_start=profile.reconciles_at_start,
    )


def version_number(version: str | None) -> tuple[int, ...] | None:
    """``0.0.33-nightly.4`` as ``(0, 0, 33)``; None if it is no version."""
    match = _VERSION.match(version or "")
    return tuple(int(part) for part in match.groups()) if match else None


def _profile_of(version: str | None) -> str | None:
    number = version_number(version)
    if number is None:
        return None
    return next(name for least, name in _BY_VERSION if number >= least)
