"""The document of a thread that is well again tells of the time it was not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import t3lens
from t3lens.sim import SimHome
from t3lens.sim.script import Hang, Say
from t3lens.time import iso


@pytest.fixture(scope="module")
def healed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[t3lens.Lens, str]]:
    """A thread that hung for half an hour, was stopped, and has worked since."""
    place = tmp_path_factory.mktemp("healed") / "home"
    with SimHome(place, build="0.0.33") as home:
        thread = home.thread("Nightly checks", provider="codex")
        home.turn(thread, "Look around.", Say("I did."))
        home.send(thread, "Run the checks.", Say("Starting."), Hang())
        home.wait_running(thread)
        home.advance(1800)
        home.stop(thread)
        home.wait_idle(thread)
        home.advance(300)
        home.turn(thread, "Again, please.", Say("Done."))
        home.advance(60)
    with t3lens.open(place, as_of=iso(home.now), server="alive") as lens:
        yield lens, thread


@pytest.mark.parametrize("suffix", [".md", ".html"])
def test_it_is_a_postmortem(healed: tuple[t3lens.Lens, str], suffix: str, tmp_path: Path) -> None:
    lens, thread = healed
    assert lens.thread(thread).verdict == "idle"
    text = lens.report(tmp_path / f"report{suffix}", [thread]).read_text("utf-8")
    for said in ("has been silent for", "It was stuck from", "A person stopped the session.", "When something was wrong"):
        assert said in text, said
    assert "nothing is wrong with this thread" not in text
    assert "silent-turn" in text
    said = next(line for line in text.splitlines() if "stood still for" in line)
    assert "because nothing more was heard of its provider, until a person stopped the session." in said
    assert "Nightly checks" in said


def test_it_is_told_of_in_the_time_it_happened_in_and_not_otherwise(healed: tuple[t3lens.Lens, str], tmp_path: Path) -> None:
    lens, _ = healed
    with pytest.raises(t3lens.T3LensError, match="there is no thread to report on"):
        lens.report(tmp_path / "all.md")
    assert "silent-turn" in lens.report(tmp_path / "ranged.md", start="2026-07-06T00:00:00Z").read_text("utf-8")


def test_in_the_middle_of_it_the_document_says_stuck_and_the_tables_do_too(healed: tuple[t3lens.Lens, str]) -> None:
    lens, thread = healed
    (incident,) = lens.incidents().to_dict("records")
    middle = incident["from"] + (incident["to"] - incident["from"]) * 0.9
    with t3lens.open(lens.session.homes[0].path, as_of=middle.to_pydatetime(), server="alive") as then:
        assert then.thread(thread).verdict == "stuck"
        assert then.thread(thread).incidents()["to"].isna().all()
    assert lens.thread(thread).state_at(middle.to_pydatetime()).to_row()["status"] == "running"
