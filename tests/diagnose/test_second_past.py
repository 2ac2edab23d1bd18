"""Time travel in homes of the second data model: from a scenario's last state every earlier one is judged as it was."""

from __future__ import annotations

from contextlib import closing
from itertools import groupby
from pathlib import Path

import pytest

import t3lens
from t3lens.diagnose import Options, ServerSetting, diagnose
from t3lens.domain.finding import Verdict
from t3lens.ingest import discover, ingest
from t3lens.sim.script import Hang, Say
from t3lens.sim.v2.home import SecondHome
from t3lens.store import Store
from t3lens.time import SECOND, parse_iso
from tests.diagnose.homes import by_id, complaints
from tests.recordings import Recording, needs_recordings_v2, recordings_v2

_SCENARIOS = [
    states
    for _, found in groupby(recordings_v2(), lambda recording: (recording.build, recording.scenario))
    if len(states := list(found)) > 1
]


@needs_recordings_v2
@pytest.mark.parametrize("states", _SCENARIOS, ids=lambda states: states[0].scenario)
def test_an_earlier_state_is_judged_from_a_later_recording_as_it_was_then(states: list[Recording]) -> None:
    *earlier, last = states
    with closing(Store.open()) as store:
        homes = discover([last.path])
        ingest(store, homes)
        ids = [home.home_id for home in homes]
        for state in earlier:
            expected = state.expected
            moment = parse_iso(expected["as_of"])
            threads = by_id(diagnose(store, ids, Options(as_of=moment, server=ServerSetting(expected["server"]))))
            assert set(threads) == set(expected["threads"]), state.name
            for thread_id, right in expected["threads"].items():
                wrong = complaints(
                    threads[thread_id],
                    verdict=right["verdict"],
                    must=right["must"],
                    never=right.get("never", ()),
                    quiet=right.get("quiet", False),
                )
                assert not wrong, f"{state.name}: thread {thread_id}: {wrong}"
        before = min(parse_iso(str(run["requested_at"])) for run in last.rows_v2("orchestration_v2_projection_runs"))
        for thread in diagnose(store, ids, Options(as_of=before - SECOND // 10, server=ServerSetting.ALIVE)).threads:
            assert thread.verdict is Verdict.IDLE
        assert not diagnose(store, ids, Options(as_of=before - 86_400 * SECOND)).threads


def test_before_a_start_nobody_knows_whether_a_server_ran(tmp_path: Path) -> None:
    """What is written after a moment tells of a server then, unless a start of the server wrote it."""
    moments = {}
    with SecondHome(tmp_path / "home") as home:
        thread = home.thread("Port the parser")
        for number in range(2):
            home.send(thread, "Go on.", Say("one two"), Hang())
            home.wait_running(thread)
            home.advance(20)
            moments[f"hung {number}"] = home.core.now
            home.advance(20)
            other = home.thread("Something else")
            home.turn(other, "Go.")
            home.kill_server()
            home.advance(900)
            moments[f"dead {number}"] = home.core.now
            home.advance(60)
            home.start_server()
            home.advance(60)
    said = {}
    for name, moment in moments.items():
        with t3lens.open(tmp_path / "home", as_of=moment, records="off") as lens:
            said[name] = lens.diagnosis.homes[0].context.server
    # another thread wrote after the first moments, so a server ran
    assert {name: server.status for name, server in said.items()} == {
        "hung 0": "alive", "dead 0": "unknown", "hung 1": "alive", "dead 1": "unknown"
    }  # fmt: skip
    assert "until a server started at" in said["dead 0"].why
    with t3lens.open(tmp_path / "home", records="off") as lens:
        stuck = [one for one in lens.session.incidents() if one.code == "silent-turn"]
        assert [one.judgement.case.context.server.status for one in stuck] == ["unknown", "unknown"]
