"""Tables in a terminal: as wide as it is, and nothing cut so that it cannot be used."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pandas as pd
import pytest
from rich.console import Console

from t3lens.view.page.escape import distinct_prefixes
from t3lens.view.terminal import FrameTable

ONE_MINUTE = ["019f36a7-f20c-79bc-81a9-101db165866a", "019f36a7-f4d1-7c3e-8a1b-0f3d5a7c9e11"]
"""Ids made of the time, a second apart: their first eight characters are the same."""


def printed(frame: pd.DataFrame, width: int, *, exact: bool = False) -> str:
    out = io.StringIO()
    Console(file=out, width=width, no_color=True).print(FrameTable(frame, exact=exact))
    return out.getvalue()


@pytest.mark.parametrize(
    ("ids", "short"),
    [
        (["a1a33a59-fea6", "dc1f6727-ba90"], ["a1a33a59", "dc1f6727"]),
        (ONE_MINUTE, ["019f36a7-f2", "019f36a7-f4"]),
        (["thread-1", "thread-10", "thread-2"], ["thread-1", "thread-10", "thread-2"]),
        (["t", "t", ""], ["t", "t", ""]),
    ],
)
def test_an_id_is_cut_to_what_tells_it_from_the_others(ids: list[str], short: list[str]) -> None:
    found = distinct_prefixes(ids)
    assert [found[one] for one in ids] == short


def test_ids_in_a_table_can_be_given_to_a_command() -> None:
    shown = printed(pd.DataFrame({"thread_id": ONE_MINUTE, "turns": [1, 2]}), 100)
    for one in ("019f36a7-f2", "019f36a7-f4"):
        assert one in shown


def test_a_wide_terminal_shows_a_table_where_a_narrow_one_shows_blocks() -> None:
    frame = pd.DataFrame({name: ["x" * 30] for name in ("alpha", "beta", "gamma", "delta")})
    assert printed(frame, 160).splitlines()[0].split() == ["alpha", "beta", "gamma", "delta"]
    assert [line.split()[0] for line in printed(frame, 80).splitlines() if line] == ["alpha", "beta", "gamma", "delta"]


def test_an_answer_to_a_query_shows_names_and_values_as_they_are() -> None:
    frame = pd.DataFrame(
        {
            "thread_id": ONE_MINUTE[:1],
            "event_count": [1234567],
            "seen_at": [datetime(2026, 7, 1, 10, 3, 4, 56789, tzinfo=UTC)],
            "said": ["\x1b[2Jcleared"],
        }
    )
    shown = printed(frame, 200, exact=True)
    for text in ("event_count", ONE_MINUTE[0], "1234567", "2026-07-01T10:03:04.056789+00:00"):
        assert text in shown
    assert "\x1b" not in shown
