from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t3lens.view.page.escape import figure_text, html_text, plain, short_id
from tests.view.hostile import CANARY, LONG


@given(st.text())
def test_plain_text_is_one_line_of_bounded_length_without_control_or_direction_characters(
    text: str,
) -> None:
    shown = plain(text, 50)
    assert len(shown) <= 50
    assert not any(ch in shown for ch in "\n\r\t\x00\x1b\x07\u202e\u2066\u2028")


@pytest.mark.parametrize("text", [CANARY, LONG])
def test_html_text_holds_nothing_that_html_would_read(text: str) -> None:
    shown = html_text(text, 400)
    assert not set("<>\"'") & set(shown)


@given(st.text(alphabet="<>&$%{}ab '\"\\", max_size=60))
def test_figure_text_holds_no_tag_and_no_latex(text: str) -> None:
    shown = figure_text(text)
    assert "<" not in shown
    assert "$" not in shown


def test_a_lone_surrogate_becomes_a_replacement_character_that_utf_8_can_carry() -> None:
    assert plain("a\ud83db").encode("utf-8").decode() == "a�b"


def test_a_shortened_id_keeps_its_beginning_and_its_end() -> None:
    shown = short_id("opencode-turn-e016afda-eb00-4256-a6a0-b0f56422ed18", 22)
    assert len(shown) == 22
    assert shown.startswith("opencode-turn") and shown.endswith("22ed18")
