"""Lines of a thread asked for at once are those that two queries give; records made together are those of each row."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from t3lens.diagnose import queries
from t3lens.diagnose.record_facts import logged
from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.store import Store
from t3lens.t3code.v1.event_types import CANONICAL_LIFECYCLE_TYPES

_SAMPLES = Path(__file__).resolve().parents[2] / "sample_logs"


@pytest.mark.parametrize("sample", ["false-completed", "orphaned-by-restart", "retry-loop"])
def test_lines_asked_for_at_once_are_those_of_both_queries(sample: str) -> None:
    with closing(Store.open()) as store:
        homes = discover([_SAMPLES / sample])
        ingest(store, homes, options=IngestOptions(records=("off",)))
        with store.read() as con:
            threads = [thread for (thread,) in con.execute("select distinct thread_id from log_events").fetchall() if thread]

            def rows(sql: str, only: list[str] | None) -> list[tuple[Any, ...]]:
                restricted, values = queries.only(sql, only)
                given = {"home": homes[0].home_id, "types": sorted(CANONICAL_LIFECYCLE_TYPES)}
                values |= {name: value for name, value in given.items() if f"${name}" in restricted}
                return con.execute(restricted, values).fetchall()

            for only in (None, *([thread] for thread in threads)):
                parted = queries.part_logged(rows(queries.LOGGED, only))
                assert parted.canonical == rows(queries.CANONICAL, only)
                assert parted.native == rows(queries.NATIVE, only)
            assert rows(queries.CANONICAL, None)
            assert rows(queries.NATIVE, None)


def _row(thread: str, event_id: str, line: int) -> tuple[Any, ...]:
    return (thread, event_id, "turn.started", 5, "", "item", None, "codex", None, "a.log", line, 10 * line, None)


def test_threads_are_told_apart_and_the_first_line_of_an_event_counts() -> None:
    rows = [_row("a", "1", 1), _row("a", "1", 2), _row("b", "2", 3), _row("a", "3", 4), _row("a", "1", 5)]
    parts = list(logged(iter(rows)))
    assert [(part.thread_id, [line.line for line in part.lines]) for part in parts] == [
        ("a", [1, 2]),
        ("b", [3]),
        ("a", [4, 5]),
    ]
    assert [event.event_id for part in parts for event in part.events] == ["1", "1", "2", "3", "1"]
    assert {(event.turn_id, event.item_id) for part in parts for event in part.events} == {(None, "item")}, (
        "'' names nothing"
    )
    known = parts[0].stand_at({})
    assert {key: line.line for key, line in parts[2].stand_at(known).items()} == {"1": 1, "3": 4}
