"""The named profiles: found by name, each different, and a switch for every difference the documents name."""

from __future__ import annotations

import pytest

from t3lens.errors import UsageError
from t3lens.t3code.v1.rules import PROFILES, REFERENCE, Reopening, Rules, Steering, profile


def test_the_reference_comes_first_and_the_others_by_age() -> None:
    assert list(PROFILES) == [
        "settle",
        "shipped-0.0.23",
        "shipped-0.0.28",
        "shipped-0.0.29",
        "shipped-0.0.33",
    ]
    assert profile("settle") is REFERENCE


def test_an_unknown_profile_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"'newest'.*settle.*shipped-0\.0\.33") as refused:
        profile("newest")
    assert refused.value.code == "unknown-profile"


def _differing(one: Rules, other: Rules) -> set[str]:
    names = set(Rules.__struct_fields__) - {"name", "since"}
    return {name for name in names if getattr(one, name) != getattr(other, name)}


@pytest.mark.parametrize(
    ("older", "newer", "differing"),
    [
        (
            "shipped-0.0.23",
            "shipped-0.0.28",
            {"session_settles_turns", "steering", "message_end_settles"},
        ),
        (
            "shipped-0.0.28",
            "shipped-0.0.29",
            {"inactive_state_clears_active", "inactive_deletes_pending"},
        ),
        (
            "shipped-0.0.29",
            "shipped-0.0.33",
            {"pending_start_holds_starting", "reconciles_at_start", "idle_terminal_needs_turn"},
        ),
        (
            "shipped-0.0.33",
            "settle",
            {
                "aborted_settles",
                "terminal_outcome_is_own",
                "ready_settles_as",
                "superseded_as",
                "failed_stop_recorded",
                "request_settles",
                "reopening",
                "pending_start_holds_starting",
                "idle_terminal_needs_turn",
            },
        ),
    ],
)
def test_profiles_differ_in_what_the_builds_differ_in(older: str, newer: str, differing: set[str]) -> None:
    assert _differing(profile(older), profile(newer)) == differing


def test_every_switch_tells_some_profiles_apart() -> None:
    for name in set(Rules.__struct_fields__) - {"name", "since"}:
        assert len({str(getattr(rules, name)) for rules in PROFILES.values()}) > 1, name


def test_rules_are_frozen() -> None:
    with pytest.raises(AttributeError):
        REFERENCE.steering = Steering.NEVER  # type: ignore[misc]
    assert REFERENCE.reopening is Reopening.OWN_START
