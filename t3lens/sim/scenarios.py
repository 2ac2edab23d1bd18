"""All stories, and homes made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from t3lens.errors import UsageError
from t3lens.sim import stories_data, stories_failed, stories_live, stories_records, stories_requests
from t3lens.sim.story import STORIES, Expect, Scenario, StoryOutcome, ToldStory
from t3lens.sim.v2.stories import SECOND_STORIES, SecondStory

__all__ = ["STORIES", "Expect", "Scenario", "StoryOutcome", "ToldStory", "build_home", "find_story"]

_ = (stories_data, stories_failed, stories_requests, stories_live, stories_records)  # importing them registers their stories


def find_story(name: str) -> Scenario | SecondStory:
    """The story called ``name``, of either data model.

    Raises:
        UsageError: There is none; the message lists those there are.
    """
    found = STORIES.get(name) or SECOND_STORIES.get(name)
    if found is None:
        raise UsageError(f"unknown scenario {name!r}; choose one of: {', '.join(sorted({*STORIES, *SECOND_STORIES}))}")
    return found


def build_home(path: str | Path, name: str = "healthy", **how: Any) -> ToldStory:
    """Make a home at ``path`` in which the story ``name`` was told; see ``Scenario.tell``."""
    return find_story(name).tell(path, **how)
