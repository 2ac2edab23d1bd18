"""The home of the demo: a few projects, most threads fine, one of each way to be stuck or untrue."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from t3lens.sim.home import SimHome
from t3lens.sim.scenarios import STORIES
from t3lens.sim.script import Abort, Fail, Hang, Retry, Say, Task, Title, Tool
from t3lens.sim.story import Expect, Scenario, StoryOutcome, ToldStory, story
from t3lens.sim.v2.stories import SECOND_STORIES, SecondStory
from t3lens.time import SECOND, from_datetime, parse_iso

__all__ = ["demo_home", "second_demo_home"]

_TALK = Say("I have read the module and will change the parser in two places, then run the checks.", 0.12)
_START = Say("The first thing to do here is to look at", 0.4)


def demo_home(path: str | Path, *, end: datetime | None = None, seed: int | str = 0, **how: Any) -> ToldStory:
    """Make the demo's home at ``path``, with a server that is alive at its end.

    Args:
        path: The home; it must not have ``userdata`` yet.
        end: The moment the story reaches (aware); now by default, so that a server can carry on from there.
        seed: The same seed and end give the same bytes.
        how: Further arguments of ``Scenario.tell``.

    Returns:
        What is right about every thread.
    """
    return _ending(STORIES["demo"], path, end, seed, how)


def second_demo_home(path: str | Path, *, end: datetime | None = None, seed: int | str = 0, **how: Any) -> ToldStory:
    """Make the demo's home of the second data model at ``path``, with a server that is alive at its end.

    Args:
        path: The home; it must not have ``userdata`` yet.
        end: The moment the story reaches (aware); now by default, so that a server can carry on from there.
        seed: The same seed and end give the same bytes.
        how: Further arguments of ``SecondStory.tell``.

    Returns:
        What is right about every thread.
    """
    return _ending(SECOND_STORIES["v2-demo"], path, end, seed, how)


def _ending(
    tale: Scenario | SecondStory, path: str | Path, end: datetime | None, seed: int | str, how: dict[str, Any]
) -> ToldStory:
    """Tell a story so that it ends at a moment, now by default."""
    end = end or datetime.now(UTC)
    anywhen = datetime(2026, 7, 6, 9, tzinfo=UTC)
    with tempfile.TemporaryDirectory() as folder:
        trial = tale.tell(Path(folder) / "trial", seed=seed, start=anywhen, **how)
    lasts = timedelta(microseconds=parse_iso(trial.as_of) - from_datetime(anywhen))
    start = end - lasts
    start -= timedelta(microseconds=from_datetime(start) % (SECOND // 1000))
    return tale.tell(path, seed=seed, start=start, **how)


@story(
    "demo",
    "A morning of four projects: most threads are fine, some are stuck, some are stored untruly.",
    providers=("opencode",),
)
def _demo(home: SimHome, provider: str) -> StoryOutcome:
    threads: dict[str, Expect] = {}
    fine, stuck = Expect(verdict=("idle",), quiet=True), ("stuck",)
    _quiet_morning(home, threads, fine)
    _restart(home, threads)
    _tell_afternoon(home, threads)
    home.project("harbor")
    silent = _opened(home, "Untangle the imports", "codex")
    home.send(silent, "Untangle the imports of the core.", _START, Hang())
    home.wait_running(silent)
    threads[silent] = Expect(verdict=stuck, must=("silent-turn",))
    home.advance(700)
    looping = _opened(home, "Write the migration guide", "opencode")
    home.send(looping, "Write the guide.", Retry(30))
    home.wait_running(looping)
    threads[looping] = Expect(verdict=stuck, must=("retry-loop",))
    aborted = _opened(home, "Replace the date library", "cursor")
    home.send(aborted, "Replace it everywhere.", _TALK, Abort())
    threads[aborted] = Expect(verdict=stuck, must=("session-differs",))
    home.advance(60)
    working = _opened(home, "Build the docs", "claudeAgent")
    home.send(working, "Build the docs and look at the warnings.", _TALK, Tool("make docs", 1200))
    home.wait_running(working)
    threads[working] = Expect(verdict=("working",), quiet=True)
    asking = _opened(home, "Clean the release folder", "codex", mode="approval-required")
    home.send(
        asking,
        "Remove what is older than a year.",
        Tool("rm -rf releases/2024", approval=True),
        _TALK,
    )
    home.wait_request(asking)
    threads[asking] = Expect(verdict=("waiting",), must=("waiting-for-user",), quiet=True)
    frozen = _opened(home, "Port the tests to the new runner", "opencode")
    home.send(frozen, "Port all of them.", _START, Hang())
    home.wait_running(frozen)
    home.advance(20)
    home.freeze_provider(frozen)
    home.interrupt(frozen)
    threads[frozen] = Expect(verdict=stuck, must=("terminal-turn-live-session", "interrupt-without-effect"))
    home.advance(140)
    return StoryOutcome(threads=threads)


def _opened(home: SimHome, title: str, provider: str, *, mode: str = "full-access") -> str:
    thread = home.thread(title, provider=provider, runtime_mode=mode)
    home.turn(thread, f"{title}: what would you do first?", Title(title), _TALK)
    home.advance(15)
    return thread


def _quiet_morning(home: SimHome, threads: dict[str, Expect], fine: Expect) -> None:
    home.project("atlas")
    for title, provider in (
        ("Speed up the parser", "opencode"),
        ("Explain the cache", "claudeAgent"),
        ("Fix the flaky test", "codex"),
        ("Rename the module", "cursor"),
    ):
        thread = _opened(home, title, provider)
        home.turn(thread, "Do it.", Tool("make check", 20), _TALK)
        threads[thread] = fine
    watched = _opened(home, "Watch the nightly build", "claudeAgent")
    home.turn(
        watched,
        "Watch it.",
        Task("Read the log", 8),
        Task("Keep watching", 90, background=True),
        _TALK,
    )
    threads[watched] = fine
    _freed(home, threads, fine)
    home.advance(300)


def _freed(home: SimHome, threads: dict[str, Expect], fine: Expect) -> None:
    """One thread hangs for half an hour, until somebody stops it; it has worked since."""
    hung = _opened(home, "Update the dependencies", "codex")
    home.send(hung, "Update them and run the checks.", _START, Hang())
    home.wait_running(hung)
    home.advance(2100)
    home.stop(hung)
    home.wait_idle(hung)
    home.advance(40)
    home.turn(hung, "Again, please, one at a time.", _TALK, Tool("make check", 30), _TALK)
    threads[hung] = fine


def _restart(home: SimHome, threads: dict[str, Expect]) -> None:
    """The server is killed while one thread works and another one asks."""
    reconciles = home.build.rules.reconciles_at_start
    home.project("quill")
    orphan = _opened(home, "Rewrite the importer", "opencode")
    asking = _opened(home, "Drop the old tables", "codex", mode="approval-required")
    home.send(asking, "Drop them.", Tool("psql -f drop.sql", approval=True), _TALK)
    home.wait_request(asking)
    home.send(orphan, "Rewrite it with streams.", _TALK, Tool("make all", 900))
    home.wait_running(orphan)
    home.advance(12)
    home.restart_server()
    if reconciles:
        threads[orphan] = Expect(verdict=("failed",), must=("lost-at-restart",))
        threads[asking] = Expect(verdict=("stuck",), must=("request-on-dead-session",))
    else:
        threads[orphan] = Expect(verdict=("stuck",), must=("orphaned-turn",))
        threads[asking] = Expect(verdict=("stuck",), must=("orphaned-turn", "request-on-dead-session"))
    home.advance(240)


def _tell_afternoon(home: SimHome, threads: dict[str, Expect]) -> None:
    home.project("meadow")
    refused = _opened(home, "Summarise the incident", "claudeAgent")
    home.turn(refused, "Summarise it.", Fail("Insufficient balance on this account."))
    threads[refused] = Expect(verdict=("failed",))
    cut = _opened(home, "Tune the query planner", "codex")
    home.send(cut, "Tune it.", _START, Hang())
    home.wait_running(cut)
    home.advance(5)
    home.interrupt(cut)
    home.wait_idle(cut)
    threads[cut] = Expect(verdict=("diverged",), must=("turn-outcome-differs",))
    wrong = _opened(home, "Draft the release notes", "opencode")
    home.send(wrong, "Draft them.", _START, Hang())
    home.wait_running(wrong)
    home.advance(5)
    home.interrupt(wrong)
    home.wait_idle(wrong)
    threads[wrong] = Expect(verdict=("failed",), must=("interrupt-misrecorded",))
    stopped = _opened(home, "Try the new formatter", "cursor")
    home.stop(stopped)
    home.wait_idle(stopped)
    threads[stopped] = Expect(verdict=("stopped", "idle"))
    shelved = _opened(home, "Sketch the plugin system", "opencode")
    home.archive(shelved)
    threads[shelved] = Expect(verdict=("idle",))
    home.advance(120)
