"""Buttons of a plain figure: a light or a dark page, how times are told; where nothing runs that could ask the page.

A button holds what differs: plotly changes that, and no kernel is needed, neither in a saved notebook.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from t3lens.time import SECOND, Micros, to_datetime
from t3lens.view.page import theme
from t3lens.view.scene.figure import buttons_below, figure_spec
from t3lens.view.scene.parts import Fold, Scene
from t3lens.view.scene.telling import Telling

__all__ = ["moved", "switched_spec", "zone_name", "zoned_spec"]


def switched_spec(
    scene: Scene,
    bar_names: Mapping[str, str],
    mark_names: Mapping[str, str],
    *,
    dark: bool = False,
    since_fork: bool = False,
) -> dict[str, Any]:
    """Traces and layout of a figure of ``scene`` that stands alone, with buttons for its theme and the zone of its times.

    Args:
        scene: What is shown.
        bar_names: As for ``figure_spec``.
        mark_names: As for ``figure_spec``.
        dark: Whether it is drawn for a dark page at first.
        since_fork: Whether its times are counted from the fork at first, where there is one.
    """
    forked = since_fork and scene.zero is not None
    offset = _offset(scene.as_of)
    rows = 2 if scene.folds and (forked or offset) else 1  # all in one row would be wider than a narrow page

    def told(told: Telling, by: Micros = 0) -> dict[str, Any]:
        shown = moved(scene, by) if by else scene
        return figure_spec(shown, bar_names, mark_names, told=told, button_rows=rows)

    plain = told(Telling())
    light = told(Telling(zero=scene.zero)) if forked else plain
    night = theme.swap(light, dark=True)
    buttons = [_button("light", night, light), _button("dark", light, night)]
    for one in buttons:
        one["name"] = f"t3lens-{one['label']}"  # by this a notebook's page finds what it presses
    if forked:
        buttons += [_button("UTC", light, plain), _button("since the fork", plain, light)]
    elif offset:
        local = told(Telling(zone_name(offset)), offset)
        buttons += [_button("UTC", local, light), _button(zone_name(offset), light, local)]
    shown = night if dark else light
    menus: list[dict[str, Any]] = shown["layout"]["updatemenus"] + _empty_row(scene, rows, dark=dark)
    shown["layout"]["updatemenus"] = [*menus[:-1], {**menus[-1], "buttons": [*menus[-1]["buttons"], *buttons]}]
    return shown


def _empty_row(scene: Scene, rows: int, *, dark: bool) -> list[dict[str, Any]]:
    """A row for the buttons of a figure that has none yet, or so many that they need another."""
    if scene.folds and rows == 1:
        return []
    row = buttons_below(scene, [], row=rows - 1)
    return [theme.swap(row, dark=True) if dark else row]


def zoned_spec(
    scene: Scene, bar_names: Mapping[str, str], mark_names: Mapping[str, str], *, offset: Micros, since_fork: bool = False
) -> dict[str, Any]:
    """Traces and layout of a figure of ``scene`` in a light page's colours, its times in a zone so far from UTC.

    Args:
        scene: What is shown.
        bar_names: As for ``figure_spec``.
        mark_names: As for ``figure_spec``.
        offset: Microseconds that the zone's clocks are before those of UTC; 0 for UTC itself.
        since_fork: Whether its times are counted from the fork instead, where there is one.
    """
    if since_fork and scene.zero is not None:
        return figure_spec(scene, bar_names, mark_names, told=Telling(zero=scene.zero))
    if not offset:
        return figure_spec(scene, bar_names, mark_names)
    return figure_spec(moved(scene, offset), bar_names, mark_names, told=Telling(zone_name(offset)))


def zone_name(offset: Micros) -> str:
    """What a zone is called that is so far from UTC."""
    hours, minutes = divmod(abs(offset) // (60 * SECOND), 60)
    return f"UTC{'−' if offset < 0 else '+'}{hours:02d}:{minutes:02d}"


def _offset(at: Micros) -> Micros:
    """How far the clock of this machine is from UTC at a moment."""
    by = to_datetime(at).astimezone().utcoffset()
    return round(by.total_seconds()) * SECOND if by is not None else 0


def moved(scene: Scene, by: Micros) -> Scene:
    """``scene`` with all of its moments later: told as if they were UTC, they are those of a zone so far from it."""

    def both(one: Fold) -> Fold:
        return Fold(one.start + by, one.end + by)

    return replace(
        scene,
        since=None if scene.since is None else scene.since + by,
        zero=None if scene.zero is None else scene.zero + by,
        range=both(scene.range),
        whole=both(scene.whole),
        opens=both(scene.opens),
        as_of=scene.as_of + by,
        bars=tuple(replace(bar, start=bar.start + by, end=bar.end + by) for bar in scene.bars),
        marks=tuple(replace(mark, start=mark.start + by, end=mark.end + by) for mark in scene.marks),
        rules=tuple(replace(rule, at=rule.at + by) for rule in scene.rules),
        bands=tuple(replace(band, start=band.start + by, end=band.end + by) for band in scene.bands),
        folds=tuple(both(fold) for fold in scene.folds),
    )


def _button(label: str, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """A button that makes of the figure ``before`` the figure ``after``; what it holds is what differs."""
    changed = [dict(_differences(old, new)) for old, new in zip(before["data"], after["data"], strict=True)]
    traces = [place for place, one in enumerate(changed) if one]
    paths = dict.fromkeys(path for one in changed for path in one)
    restyle = {path: [_value_at(after["data"][place], path) for place in traces] for path in paths}
    relayout = dict(_differences(before["layout"], after["layout"]))
    if "x" in paths:
        # plotly would guess anew what kind of axis it is, by how long the bars are, and show all there is on it
        relayout = {"xaxis.type": "date", "xaxis.autorange": False, **relayout}
    return {"method": "update", "label": label, "args": [restyle, relayout, traces]}


def _differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """What stands elsewhere in ``after``, by its place as plotly names it."""
    pairs: Iterable[tuple[str, Any, Any]]
    is_whole = path.endswith(".args")  # what stands in it are places of a figure, with dots of their own
    if isinstance(after, dict) and isinstance(before, dict):
        lead = f"{path}." if path else ""
        pairs = ((f"{lead}{name}", before.get(name), value) for name, value in after.items())
    elif (
        not is_whole
        and isinstance(after, list)
        and all(isinstance(one, dict) for one in after)
        and len(before) == len(after)
    ):
        pairs = ((f"{path}[{n}]", old, new) for n, (old, new) in enumerate(zip(before, after, strict=True)))
    else:
        if before != after:
            yield path, after
        return
    for name, old, new in pairs:
        yield from _differences(old, new, name)


def _value_at(trace: Any, path: str) -> Any:
    """What a trace has at a place; None where it has none, which changes nothing there."""
    for name in path.split("."):
        trace = trace.get(name) if isinstance(trace, dict) else None
    return trace
