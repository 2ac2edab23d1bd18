"""The lifecycle rules of the second data model as data: a reference, and what builds of August and October do."""

from __future__ import annotations

from typing import Final

import msgspec

from t3lens.errors import UsageError

__all__ = ["AS_STORED", "PROFILES", "REFERENCE", "SecondRules", "guess", "profile"]


class SecondRules(msgspec.Struct, frozen=True, kw_only=True):
    """The switches in which builds of the second data model differ.

    Attributes:
        name: Profile name, as in ``--rules``.
        since: In words: which builds behave so.
        start_ends_runs: What an earlier server left live is over once a later one started, also where the store was
            never told so.
        hung_effect_ends_run: A run whose effect nobody will finish does not work any more.
        start_holds_queue: A start keeps queued runs, held until a person resumes them (else it cancels them).
        queue_outlives_start: Of a queued run that the store has as cancelled by a start, these rules say that it is held:
            what an October server would have made of it.
        reconciles_at_start: The server ends orphaned runs when it starts.
    """

    name: str
    since: str
    start_ends_runs: bool
    hung_effect_ends_run: bool
    start_holds_queue: bool
    queue_outlives_start: bool = False
    reconciles_at_start: bool = True


REFERENCE: Final = SecondRules(
    name="settle",
    since="the reference: only a run's own end settles it, what nobody will finish does not work",
    start_ends_runs=True,
    hung_effect_ends_run=True,
    start_holds_queue=True,
)
_AUGUST: Final = SecondRules(
    name="v2-august",
    since="the branch of August 2026: a start cancels queued runs too",
    start_ends_runs=False,
    hung_effect_ends_run=False,
    start_holds_queue=False,
)
_OCTOBER: Final = SecondRules(
    name="v2-october",
    since="0.0.46 nightlies: a start holds queued runs",
    start_ends_runs=False,
    hung_effect_ends_run=False,
    start_holds_queue=True,
    queue_outlives_start=True,
)

AS_STORED: Final = _AUGUST
"""These rules add nothing to what the store says, event by event."""

PROFILES: Final[dict[str, SecondRules]] = {rules.name: rules for rules in (REFERENCE, _AUGUST, _OCTOBER)}
"""All named profiles of the second data model, the reference first, then by age."""


def profile(name: str) -> SecondRules:
    """The rules called ``name``.

    Raises:
        UsageError: There is no such profile; the message lists those there are.
    """
    try:
        return PROFILES[name]
    except KeyError:
        raise UsageError(
            f"unknown rules profile {name!r} for T3 Code's second data model; choose one of: {', '.join(PROFILES)}",
            code="unknown-profile",
        ) from None


def guess(*, own_database: bool) -> SecondRules:
    """The rules of the build that wrote a home.

    Args:
        own_database: Whether the second data model stands in a database of its own, which came in October.
    """
    return _OCTOBER if own_database else _AUGUST
