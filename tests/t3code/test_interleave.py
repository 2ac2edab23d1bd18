"""The log and the event store as one order: by sequence where known, by log order between, never by stored time."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from t3lens.domain.event import Event
from t3lens.t3code.v1.event_types import SESSION_SET
from t3lens.t3code.v1.lifecycle.interleave import anchors, interleave, is_input
from t3lens.t3code.v1.writers import ingested_event_id
from tests.recordings import needs_recordings, recordings
from tests.t3code.streams import recorded_streams


def logged(event_id: str, at: int, kind: str = "turn.started") -> Event:
    return Event(event_id=event_id, type=kind, at=at)


def consequence(of: str, sequence: int, at: int = 0) -> Event:
    command = f"provider:{of}:thread-session-set:0b1c"
    return Event(event_id=f"s{sequence}", type=SESSION_SET, at=at, sequence=sequence, command_id=command)


def request(sequence: int, at: int, kind: str = "thread.session-stop-requested") -> Event:
    return Event(event_id=f"s{sequence}", type=kind, at=at, sequence=sequence, command_id=f"cmd-{sequence}")


def ids(events: list[Event]) -> list[str]:
    return [event.event_id for event in events]


def test_who_wrote_a_command_is_told_from_its_id() -> None:
    assert ingested_event_id("provider:62d3-ab:thread-session-set:0b1c") == "62d3-ab"
    for other in (None, "", "provider:", "provider:62d3", "provider::tag", "server:x:y", "0b1c"):
        assert ingested_event_id(other) is None, other


def test_a_logged_event_stands_where_its_consequence_stands() -> None:
    log = [logged("a", at=100), logged("b", at=200)]
    stored = [consequence("a", 5, at=150), request(6, at=999), consequence("b", 7)]
    merged = interleave(log, stored)
    assert ids(merged) == ["a", "s6", "b"]
    assert [event.sequence for event in merged] == [5, 6, 7]


def test_a_stored_time_that_goes_backwards_moves_nothing() -> None:
    log = [logged("a", at=100), logged("b", at=200)]
    stored = [consequence("a", 5, at=100), request(6, at=1), consequence("b", 7, at=200)]
    assert ids(interleave(log, stored)) == ["a", "s6", "b"]


def test_an_event_without_consequence_is_ordered_against_requests_by_its_line() -> None:
    log = [logged("a", at=100), logged("quiet", at=300), logged("b", at=400)]
    stored = [consequence("a", 1), request(2, at=200), request(3, at=350), consequence("b", 4)]
    assert ids(interleave(log, stored)) == ["a", "s2", "quiet", "s3", "b"]


def test_an_event_without_consequence_stays_before_the_next_one_that_has_one() -> None:
    log = [logged("quiet", at=10_000), logged("b", at=10_001)]
    stored = [consequence("b", 2), request(3, at=5)]
    assert ids(interleave(log, stored)) == ["quiet", "b", "s3"]


def test_an_anchor_against_log_order_is_no_anchor() -> None:
    log = [logged("a", at=100), logged("b", at=200)]
    stored = [consequence("b", 1), consequence("a", 2)]
    merged = interleave(log, stored)
    assert ids(merged) == ["a", "b"]
    assert [event.sequence for event in merged] == [None, 1]


def test_the_first_consequence_is_the_anchor() -> None:
    assert anchors([consequence("a", 3), consequence("a", 9), request(4, 0)]) == {"a": 3}


def test_a_session_is_an_input_only_if_its_event_is_not_in_the_log() -> None:
    assert not is_input(consequence("a", 1), {"a"})
    assert is_input(consequence("a", 1), {"b"}), "a kill took the line: what was stored counts"
    assert ids(interleave([], [consequence("a", 1)])) == ["s1"]


def test_what_is_neither_session_nor_request_is_no_input() -> None:
    for kind in ("thread.message-sent", "thread.activity-appended", "thread.created", "x"):
        assert not is_input(request(1, 0, kind), set())


@given(
    gaps=st.lists(st.integers(-50, 50), max_size=12),
    anchored=st.sets(st.integers(0, 11)),
    requests=st.lists(st.integers(0, 600), max_size=6),
)
@settings(max_examples=300)
def test_nothing_is_lost_and_each_writer_keeps_its_own_order(
    gaps: list[int], anchored: set[int], requests: list[int]
) -> None:
    log = [logged(f"c{number}", at=300 + gap) for number, gap in enumerate(gaps)]
    stored: list[Event] = []
    for number in range(max(len(log), len(requests))):
        if number < len(log) and number in anchored:
            stored.append(consequence(f"c{number}", len(stored) + 1))
        if number < len(requests):
            stored.append(request(len(stored) + 1, at=requests[number]))
    merged = interleave(log, stored)
    inputs = [event for event in stored if is_input(event, set(ids(log)))]
    assert [each for each in ids(merged) if each.startswith("c")] == ids(log)
    assert [each for each in ids(merged) if each.startswith("s")] == ids(inputs)
    sequences = [event.sequence for event in merged if event.sequence is not None]
    assert sequences == sorted(sequences)


@needs_recordings
def test_recorded_threads_merge_without_loss_and_by_sequence() -> None:
    merged_total = sum(len(events) for _, events in recorded_streams())
    canonical_total = sum(
        len(events) for home in recordings() for thread, events in home.canonical.items() if thread in home.stored
    )
    assert merged_total > canonical_total > 2_000
    for name, events in recorded_streams():
        sequences = [event.sequence for event in events if event.sequence is not None]
        assert sequences == sorted(sequences), name
