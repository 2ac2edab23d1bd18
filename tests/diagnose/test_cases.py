"""Small homes after public reports of people who were told something wrong: each must be judged as it is right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from t3lens.diagnose import Diagnosis
from t3lens.diagnose.story import explain
from tests.diagnose.homes import by_id, complaints, diagnosed
from tests.diagnose.words import word_complaints

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
FOUND = sorted(path.parent for path in CASES.glob("*/expected.json"))

pytestmark = pytest.mark.skipif(not FOUND, reason="the reported cases are not beside this project (../shared/cases)")


@pytest.mark.parametrize("case", FOUND, ids=[case.name for case in FOUND])
def test_a_reported_case_is_judged_right(case: Path) -> None:
    right: dict[str, Any] = json.loads((case / "expected.json").read_text("utf-8"))
    diagnosis = diagnosed(case, as_of=right["as_of"], server=right["server"])
    assert _wrong(diagnosis, right) == []
    assert word_complaints(diagnosis) == []


def _wrong(diagnosis: Diagnosis, right: dict[str, Any]) -> list[str]:
    threads = by_id(diagnosis)
    at_home = {finding.code for home in diagnosis.homes for finding in home.findings}
    wrong = [f"{code} at the home" for code in right.get("never_home", ()) if code in at_home]
    if right.get("no_other_threads"):
        wrong += [f"phantom {thread_id}" for thread_id in set(threads) - set(right["threads"])]
    for thread_id, wanted in right["threads"].items():
        thread = threads[thread_id]
        how = {key: wanted[key] for key in ("verdict", "must", "never", "quiet") if key in wanted}
        wrong += complaints(thread, **how)
        for finding in thread.findings:
            if finding.remedy in right.get("remedy_must_not", {}).get(finding.code, ()):
                wrong.append(f"{finding.code} advises {finding.remedy}")
        story = explain(thread)
        said = "\n".join([story.headline, *(line.text for line in story.lines), story.next_step]).lower()
        parted = f"{' and '.join(story.divergence.between)} part" if story.divergence.between else ""
        said += f"\n{parted}"
        wrong += [f"not told: {text}" for text in right.get("show_must", ()) if text.lower() not in said]
        wrong += [f"told: {text}" for text in right.get("show_must_not", ()) if text.lower() in said]
    return wrong
