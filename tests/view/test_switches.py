"""Buttons of a plain figure: what they make of it is what it would be if it had been made so, and back again."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from t3lens.lens.lens import Lens
from t3lens.time import SECOND, parse_iso
from t3lens.view.page import theme
from t3lens.view.scene import switches
from t3lens.view.scene.figure import figure_spec
from t3lens.view.scene.switches import moved, switched_spec, zone_name
from t3lens.view.scene.telling import Telling
from t3lens.view.timeline.scene import BAR_NAMES, MARK_NAMES

HOURS = 3600 * SECOND


def put(target: Any, path: str, value: Any) -> None:
    """Set what plotly calls ``path``: names with dots, places in brackets."""
    *way, last = re.findall(r"[^.\[\]]+", path)
    for name in way:
        if value is None and name not in target:
            return  # there is nothing to be taken away
        target = target[int(name)] if isinstance(target, list) else target[name]
    if value is not None or last in target:
        target[int(last) if isinstance(target, list) else last] = value


def buttons(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """All buttons of a figure, row by row."""
    return [button for menu in spec["layout"]["updatemenus"] for button in menu["buttons"]]


def press(spec: dict[str, Any], label: str) -> dict[str, Any]:
    after = copy.deepcopy(spec)
    restyle, relayout, traces = next(button["args"] for button in buttons(spec) if button["label"] == label)
    for path, values in relayout.items():
        put(after["layout"], path, values)
    for path, values in restyle.items():
        for trace, value in zip(traces, values, strict=True):
            put(after["data"][trace], path, value)
    return after


def bare(spec: dict[str, Any]) -> dict[str, Any]:
    """Without the buttons, and without what only keeps the axis as it is."""
    axis = {name: value for name, value in spec["layout"]["xaxis"].items() if name != "autorange"}
    return {"data": spec["data"], "layout": {**spec["layout"], "xaxis": axis, "updatemenus": None}}


@pytest.mark.parametrize("which", ["thread", "fleet"])
def test_each_button_makes_the_figure_that_would_have_been_made(
    lens: Lens, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switches, "_offset", lambda at: -3 * HOURS)
    orphan = next(t for t in lens.diagnosis.threads if t.primary == "orphaned-turn")
    scene = lens.thread_for(orphan).scene() if which == "thread" else lens.scene()
    light = figure_spec(scene, BAR_NAMES, MARK_NAMES, button_rows=2)
    shown = switched_spec(scene, BAR_NAMES, MARK_NAMES)
    labels = [button["label"] for button in buttons(shown)]
    assert labels[-4:] == ["light", "dark", "UTC", "UTC−03:00"]
    assert bare(shown) == bare(light)
    dark = press(shown, "dark")
    assert bare(dark) == bare(theme.swap(light, dark=True))
    local = press(dark, "UTC−03:00")
    told = figure_spec(moved(scene, -3 * HOURS), BAR_NAMES, MARK_NAMES, told=Telling("UTC−03:00"), button_rows=2)
    assert bare(local) == bare(theme.swap(told, dark=True))
    assert "times in UTC−03:00" in str(local["layout"]["xaxis"]["title"])
    assert bare(press(press(local, "light"), "UTC")) == bare(light)


def test_where_the_clock_is_utc_there_is_nothing_to_switch_and_zones_are_named(
    lens: Lens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switches, "_offset", lambda at: 0)
    scene = lens.scene()  # once: what is open grows with the clock
    night = switched_spec(scene, BAR_NAMES, MARK_NAMES, dark=True)
    assert [button["label"] for button in buttons(night)][-2:] == ["light", "dark"]
    assert night["layout"]["paper_bgcolor"] == theme.CHROME["paper"].dark
    assert bare(press(night, "light")) == bare(figure_spec(scene, BAR_NAMES, MARK_NAMES))
    assert zone_name(5 * HOURS + HOURS // 2) == "UTC+05:30"


def test_a_plain_figure_counts_from_the_fork_and_goes_back_to_the_clock(lens: Lens) -> None:
    orphan = next(t for t in lens.diagnosis.threads if t.primary == "orphaned-turn")
    scene = lens.thread_for(orphan).scene()
    plain = figure_spec(scene, BAR_NAMES, MARK_NAMES, button_rows=2)
    shown = switched_spec(scene, BAR_NAMES, MARK_NAMES, since_fork=True)
    told = figure_spec(scene, BAR_NAMES, MARK_NAMES, told=Telling(zero=scene.zero), button_rows=2)
    assert bare(shown) == bare(told) != bare(plain)
    assert "times since the fork" in str(shown["layout"]["xaxis"]["title"])
    words = shown["layout"]["xaxis"]["ticktext"]
    assert "0 s" in words and any(word.startswith("+") for word in words)
    at = dict(zip(words, shown["layout"]["xaxis"]["tickvals"], strict=True))
    assert parse_iso(at["0 s"].replace(" ", "T")) == scene.zero
    assert bare(press(shown, "UTC")) == bare(plain)
    assert bare(press(press(shown, "UTC"), "since the fork")) == bare(told)
    unfolded = next(b["args"][0] for b in buttons(shown) if b["label"] == "show all time")
    assert unfolded["xaxis.tickmode"] == "array", "plotly's own choice knows no fork"


def test_where_nothing_forked_times_are_the_clocks(lens: Lens) -> None:
    scene = lens.scene()
    shown = switched_spec(scene, BAR_NAMES, MARK_NAMES, since_fork=True)
    assert bare(shown) == bare(figure_spec(scene, BAR_NAMES, MARK_NAMES))
