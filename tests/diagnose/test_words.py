"""How findings and stories name threads and begin; ``words`` holds every story and recording to the rest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from t3lens.diagnose.story import explain
from t3lens.diagnose.wording import called, short, with_short_ids
from t3lens.sim.scenarios import STORIES
from tests.diagnose.homes import diagnosed


def test_the_story_of_an_orphan_names_the_restart_before_the_finding(tmp_path: Path) -> None:
    told = STORIES["orphaned-by-restart"].tell(tmp_path / "home")
    (thread,) = [
        one for one in diagnosed(tmp_path / "home", as_of=told.as_of, server=told.server).threads
        if one.primary == "orphaned-turn"
    ]  # fmt: skip
    lines = explain(thread).lines
    restart = next(n for n, line in enumerate(lines) if line.text == "server restarted")
    finding = next(n for n, line in enumerate(lines) if line.text.startswith("orphaned-turn"))
    assert restart < finding
    summary = thread.findings[0].summary
    assert re.match(r"The server restarted .* after the turn began; nothing will end the turn of “", summary), summary


def test_threads_are_called_by_their_titles_and_ids_are_short() -> None:
    thread = "c0ffee00-0000-4000-8000-000000000000"
    assert called("  Fix\nthe login ", thread) == "“Fix the login”"
    assert called("word " * 40, thread).endswith(" …”") and len(called("word " * 40, thread)) < 70
    assert called(None, thread) == "thread c0ffee00"
    assert short("request-1") == "request-1" and short(f"runtime-request:{thread}") == "c0ffee00"
    assert with_short_ids(f"no {thread} and ses_203c4a5f0ffeAbCdEfGh") == "no c0ffee00 and ses_203c4a5f0"


def test_ids_that_begin_with_their_moment_are_told_apart_when_they_were_made_within_minutes() -> None:
    turns = ("01a203c7-1485-7332-8000-0123456789ab", "01a203c7-15cb-70b0-8000-0123456789ab")
    assert [short(one) for one in turns] == ["01a203c7-1485", "01a203c7-15cb"]
    assert with_short_ids("turn {} and turn {}".format(*turns)) == "turn 01a203c7-1485 and turn 01a203c7-15cb"
    events = ("evt_2037e02520014Yu41ckm90yach", "evt_2037e089e001LSWLxUxc5EahW2")
    assert [short(one) for one in events] == ["evt_2037e0252", "evt_2037e089e"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("run {0}:ordinal:2 waits", "run 2 waits"),
        ("an attempt at run {0}:ordinal:1 is pending", "an attempt at run 1 is pending"),
        ("the active turn is {0}:ordinal:12", "the active turn is run 12"),
        ("rerun {0}:ordinal:3", "rerun run 3"),
        ("{0}:ordinal: is none", "run:thread:c0ffee00:ordinal: is none"),
        ("run run:thread:Odd%2FName_C0FFEE:ordinal:2 waits", "run 2 waits"),
    ],
)
def test_sentences_tell_runs_by_their_numbers(said: str, told: str) -> None:
    run = "run:thread:c0ffee00-0000-4000-8000-000000000000"
    assert with_short_ids(said.format(run)) == told


def test_sentences_tell_what_a_provider_asked_by_the_providers_own_id() -> None:
    turn = "provider-turn%3Aprovider%3Acodex%3Anative-turn%3A01a22516-ac91-7af2-9055-7b2abdd3a78a"
    request = f"runtime-request:provider:codex:provider-turn:{turn}:native-request:call_bef09510:c4d29778-6efc-44e6"
    assert with_short_ids(f"a person is asked: request {request}") == "a person is asked: request call_bef09510"
    assert short(request) == "call_bef09510", "not the turn that the id is made of, too"
    thread = "provider-thread:provider:opencode:native-thread:pending%3Arun%3Athread%3Ac0ffee00%3Aordinal%3A1"
    assert with_short_ids(f"Failed to start run 2 on {thread}.") == "Failed to start run 2 on pending."
