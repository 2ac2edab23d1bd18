from __future__ import annotations

import json

import pytest

from t3lens.lens.lens import Lens
from t3lens.view import records
from t3lens.view.records import find_record, metadata_only
from t3lens.view.timeline.data import TimelineIndex


def _keys(lens: Lens) -> list[tuple[str, str, str]]:
    found = []
    for thread in lens.diagnosis.threads:
        index = TimelineIndex(lens.store, thread.home_id, thread.thread_id, as_of=lens.as_of)
        data = index.view()
        index.close()
        keys = {b.key for b in data.bars} | {m.key for m in data.marks}
        keys |= {f"finding:{f.finding_id}" for f in data.findings}
        found += [(thread.home_id, thread.thread_id, key) for key in sorted(keys)]
    return found


def test_every_mark_of_every_timeline_opens_a_record_whose_query_finds_it(lens: Lens) -> None:
    seen = set()
    for home_id, thread_id, key in _keys(lens):
        record = find_record(lens.store, home_id, thread_id, key)
        assert record is not None, key
        kind = key.partition(":")[0]
        if kind not in seen:
            seen.add(kind)
            assert len(lens.sql(record.sql)), record.sql
    assert {"log", "event", "turn", "item", "request", "finding", "step"} <= seen
    assert {"attempt", "provider-turn", "node", "effect"} <= seen


def test_the_neighbours_of_a_log_line_stand_around_it_in_file_order(lens: Lens) -> None:
    key = next(k for k in _keys(lens) if k[2].startswith("log:"))
    record = find_record(lens.store, *key)
    assert record is not None
    lines = [int(near.key.rpartition(":")[2]) for near in record.neighbours]
    assert lines == sorted(lines)
    assert [near.key for near in record.neighbours if near.chosen] == [key[2]]


@pytest.mark.parametrize("key", ["", "log:", "log:1:x", "event:x", "nothing:1", "turn:nobody", "step:settle:99999"])
def test_a_key_that_names_nothing_finds_nothing(lens: Lens, key: str) -> None:
    thread = lens.diagnosis.threads[0]
    assert find_record(lens.store, thread.home_id, thread.thread_id, key) is None


def test_texts_show_only_as_their_length_unless_content_is_asked_for(lens: Lens) -> None:
    secret = "words of the answer"
    value = {"delta": secret, "itemType": "reasoning", "a": [{"text": secret}]}
    shown = json.dumps(metadata_only(value), ensure_ascii=False)
    assert "words" not in shown
    assert "reasoning" in shown and "‹19 characters›" in shown


def test_content_is_shown_when_asked_for(lens: Lens) -> None:
    found = lens.sql("SELECT home_id, thread_id, file_id, line FROM log_events WHERE type = 'content.delta' LIMIT 1")
    home_id, thread_id, file_id, line = found.iloc[0]
    key = f"log:{file_id}:{line}"
    without = find_record(lens.store, home_id, thread_id, key)
    with_content = find_record(lens.store, home_id, thread_id, key, content=True)
    assert without is not None and with_content is not None
    assert "characters›" in without.body
    assert "characters›" not in with_content.body


def test_of_a_record_too_long_to_search_for_secrets_no_text_is_shown(lens: Lens, monkeypatch: pytest.MonkeyPatch) -> None:
    found = lens.sql("SELECT home_id, thread_id, file_id, line FROM log_events WHERE type = 'content.delta' LIMIT 1")
    home_id, thread_id, file_id, line = found.iloc[0]
    monkeypatch.setattr(records, "_LONGEST_MASKED", 10)
    record = find_record(lens.store, home_id, thread_id, f"log:{file_id}:{line}", content=True)
    assert record is not None
    assert "too long to be searched for secrets" in record.body.partition("\n")[0] and "characters›" in record.body


def test_a_payload_nested_beyond_reason_is_cut_not_followed() -> None:
    deep: object = "x"
    for _ in range(200):
        deep = {"a": deep}
    assert "…" in json.dumps(metadata_only(deep), ensure_ascii=False)
