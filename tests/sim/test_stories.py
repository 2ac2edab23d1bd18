"""Every story can be told, and the diagnosis says of it what is right: one fault on purpose for every finding."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from t3lens.diagnose import diagnose
from t3lens.diagnose.context import Server
from t3lens.diagnose.detector import register_all
from t3lens.diagnose.diagnosis import HomeDiagnosis
from t3lens.diagnose.options import Options, ServerSetting
from t3lens.errors import UsageError
from t3lens.ingest import discover, ingest
from t3lens.model.finding import Severity
from t3lens.model.time import parse_iso
from t3lens.sim.scenarios import STORIES, Told, build_home
from t3lens.store import Store

Variant = tuple[str, str, str]
"""Story, build, provider."""


def all_variants() -> list[Variant]:
    return [
        (name, build, provider)
        for name, story in STORIES.items()
        for build, provider in itertools.product(story.builds, story.providers)
    ]


def some_variants() -> list[Variant]:
    """Every story on every build, the providers taking turns; for the long run there is ``all_variants``."""
    chosen = []
    for number, (name, story) in enumerate(STORIES.items()):
        for offset, build in enumerate(story.builds):
            chosen.append((name, build, story.providers[(number + offset) % len(story.providers)]))
    return chosen


def judge(home: Path, told: Told) -> HomeDiagnosis:
    """The diagnosis of the home at the moment its story ends."""
    runtime = home / "userdata" / "server-runtime.json"
    started = (
        parse_iso(msgspec.json.decode(runtime.read_bytes())["startedAt"])
        if runtime.exists()
        else None
    )
    with_store = Store.open(None)
    try:
        (found,) = discover([home])
        ingest(with_store, [found])
        server = Server(told.server, started_at=started, why="the story says so")
        options = Options(as_of=parse_iso(told.as_of), server=ServerSetting(told.server))
        return diagnose(
            with_store, [found.home_id], options, servers={found.home_id: server}
        ).homes[0]
    finally:
        with_store.close()


def complaints(judged: HomeDiagnosis, told: Told) -> Iterator[str]:
    """Where the diagnosis is not what the story says is right."""
    wide = {finding.code for finding in judged.findings}
    for code in told.home:
        if code not in wide:
            yield f"the home lacks {code}; it has {sorted(wide)}"
    threads = {thread.thread_id: thread for thread in judged.threads}
    for thread_id, expect in told.threads.items():
        thread = threads[thread_id]
        codes = [finding.code for finding in thread.findings]
        if thread.verdict.value not in expect.verdict:
            yield f"{thread_id} is {thread.verdict}, right is {expect.verdict}; findings {codes}"
        yield from (
            f"{thread_id} lacks {code}; it has {codes}" for code in expect.must if code not in codes
        )
        yield from (f"{thread_id} must not have {code}" for code in expect.never if code in codes)
        for finding in thread.findings:
            if expect.quiet and finding.severity.at_least(Severity.MEDIUM):
                yield f"{thread_id} is quiet, and yet: {finding.code}, {finding.summary}"


def right(variant: Variant, home: Path) -> None:
    name, build, provider = variant
    told = build_home(home, name, build=build, provider=provider)
    assert list(complaints(judge(home, told), told)) == []


@pytest.mark.parametrize("variant", some_variants(), ids="-".join)
def test_the_diagnosis_of_a_story_is_right(variant: Variant, tmp_path: Path) -> None:
    right(variant, tmp_path / "home")


@pytest.mark.slow
@pytest.mark.parametrize(
    "variant", sorted(set(all_variants()) - set(some_variants())), ids="-".join
)
def test_the_diagnosis_of_a_story_is_right_with_every_provider(
    variant: Variant, tmp_path: Path
) -> None:
    right(variant, tmp_path / "home")


def test_there_is_a_story_for_every_finding(tmp_path: Path) -> None:
    """In the expectations of some story each code stands; ``dead-provider`` needs a look at real processes."""
    told: set[str] = set()
    for number, (name, story) in enumerate(STORIES.items()):
        for build in story.builds:
            outcome = story.tell(tmp_path / f"{number}-{build}", build=build)
            told.update(outcome.home)
            for expect in outcome.threads.values():
                told.update(expect.must)
        assert name
    assert set(register_all()) - told == {"dead-provider"}
    assert "dead-provider" in STORIES


def test_expectations_stand_beside_the_home_as_in_the_recordings(tmp_path: Path) -> None:
    told = build_home(tmp_path / "home", "retry-loop")
    stored: dict[str, Any] = msgspec.json.decode((tmp_path / "home" / "expected.json").read_bytes())
    assert {"as_of", "server", "threads"} <= set(stored)
    assert stored["as_of"] == told.as_of
    assert msgspec.convert(stored, Told) == told


def test_a_story_refuses_a_build_on_which_it_cannot_happen(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"does not happen on 0\.0\.33"):
        build_home(tmp_path / "home", "unsettled-turn", build="0.0.33")
    with pytest.raises(UsageError, match="unknown scenario 'nonsense'; choose one of"):
        build_home(tmp_path / "home", "nonsense")
    assert not (tmp_path / "home").exists()
