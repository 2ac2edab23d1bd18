"""All stories, and homes made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from t3lens.errors import UsageError
from t3lens.sim import stories_data, stories_failed, stories_kept, stories_live
from t3lens.sim.story import STORIES, Expect, Scenario, StoryOutcome, Told

__all__ = ["STORIES", "Expect", "Scenario", "StoryOutcome", "Told", "build_home", "find_story"]

_ = (stories_data, stories_failed, stories_kept, stories_live)  # importing them registers their stories


def find_story(name: str) -> Scenario:
    """The story called ``name``.

    Raises:
        UsageError: There is none; the message lists those there are.
    """
    try:
        return STORIES[name]
    except KeyError:
        raise UsageError(f"unknown scenario {name!r}; choose one of: {', '.join(sorted(STORIES))}") from None


def build_home(path: str | Path, name: str = "healthy", **how: Any) -> Told:
    """Make a home at ``path`` in which the story ``name`` was told; see ``Scenario.tell``."""
    return find_story(name).tell(path, **how)
