"""Tables that can be searched and sorted in a notebook: what stands in them does nothing, and nothing is fetched."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest

from t3lens.view.notebook import live_tables, masked_frame
from t3lens.view.notebook.live_tables import begin, live_html
from t3lens.view.notebook.masked_frame import MaskedFrame

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def test_what_stands_in_a_live_table_is_escaped_and_the_plain_one_is_there_too() -> None:
    frame = pd.DataFrame({"title": [HOSTILE, "fine"], "n": [1, 2]})
    html = live_html(frame, "<table>plain</table>", 2)
    assert "<script>alert" not in html and "<img src=x" not in html
    assert "<table>plain</table>" in html
    loaded = re.findall(r"(?:src|from|import)[^\n]{0,3}https?://\S+", html)
    assert loaded == []
    assert "first" not in html and "the first 2 of 5,000 rows" in live_html(frame, "", 5_000)


def test_without_a_person_or_without_itables_tables_are_those_of_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    frame = MaskedFrame({"title": ["fine"]})
    assert not begin(shown.append) and shown == []
    assert frame._repr_html_() == pd.DataFrame(frame)._repr_html_()
    monkeypatch.setattr(live_tables, "attended", lambda: True)
    monkeypatch.setattr(live_tables, "find_spec", lambda name: None)
    assert not begin(shown.append) and shown == []


def test_the_library_is_put_into_the_page_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(live_tables, "attended", lambda: True)
    monkeypatch.setattr(live_tables._LiveTables, "yes", False)
    assert begin(shown.append)
    (library,) = shown
    assert len(library) > 100_000
    text = MaskedFrame({"title": [HOSTILE]})._repr_html_()
    assert text is not None and "-live" in text and "<script>alert" not in text


def test_severities_are_sorted_by_their_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, Any]] = []
    monkeypatch.setattr("itables.to_html_datatable", lambda frame, **told: given.append({"frame": frame, **told}) or "")
    rows = {"severity": ["low", "critical", "medium", None], "n": [1, 2, 3, 4]}
    live_html(pd.DataFrame(rows), "", 4)
    live_html(pd.DataFrame(rows, index=["a", "b", "c", "d"]), "", 4)
    live_html(pd.DataFrame({"severity": ["words of another kind"]}), "", 1)
    alone, named, foreign = given
    for shown, before in ((alone, 0), (named, 1)):
        by, hidden = shown["columnDefs"]
        assert by == {"targets": before, "orderData": [hidden["targets"]]} and hidden["visible"] is False
        ranks = shown["frame"].iloc[:, hidden["targets"] - before]
        assert list(ranks.sort_values().index) == list(ranks.index[[3, 1, 2, 0]])
    assert foreign["columnDefs"] == []


def test_a_column_of_sentences_is_not_squeezed_to_its_longest_word(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, Any]] = []
    monkeypatch.setattr("itables.to_html_datatable", lambda frame, **told: given.append(told) or "")
    sentence = "No server of this home is running; nothing will end the turn of this thread."
    live_html(pd.DataFrame({"thread_id": ["x" * 80], "summary": [sentence], "n": [1]}, index=["a"]), "", 1)
    assert given[0]["columnDefs"] == [{"targets": [1], "className": "t3-key"}, {"targets": [2], "className": "t3-prose"}]


def test_a_notebook_shows_neither_nones_nor_dicts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masked_frame, "in_kernel", lambda: True)
    rows = {
        "evidence": [[{"kind": "row"}, {"kind": "log"}], None], "said": ["x", None], "nothing": [None, None], "n": [1, 2],
        "to": [pd.Timestamp("2026-07-06 09:00:29.23", tz="UTC"), None],
    }  # fmt: skip
    text = MaskedFrame(rows)._repr_html_() or ""
    assert re.findall(r"<td>(.*?)</td>", text) == [
        "2 records",
        "x",
        "",
        "1",
        "2026-07-06 09:00:29.230000+00:00",
        "",
        "",
        "",
        "2",
        "",
    ]
    assert MaskedFrame(rows)["evidence"].iloc[0] == rows["evidence"][0], "the values themselves stay"


def test_of_numbers_that_are_missing_a_notebook_shows_nothing_and_the_others_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(masked_frame, "in_kernel", lambda: True)
    frame = MaskedFrame({
        "whole": [2, None], "broken": [0.5, None], "endless": [float("inf"), None],
        "own": pd.array([2, None], dtype="Int64"), "none": [float("nan")] * 2, "given": [2.0, 3.0],
    })  # fmt: skip
    cells = re.findall(r"<td>(.*?)</td>", frame._repr_html_() or "")
    assert cells == ["2", "0.5", "inf", "2", "", "2.0", "", "", "", "", "", "3.0"]
    assert frame["whole"].tolist()[0] == 2.0, "the values themselves stay"
