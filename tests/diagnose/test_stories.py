"""Every situation a finding is about, told on purpose in a simulated home: it is found, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from t3lens.diagnose import register_all
from t3lens.diagnose.detector import of_model
from t3lens.diagnose.facts import ModelInUse
from t3lens.sim.scenarios import STORIES
from tests.diagnose.homes import by_id, complaints, diagnosed, loud
from tests.diagnose.words import word_complaints

TOLD = [
    pytest.param(name, build, provider, id=f"{name}-{build}-{provider}")
    for name, story in STORIES.items()
    for number, build in enumerate(story.builds)
    for provider in (story.providers if number == 0 else story.providers[:1])
]
"""Every story on its most telling build with every provider, and on its other builds with one."""


@pytest.mark.parametrize(("name", "build", "provider"), TOLD)
def test_the_story_is_told_rightly(name: str, build: str, provider: str, tmp_path: Path) -> None:
    story = STORIES[name]
    recorded = story.records or build != story.builds[0]  # what is right does not depend on the agents' own records
    records = tmp_path / "agents" if recorded else None
    told = story.tell(tmp_path / "home", build=build, provider=provider, records=records)
    diagnosis = diagnosed(tmp_path / "home", as_of=told.as_of, server=told.server, records=records)
    assert word_complaints(diagnosis) == []
    home_wide = {finding.code for home in diagnosis.homes for finding in home.findings}
    assert home_wide >= set(told.home)
    threads = by_id(diagnosis)
    for thread_id, right in told.threads.items():
        must = [code for code in right.must if code not in home_wide]
        wrong = complaints(
            threads[thread_id],
            verdict=right.verdict,
            must=must,
            never=right.never,
            quiet=right.quiet,
        )
        assert not wrong, f"thread {thread_id}: {wrong}"


def test_every_code_has_a_story(tmp_path: Path) -> None:
    """A finding nobody can make happen on purpose is one nobody has seen work."""
    told: set[str] = set()
    for name, story in STORIES.items():
        outcome = story.tell(tmp_path / name)
        told.update(outcome.home, *(right.must for right in outcome.threads.values()))
    first = {code for code in register_all() if of_model(code, ModelInUse.FIRST)}
    elsewhere = {
        "database-not-in-use",  # needs a second database: see test_second_model
        "dead-provider",  # needs a process: see test_processes
        "database-older-than-log",  # needs a copy from before, and
        "request-unseen",  # a record of a child session: see test_reported_kinds
    }
    assert told == first - elsewhere


@pytest.mark.slow
@pytest.mark.parametrize("build", ["0.0.28", "0.0.33"])
def test_a_healthy_fleet_raises_no_alarm(build: str, tmp_path: Path, fleet_size: int) -> None:
    from t3lens.sim.fleet import fleet
    from t3lens.time import iso

    home = fleet(tmp_path / "home", fleet_size, build=build)
    diagnosis = diagnosed(tmp_path / "home", as_of=iso(home.now), server="alive")
    assert len(diagnosis.threads) == fleet_size
    alarms = {thread.thread_id: loud(thread) for thread in diagnosis.threads if loud(thread)}
    assert not alarms
    assert not [finding for home in diagnosis.homes for finding in home.findings]
