"""Times are whole microseconds, UTC, and no way of writing one loses any."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t3lens.errors import UsageError
from t3lens.time import from_datetime, iso, parse_iso, parse_moment, to_datetime, written_time


@given(moment=st.datetimes(timezones=st.just(UTC)))
def test_a_datetime_comes_back_as_it_went(moment: datetime) -> None:
    assert to_datetime(from_datetime(moment)) == moment
    assert parse_iso(moment.isoformat()) == from_datetime(moment)


@given(at=st.integers(0, 10**12).map(lambda milliseconds: milliseconds * 1000))
def test_a_time_of_whole_milliseconds_comes_back_as_t3_code_writes_it(at: int) -> None:
    assert parse_iso(iso(at)) == at


def test_times_are_read_with_and_without_a_zone() -> None:
    assert parse_iso("1970-01-01T00:00:01.000002Z") == 1_000_002
    assert parse_iso("1970-01-01T00:00:01") == 1_000_000
    assert parse_iso("1970-01-01T01:00:00+01:00") == 0
    assert iso(1_234_567) == "1970-01-01T00:00:01.234Z"


def test_a_datetime_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no timezone"):
        from_datetime(datetime(2026, 7, 1))  # noqa: DTZ001


@pytest.mark.parametrize("value", [None, 7, [], {}, "", "yesterday", "2026-13-01", "9" * 50])
def test_what_is_no_time_in_a_payload_gives_the_other_time(value: object) -> None:
    assert written_time(value, 42) == 42


def test_a_time_in_a_payload_counts() -> None:
    assert written_time("1970-01-01T00:00:01.000Z", 42) == 1_000_000


def test_people_give_times_as_text_datetime_or_microseconds() -> None:
    hour = timezone(timedelta(hours=1))
    assert parse_moment(" 1970-01-01 00:00:01 ") == 1_000_000
    assert parse_moment(datetime(1970, 1, 1, 1, tzinfo=hour)) == 0
    assert parse_moment(5) == 5
    for wrong in ("yesterday", datetime(2026, 7, 1)):  # noqa: DTZ001
        with pytest.raises(UsageError, match="no time"):
            parse_moment(wrong)
