"""A finding in hand names its row in the store and its mark in figures."""

from __future__ import annotations

from t3lens.lens.lens import Lens
from t3lens.view.records import find_record


def test_a_finding_in_hand_names_its_row(lens: Lens) -> None:
    found = [
        (place.home_id, finding.finding_id, finding.thread_id, finding.code)
        for place in lens.diagnosis.threads
        for finding in place.findings
    ]
    found += [
        (home.home.home_id, finding.finding_id, None, finding.code)
        for home in lens.diagnosis.homes
        for finding in home.findings
    ]
    rows = lens.rows("select home_id, finding_id, thread_id, code from findings")
    assert found
    assert sorted(found, key=str) == sorted(rows, key=str)
    assert len({(home, name) for home, name, *_ in found}) == len(found)


def test_its_mark_opens_it(lens: Lens) -> None:
    thread = next(one for one in lens.diagnosis.threads if one.findings)
    for finding in thread.findings:
        key = f"finding:{finding.finding_id}"
        record = find_record(lens.store, thread.home_id, thread.thread_id, key)
        assert record is not None
        assert record.title == finding.code
