"""Stories of what fails outside a turn, or before one begins."""

from __future__ import annotations

from t3lens.sim.home import SimHome
from t3lens.sim.script import Fail
from t3lens.sim.stories_live import WORDS, begin
from t3lens.sim.story import ALL_BUILDS, Expect, StoryOutcome, story

__all__: list[str] = []


@story(
    "start-refused",
    "Every start fails the same way, in words nobody has seen before.",
    builds=ALL_BUILDS,
)
def starts_fail(home: SimHome, provider: str) -> StoryOutcome:
    """The provider refuses the thread, and names another id each time."""
    thread = begin(home, provider)
    home.stop(thread)
    home.wait_idle(thread)
    for number, text in enumerate(("Go on.", "Please go on.", "Hello?")):
        home.t3.faults.unstartable[provider] = f"writer 7f3a9c00d1e{number} holds the lock of this conversation"
        home.send(thread, text)
        home.advance(40)
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=("dangling-resume-cursor",))})


@story("failure-unhandled", "A checkpoint was to be restored: the files went back, and the provider refused.")
def revert_refused(home: SimHome, provider: str) -> StoryOutcome:
    """Files and conversation part, and the thread looks idle."""
    thread = begin(home, provider)
    runtime = home.t3.thread(thread)
    detail = {"turnCount": 1, "detail": "Provider adapter request failed: this conversation cannot be rolled back"}
    home.t3.note(runtime, "checkpoint.revert.failed", "Checkpoint revert failed", detail, home.now)
    home.advance(60)
    return StoryOutcome(threads={thread: Expect(verdict=("diverged",), must=("failure-unhandled",))})


@story("usage-limit", "The plan's limit is used up; the provider says until when.", builds=ALL_BUILDS)
def limit_reached(home: SimHome, provider: str) -> StoryOutcome:
    """The turn failed, and the reason is what a person looks for."""
    thread = begin(home, provider)
    home.turn(thread, "Rewrite the parser.", WORDS, Fail("You've hit your usage limit. Try again at 6:00 PM."))
    home.advance(30)
    must = ("turn-failed", "usage-limit")
    return StoryOutcome(threads={thread: Expect(verdict=("failed",), must=must)})
