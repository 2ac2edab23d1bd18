"""A home as of a moment, from records that go on, is judged as it was judged then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from t3lens.time import iso, parse_iso
from tests.diagnose.homes import by_id, complaints, diagnosed
from tests.recordings import RECORDED, needs_recordings

pytestmark = needs_recordings

UNKNOWABLE = {
    "0.0.23/14-sigterm/2-after-restart-65s": {"runtime-projection-split"},  # rests on the binding, which keeps no past
}
"""What cannot be seen afterwards any more, by recorded state."""


def _expected(state: Path) -> dict[str, Any]:
    return json.loads((state / "expected.json").read_text("utf-8"))  # type: ignore[no-any-return]


def _scenarios() -> list[list[Path]]:
    """The states of each recorded scenario by time, where there are several."""
    found = {}
    for file in RECORDED.glob("*/*/*/expected.json"):
        found.setdefault(file.parent.parent, []).append(file.parent)
    ordered = [sorted(states, key=lambda state: _expected(state)["as_of"]) for _, states in sorted(found.items())]
    return [states for states in ordered if len(states) > 1]


SCENARIOS = _scenarios()


@pytest.mark.parametrize("states", SCENARIOS, ids=[str(s[0].parent.relative_to(RECORDED)) for s in SCENARIOS])
def test_an_earlier_moment_of_a_later_state_is_judged_as_it_was_recorded(states: list[Path]) -> None:
    later = states[-1]
    wrong = []
    for state in states[:-1]:
        right = _expected(state)
        # a command may carry the very millisecond at which the state before it was recorded
        moment = iso(parse_iso(right["as_of"]) - 1000)
        threads = by_id(diagnosed(later, as_of=moment, server=right["server"]))
        name = str(state.relative_to(RECORDED))
        for thread_id, wanted in right["threads"].items():
            how = {key: wanted[key] for key in ("verdict", "never", "quiet") if key in wanted}
            how["must"] = set(wanted.get("must", ())) - UNKNOWABLE.get(name, set())
            wrong += [f"{name}: {why}" for why in complaints(threads[thread_id], **how)]
    assert wrong == []


def test_threads_that_did_not_exist_yet_are_not_there() -> None:
    state = next(states[-1] for states in SCENARIOS)
    diagnosis = diagnosed(state, as_of="2020-01-01T00:00:00Z", server="alive")
    assert diagnosis.threads == []
