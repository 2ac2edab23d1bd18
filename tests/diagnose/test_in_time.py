"""One home that never ends costs its own bounded time, and no other its answer, in one process too."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import t3lens
import t3lens.diagnose.replays as replays
import t3lens.reading as reading
from t3lens.diagnose.time_limit import TookTooLong, asked_in_time, judged_in_time
from t3lens.sim.scenarios import build_home
from t3lens.store import Store
from tests.cli.conftest import run as run


@pytest.fixture
def homes(tmp_path: Path) -> list[Path]:
    for name in ("orphaned-turn", "short-and-healthy"):
        build_home(tmp_path / name, name)
    return sorted(tmp_path.iterdir())


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes the replay with a number, and none but that, go on for ever; an hour goes by at each of its steps."""
    passed = itertools.count()
    late = [0.0]
    real, clock = replays.in_time, time.monotonic
    monkeypatch.setattr(reading.time, "monotonic", lambda: clock() + late[0])

    def from_then_on(number: int) -> None:
        def for_ever(events: Any) -> Iterator[Any]:
            for event in itertools.cycle(events):
                late[0] += 3600
                yield event

        def steps(events: Any) -> Iterator[Any]:
            return real(for_ever(list(events))) if next(passed) == number else real(events)

        monkeypatch.setattr(replays, "in_time", steps)

    return from_then_on


def test_the_others_are_judged(run: Callable[..., Any], homes: list[Path], endless: Callable[[int], None]) -> None:
    endless(0)
    said = run("audit", *homes, "--format", "json", "--budget", "800")
    document = json.loads(said.out)
    first, second = document["homes"]
    assert said.code == 2
    assert first["cannot_judge"].startswith("judging it used up its 800 s (--budget)")
    assert "judging it used up its 800 s (--budget)" in said.err
    assert second["cannot_judge"] is None
    verdicts = {thread["home_id"]: thread["verdict"] for thread in document["threads"]}
    assert verdicts == {first["home_id"]: "unknown", second["home_id"]: "idle"}


def test_a_thread_that_never_ends_while_it_is_followed(homes: list[Path], endless: Callable[[int], None]) -> None:
    lens = t3lens.open(homes[0], server="dead")
    (thread,) = lens.diagnosis.threads
    endless(0)
    from t3lens.diagnose import rediagnose

    (home,) = rediagnose(lens.session.whole, lens.diagnosis, [thread.thread_id]).homes
    assert "used up" in (home.home.standing.cannot_judge or "")
    assert [one.verdict.value for one in home.threads] == ["unknown"]


def test_a_home_that_took_too_long_is_tried_again(
    run: Callable[..., Any], homes: list[Path], endless: Callable[[int], None], tmp_path: Path
) -> None:
    from t3lens.fleet.one_home import AuditRequest, audit_one
    from t3lens.ingest import discover

    endless(0)
    (home,) = discover([homes[0]])
    asked = AuditRequest(t3lens.diagnose.Options(), None, tmp_path / "stores")
    (tmp_path / "stores").mkdir()
    _, late = audit_one(home, asked)
    kind, whole = audit_one(home, asked)
    assert late.document.homes[0].cannot_judge
    assert kind == "read"
    assert whole.document.homes[0].cannot_judge is None


def test_a_past_that_never_ends_is_told_of(homes: list[Path], endless: Callable[[int], None]) -> None:
    (whole,) = t3lens.open(homes[1], server="dead").session.incidents()
    assert not whole.open
    lens = t3lens.open(homes[1], server="dead")
    assert lens.session.no_past == []
    endless(0)
    assert lens.session.incidents() == []
    (told,) = lens.session.no_past
    assert "incidents that are over cannot be told: judging it used up its 900 s (--budget)" in told


def test_a_question_to_the_store_that_never_ends(tmp_path: Path) -> None:
    store = Store.open()
    with pytest.raises(TookTooLong, match="used up its"), judged_in_time(0.05):  # noqa: SIM117
        with store.read() as con, asked_in_time(con):
            con.execute("select max(hash(range)) from range(1000000000000)").fetchall()
    with store.read() as con, asked_in_time(con):  # and nothing is left of it
        assert con.execute("select 1").fetchall() == [(1,)]
    store.close()
