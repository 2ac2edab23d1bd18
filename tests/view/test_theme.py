"""The palette: readable on both pages, distinguishable without hue, one partner for every colour."""

from __future__ import annotations

import itertools

import pytest

from t3lens.view.page import theme


def _luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("text", ["ink", "muted", "accent"])
@pytest.mark.parametrize("ground", ["paper", "panel", "mark"])
@pytest.mark.parametrize("page", ["light", "dark"])
def test_text_has_contrast_aa_on_every_ground(text: str, ground: str, page: str) -> None:
    colours = (getattr(theme.CHROME[text], page), getattr(theme.CHROME[ground], page))
    assert _contrast(*colours) >= 4.5


@pytest.mark.parametrize("page", ["light", "dark"])
def test_text_on_a_stuck_label_has_contrast_aa(page: str) -> None:
    assert _contrast(getattr(theme.VERDICT["stuck"], page), getattr(theme.CHROME["paper"], page)) >= 4.5


@pytest.mark.parametrize("name", [n for n in theme.STATE if n not in ("ready", "idle", "pending", "starting")])
@pytest.mark.parametrize("page", ["light", "dark"])
def test_what_matters_stands_out_from_the_page(name: str, page: str) -> None:
    assert _contrast(getattr(theme.STATE[name], page), getattr(theme.CHROME["paper"], page)) >= 3


@pytest.mark.parametrize("family", [theme.STATE, theme.VERDICT, theme.SEVERITY])
def test_two_states_of_one_family_differ_by_more_than_colour(
    family: dict[str, theme.Look],
) -> None:
    alike = {"ready", "idle"}  # one state in two words
    for (one, left), (other, right) in itertools.combinations(family.items(), 2):
        if {one, other} <= alike:
            continue
        assert (left.pattern, left.symbol, left.sign) != (
            right.pattern,
            right.symbol,
            right.sign,
        ), (one, other)


def test_changing_the_theme_of_a_figure_there_and_back_changes_nothing() -> None:
    colours = [entry.light for family in (theme.STATE, theme.CHROME) for entry in family.values()]
    spec = {"a": colours, "b": [{"c": colours[0], "text": "left alone"}]}
    there = theme.swap(spec, dark=True)
    assert there != spec
    assert there["b"][0]["text"] == "left alone"
    assert theme.swap(there, dark=False) == spec


def test_an_unknown_role_looks_unknown_and_does_not_fail() -> None:
    assert theme.look("state:nobody-knows") == theme.STATE["unknown"]
