"""Stories that the agents' own records tell: what only they know, and what only looks like it."""

from __future__ import annotations

from t3lens.sim.home import SimHome
from t3lens.sim.script import Fail, Hang, Retry, Say, Task, Tool
from t3lens.sim.stories_live import WORDS
from t3lens.sim.story import Expect, StoryOutcome, story

__all__: list[str] = []

_RECORDED = ("codex", "claudeAgent", "opencode")
"""Providers that keep a record of their own."""
_FIXED = ("0.0.28", "0.0.33")
_NOTHING_OF_A_RECORD = ("provider-ended", "provider-cut", "turn-outcome-differs")
_WELL = Expect(verdict=("idle",), quiet=True, never=_NOTHING_OF_A_RECORD)
_AT_WORK = Expect(verdict=("working",), quiet=True, never=_NOTHING_OF_A_RECORD)
_FORK = "01a22504-b44e-7a81-87f1-00000000f04c"
_COMPACTION = "01a22504-b44e-7a81-87f1-0000000c0113"


def _begin(home: SimHome, provider: str) -> str:
    """A thread with one healthy turn behind it."""
    thread = home.thread("Speed up the parser", provider=provider)
    home.turn(thread, "Read the module and tell me what it does.", WORDS)
    home.advance(20)
    return thread


def _lose_all_events(home: SimHome) -> None:
    """From now on T3 Code hears nothing of what its providers say."""
    home.t3.faults.loses_event = lambda event: True
    home.t3.faults.loses_line = lambda label, record: True


@story(
    "provider-ended",
    "The agent ended the turn and wrote that down, and T3 Code heard nothing more of it.",
    builds=(*_FIXED, "0.0.23"),
    providers=_RECORDED,
    records=True,
)
def provider_ended(home: SimHome, provider: str) -> StoryOutcome:
    """Nobody listens at the other end of the pipe."""
    thread = _begin(home, provider)
    home.send(thread, "Rewrite the parser.", WORDS, Tool("make all", 20), Say("It is done."))
    home.wait_running(thread)
    home.advance(10)
    _lose_all_events(home)
    home.advance(60)
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=("provider-ended",), never=("provider-cut",))})


@story(
    "provider-cut",
    "The agent hung, and somebody went on with its session in another program.",
    builds=(*_FIXED, "0.0.23"),
    providers=_RECORDED,
    records=True,
)
def provider_cut(home: SimHome, provider: str) -> StoryOutcome:
    """A later turn in the record, and an end of this one nowhere."""
    thread = _begin(home, provider)
    home.send(thread, "Rewrite the parser.", WORDS, Hang())
    home.wait_running(thread)
    home.advance(30)
    home.go_on_elsewhere(thread, "Go on where you were.")
    home.advance(30)
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=("provider-cut",), never=("provider-ended",))})


@story(
    "provider-shut-down",
    "The agent was told to end by somebody else, and wrote the turn down as if a person had interrupted it.",
    builds=_FIXED,
    providers=("codex",),
    records=True,
)
def provider_shut_down(home: SimHome, provider: str) -> StoryOutcome:
    """A shutdown is recorded word for word as a person's interrupt."""
    thread = _begin(home, provider)
    home.send(thread, "Rewrite the parser.", WORDS, Tool("make all", 900))
    home.wait_running(thread)
    home.advance(20)
    home.provider(thread).recording.shut_down()
    home.kill_provider(thread)
    home.advance(30)
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=("provider-ended",), never=("provider-cut",))})


@story(
    "failed-in-the-record",
    "The agent recorded that the turn failed, and told T3 Code that it was complete.",
    builds=_FIXED,
    providers=_RECORDED,
    records=True,
)
def failed_in_the_record(home: SimHome, provider: str) -> StoryOutcome:
    """Only the record knows of the failure."""
    thread = _begin(home, provider)
    home.turn(thread, "Rewrite the parser.", Fail("no credit", told=False))
    home.advance(30)
    return StoryOutcome(threads={thread: Expect(verdict=("diverged",), must=("turn-outcome-differs",))})


@story("summed-up", "The agent shortened its context between two turns.", providers=_RECORDED, records=True)
def summed_up(home: SimHome, provider: str) -> StoryOutcome:
    """A turn in the record that nobody asked for, or none at all."""
    thread = _begin(home, provider)
    home.provider(thread).recording.compact(_COMPACTION)
    home.advance(30)
    home.turn(thread, "Go on.", Tool("make check", 3), WORDS)
    home.provider(thread).recording.compact(_COMPACTION[:-1] + "4")
    home.advance(30)
    return StoryOutcome(threads={thread: _WELL})


@story(
    "forked-elsewhere", "The session was forked while a turn ran, and the fork went on.", providers=_RECORDED, records=True
)
def forked_elsewhere(home: SimHome, provider: str) -> StoryOutcome:
    """The same turn stands in two records, and it ended in neither."""
    thread = _begin(home, provider)
    home.send(thread, "Rewrite the parser.", WORDS, Tool("make all", 900))
    home.wait_running(thread)
    home.advance(20)
    home.fork_elsewhere(thread, _FORK, "Try it otherwise.")
    home.advance(30)
    return StoryOutcome(threads={thread: _AT_WORK})


@story(
    "helper-at-work", "The agent's turn ended while a helper of it still works.", providers=("claudeAgent",), records=True
)
def helper_at_work(home: SimHome, provider: str) -> StoryOutcome:
    """An end in the record is none while something goes on that works for it."""
    thread = _begin(home, provider)
    home.send(thread, "Survey it.", WORDS, Task("Look at every call site", 600, background=True), Tool("make check", 5))
    home.wait_running(thread)
    home.advance(3)
    _lose_all_events(home)
    home.advance(60)
    return StoryOutcome(threads={thread: _AT_WORK})


@story("stopped-in-a-retry", "A person stopped the turn while the agent waited to ask the model again.",
       providers=("opencode",), records=True)  # fmt: skip
def stopped_in_a_retry(home: SimHome, provider: str) -> StoryOutcome:
    """OpenCode stores such a turn as complete, without a word of the stop."""
    thread = _begin(home, provider)
    home.send(thread, "Rewrite the parser.", Retry(6))
    home.wait_running(thread)
    home.advance(20)
    home.interrupt(thread)
    home.wait_idle(thread)
    home.advance(30)
    return StoryOutcome(threads={thread: Expect(verdict=("failed",), quiet=True, never=_NOTHING_OF_A_RECORD)})


@story("prompt-for-a-tool", "A person's further message came while a tool ran, and the agent took it up with the next step.",
       providers=_RECORDED, records=True)  # fmt: skip
def prompt_for_a_tool(home: SimHome, provider: str) -> StoryOutcome:
    """OpenCode's first turn has no end then: that of the second is its end."""
    thread = _begin(home, provider)
    home.send(thread, "Rewrite the parser.", WORDS, Tool("make all", 60))
    home.wait_running(thread)
    home.advance(20)
    home.send(thread, "Keep the old name.")
    home.wait_idle(thread)
    home.advance(30)
    return StoryOutcome(threads={thread: _WELL})


@story("answered-for-the-dead", "The server was killed in a turn, and the agent made up an answer at the next prompt.",
       builds=("0.0.33",), providers=_RECORDED, records=True)  # fmt: skip
def answered_for_the_dead(home: SimHome, provider: str) -> StoryOutcome:
    """What stands there of the dead turn later is not an answer."""
    thread = _begin(home, provider)
    home.send(thread, "Rewrite the parser.", WORDS, Tool("make all", 900))
    home.wait_running(thread)
    home.advance(20)
    home.restart_server(kill=True)
    home.advance(20)
    home.turn(thread, "Go on where you were.", WORDS)
    home.advance(30)
    return StoryOutcome(threads={thread: Expect(verdict=("idle",), never=_NOTHING_OF_A_RECORD)})


@story("updated-and-put-away", "The agent was updated while it was idle, and its record compressed and archived.",
       providers=("codex",), records=True)  # fmt: skip
def updated_and_put_away(home: SimHome, provider: str) -> StoryOutcome:
    """One record with lines of several builds, at another place and packed."""
    assert home.agents is not None
    home.agents.builds[provider] = "0.142.5"
    thread = _begin(home, provider)
    recording = home.provider(thread).recording
    for build, packed in (("0.146.0", False), ("0.171.0", True)):
        recording.put_away(packed=packed)
        home.restart_server()
        home.agents.builds[provider] = build
        home.turn(thread, "Go on.", Tool("make check", 3), WORDS)
        recording = home.provider(thread).recording
        home.advance(60)
    recording.put_away(packed=True)
    return StoryOutcome(threads={thread: _WELL})
