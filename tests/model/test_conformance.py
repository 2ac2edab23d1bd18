"""Replaying a recorded log gives, event by event, the sessions that the server of that build stored."""

from __future__ import annotations

import pytest

from tests.model.conformance import conformance
from tests.recordings import PROFILE_OF_BUILD, needs_recordings

pytestmark = needs_recordings


@pytest.mark.parametrize(("build", "profile"), PROFILE_OF_BUILD.items())
def test_every_stored_session_is_foretold_under_the_rules_of_its_build(
    build: str, profile: str
) -> None:
    found = conformance()
    assert found.total(build, profile) > 100, "hardly anything was compared"
    assert [str(each) for each in found.differed.get((build, profile), [])] == []


def test_the_rules_of_older_builds_do_not_foretell_the_newest_build() -> None:
    found = conformance()
    for other in ("settle", "shipped-0.0.23", "shipped-0.0.28", "shipped-0.0.29"):
        assert found.differed[("0.0.33", other)], f"{other} cannot be told from shipped-0.0.33"


def test_a_session_without_its_log_line_is_only_what_a_kill_took_from_the_newest_build() -> None:
    lost = conformance().without_line
    assert (lost["0.0.23"], lost["0.0.28"]) == (0, 0)
    assert 0 < lost["0.0.33"] < 50


def test_only_what_a_clean_shutdown_lost_was_logged_without_setting_the_session() -> None:
    """The other direction: nothing is foretold that the server did not store, but one abort at shutdown."""
    unanswered = conformance().unanswered
    assert {each.home.split("/")[1] for each in unanswered} == {"14-sigterm"}
    assert {(each.type, each.foretold[2]) for each in unanswered} == {("turn.completed", "Aborted")}
