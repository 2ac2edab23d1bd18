"""Time travel in homes of the second data model: from a scenario's last state every earlier one is judged as it was."""

from __future__ import annotations

from contextlib import closing
from itertools import groupby

import pytest

from t3lens.diagnose import Options, ServerSetting, diagnose
from t3lens.domain.finding import Verdict
from t3lens.ingest import discover, ingest
from t3lens.store import Store
from t3lens.time import SECOND, parse_iso
from tests.diagnose.homes import by_id, complaints
from tests.recordings import Recording, needs_recordings_v2, recordings_v2

pytestmark = needs_recordings_v2

_SCENARIOS = [
    states
    for _, found in groupby(recordings_v2(), lambda recording: (recording.build, recording.scenario))
    if len(states := list(found)) > 1
]


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
