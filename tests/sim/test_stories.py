"""Every story can be told wherever it says so; what a diagnosis makes of them is tested with the detectors."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import msgspec
import pytest

from t3lens.errors import UsageError
from t3lens.sim.scenarios import STORIES, Scenario, ToldStory, build_home
from tests.sim.conftest import query


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_a_story_is_told_on_every_build_with_every_provider(story: Scenario, tmp_path: Path) -> None:
    for build, provider in itertools.product(story.builds, story.providers):
        home = tmp_path / f"{build}-{provider}"
        told = story.tell(home, build=build, provider=provider)
        assert told.threads
        if story.name == "database-corrupt":
            continue
        there = {row[0] for row in query(home, "SELECT thread_id FROM projection_threads")}
        assert set(told.threads) <= there
        runtime = (home / "userdata" / "server-runtime.json").exists()
        assert runtime or told.server == "dead"


def test_expectations_stand_beside_the_home_as_in_the_recordings(tmp_path: Path) -> None:
    told = build_home(tmp_path / "home", "retry-loop")
    stored: dict[str, Any] = msgspec.json.decode((tmp_path / "home" / "expected.json").read_bytes())
    assert {"as_of", "server", "threads"} <= set(stored)
    assert stored["as_of"] == told.as_of
    assert msgspec.convert(stored, ToldStory) == told


def test_a_story_refuses_a_build_on_which_it_cannot_happen(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"does not happen on 0\.0\.33"):
        build_home(tmp_path / "home", "unsettled-turn", build="0.0.33")
    with pytest.raises(UsageError, match="unknown scenario 'nonsense'; choose one of"):
        build_home(tmp_path / "home", "nonsense")
    assert not (tmp_path / "home").exists()
