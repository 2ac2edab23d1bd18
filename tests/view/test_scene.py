"""What a timeline shows is data: folded time, where it opens, lanes, marks and words; renderers only paint it."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t3lens.lens.lens import Lens
from t3lens.time import SECOND
from t3lens.view.page.assets import script
from t3lens.view.scene.axis import FOLD_WIDTH, STEPS, Axis, folds_of, ticks, with_margin
from t3lens.view.scene.figure import figure_spec, stamp
from t3lens.view.scene.lines import line_stretches, named_rows, named_rules
from t3lens.view.scene.name_rows import BESIDE, HALF, name_width, placed_names, rows_of, usual_axes
from t3lens.view.scene.page import scene_html
from t3lens.view.scene.paint import plain_colours, scene_svg
from t3lens.view.scene.parts import SCENE_TOP, Fold, Scene, SceneRule
from t3lens.view.timeline.data import TimelineData, TimelineIndex
from t3lens.view.timeline.scene import BAR_NAMES, MARK_NAMES, thread_scene

MINUTE = 60 * SECOND


def _data(lens: Lens, code: str = "orphaned-turn") -> TimelineData:
    thread = next(t for t in lens.diagnosis.threads if t.primary == code)
    index = TimelineIndex(lens.store, thread.home_id, thread.thread_id, as_of=lens.as_of)
    try:
        return index.view()
    finally:
        index.close()


@pytest.fixture(scope="module")
def scene(lens: Lens) -> Scene:
    return thread_scene(_data(lens))


def test_only_what_takes_the_room_of_the_rest_is_folded() -> None:
    whole = Fold(0, 30 * MINUTE)
    quiet = [Fold(2 * MINUTE, 29 * MINUTE), Fold(30 * SECOND, 40 * SECOND), Fold(60 * SECOND, 119 * SECOND)]
    long, other = sorted(folds_of(quiet, whole), key=lambda fold: fold.start - fold.end)
    assert quiet[0].start < long.start and long.end < quiet[0].end
    assert quiet[2].start < other.start and other.end < quiet[2].end
    assert folds_of([Fold(0, 9 * SECOND)], Fold(0, 10 * SECOND)) == (), "what is short is left as it is"
    even = [Fold(n * MINUTE, (n + 1) * MINUTE) for n in range(10)]
    assert folds_of(even, Fold(0, 10 * MINUTE)) == (), "where all is alike nothing is folded"


def test_moments_keep_their_order_and_folds_their_width() -> None:
    folds = (Fold(10 * SECOND, 500 * SECOND), Fold(520 * SECOND, 900 * SECOND))
    axis = Axis(Fold(0, 1000 * SECOND), folds, left=100, width=600)
    places = [axis.x(at * SECOND) for at in range(0, 1001, 5)]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (100, 700)
    assert all(axis.x(fold.end) - axis.x(fold.start) == pytest.approx(FOLD_WIDTH, abs=0.2) for fold in folds)
    assert axis.x(5 * SECOND) - axis.x(0) == pytest.approx(axis.x(505 * SECOND) - axis.x(500 * SECOND), abs=0.2)
    inside = Axis(Fold(100 * SECOND, 200 * SECOND), folds, left=0, width=100)
    assert inside.x(150 * SECOND) == 50, "who looks into a fold sees it as it is"


def test_a_word_begins_after_a_fold_and_ends_before_the_next() -> None:
    folds = (Fold(10 * SECOND, 500 * SECOND), Fold(520 * SECOND, 900 * SECOND))
    axis = Axis(Fold(0, 1000 * SECOND), folds, left=100, width=600)
    first, second = (axis.x(fold.start) for fold in folds)
    assert axis.clear(100, 700) == (100, first)
    assert axis.clear(first, 700) == (first + FOLD_WIDTH, second), "a bar that begins in quiet time"
    assert axis.clear(first + FOLD_WIDTH + 5, second - 5) == (first + FOLD_WIDTH + 5, second - 5)
    low, high = axis.clear(second, second + 10)
    assert low == high, "there is nothing of it but quiet time"


def test_named_moments_stand_apart_and_never_in_a_fold() -> None:
    folds = (Fold(61 * SECOND, 4000 * SECOND),)
    axis = Axis(Fold(0, 4100 * SECOND), folds, left=150, width=800)
    named = ticks(axis)
    assert len(named) > 4
    assert all(b.x - a.x >= 70 for a, b in pairwise(named))
    assert not any(axis.folded(tick.at) for tick in named)


def test_a_short_stretch_between_folds_has_a_named_moment_too() -> None:
    folds = (Fold(21 * SECOND, 601 * SECOND), Fold(604 * SECOND, 1201 * SECOND))
    whole = Fold(0, 1204 * SECOND)
    for zero in (None, 7 * SECOND + 1):
        named = ticks(Axis(whole, folds, left=150, width=800), zero)
        for low, high in ((0, 21), (601, 604), (1201, 1204)):
            assert [tick for tick in named if low * SECOND <= tick.at <= high * SECOND], (low, zero)


def test_beyond_a_fold_of_days_moments_are_named_with_their_day() -> None:
    days = 97 * 24 * 3600 * SECOND
    folds = (Fold(61 * SECOND, days),)
    named = ticks(Axis(Fold(0, days + 60 * SECOND), folds, left=150, width=800))
    assert {tick.words.startswith("04-08 ") for tick in named if tick.at >= days} == {True}
    assert not [tick.words for tick in named if tick.at < days and " " in tick.words], "the day beside the axis is theirs"
    assert all(b.x - a.x > (len(a.words) + len(b.words)) / 2 * 6.3 for a, b in pairwise(named))
    later = ticks(Axis(Fold(days, days + 60 * SECOND), (), left=150, width=800), said=0)
    assert all(tick.words.startswith("04-08 ") for tick in later)


def test_what_ends_at_the_edge_has_room_by_what_is_left() -> None:
    low, high = with_margin(Fold(0, 100 * MINUTE), [Fold(MINUTE, 100 * MINUTE)])
    assert 0 < -low < 5 * SECOND and 0 < high - 100 * MINUTE < 5 * SECOND


def test_no_event_stands_in_a_fold_and_what_is_stuck_says_for_how_long(scene: Scene) -> None:
    moments = [at for one in (*scene.bars, *scene.marks) for at in (one.start, one.end)]
    assert not [at for at in moments for fold in scene.folds if fold.start < at < fold.end]
    plates = [bar.plate for bar in scene.bars if bar.lane == "turns-stored" and bar.open]
    assert [plate.split()[0] for plate in plates] == ["stuck"]


def test_it_opens_where_history_forked_and_on_all_if_that_is_little_more(lens: Lens) -> None:
    data = _data(lens)
    assert data.since is not None
    low, high = data.whole
    assert thread_scene(data).opens == Fold(low, high)
    early = replace(data, whole=(low - 600 * MINUTE, high + MINUTE), quiet=())
    opens = thread_scene(early).opens
    assert early.whole[0] < opens.start < data.since < opens.end
    assert opens.end - opens.start < (early.whole[1] - early.whole[0]) / 4
    healthy = thread_scene(replace(early, since=None, findings=(), forks=()))
    assert healthy.zero is None and healthy.opens == healthy.whole


def test_lanes_follow_each_other_and_all_that_is_drawn_lies_within_its_own(scene: Scene) -> None:
    assert all(a.y + a.high < b.y for a, b in pairwise(scene.lanes))
    lanes = {lane.key: lane for lane in scene.lanes}
    for bar in scene.bars:
        lane = lanes[bar.lane]
        assert lane.y <= bar.y and bar.y + bar.high <= lane.y + lane.high
    assert scene.height >= scene.lanes[-1].y + scene.lanes[-1].high
    assert {role for role, _ in scene.legend} == {one.role for one in (*scene.bars, *scene.marks)}


def test_both_renderers_show_every_bar_and_mark_of_the_scene(scene: Scene) -> None:
    keys = [one.key for one in (*scene.bars, *scene.marks)]
    painted = re.findall(r'class="t3-mark"[^>]*data-key="([^"]*)"', scene_svg(scene, live=True))
    assert sorted(painted) == sorted(keys)
    traces = figure_spec(scene, BAR_NAMES, MARK_NAMES)["data"]
    drawn = [row[1] for trace in traces if trace["name"] != "still open" for row in trace.get("customdata", ())]
    assert sorted(drawn) == sorted(keys)


def test_a_picture_alone_tells_its_times_and_needs_no_style_sheet(scene: Scene) -> None:
    picture = plain_colours(scene_svg(scene, legend=True))
    assert "var(" not in picture and "UTC" in picture
    assert re.search(r"<title>[^<]*still open after", picture)
    assert "still open after" not in scene_svg(scene, live=True), "there a script tells them, in the reader's zone"


def test_the_pages_script_and_the_picture_measure_alike() -> None:
    text = script("timeline.js")
    found = re.search(r"const STEPS = \[(.*?)\]", text, re.DOTALL)
    assert found is not None
    assert [int(float(one)) for one in found[1].split(",")] == list(STEPS)
    assert f"const FOLD = {FOLD_WIDTH};" in text


def test_a_picture_in_a_page_leaves_its_colours_to_the_style_sheet(scene: Scene) -> None:
    assert re.search(r"var\(--t3-[a-z-]+,#", scene_svg(scene)) is not None
    html = scene_html(scene, name="t3s")
    assert "var(--t3-" in html and re.search(r"var\(--t3-[a-z-]+,", html) is None


def test_however_few_marks_there_may_be_none_of_them_reaches_over_folded_time(lens: Lens) -> None:
    thread = next(t for t in lens.diagnosis.threads if t.primary == "orphaned-turn")
    index = TimelineIndex(lens.store, thread.home_id, thread.thread_id, as_of=lens.as_of)
    try:
        scene = thread_scene(index.view(share=0.01))
    finally:
        index.close()
    columns = [mark for mark in scene.marks if mark.high]
    assert columns and scene.folds
    assert not [one for one in columns for fold in scene.folds if one.start <= fold.start and one.end >= fold.end]


def _spans(scene: Scene, axis: Axis) -> list[tuple[float, float, float]]:
    """What marks with names take of an axis: row, left and right edge of each mark and of each name that is shown."""
    within = {mark.key: mark for mark in scene.marks if mark.label and axis.start <= mark.start <= axis.end}
    taken = [(mark.y, axis.x(mark.start) - HALF, axis.x(mark.start) + HALF) for mark in within.values()]
    for one in placed_names(scene, [axis]):
        if one.shown:
            mark = within[one.key]
            x, wide = axis.x(mark.start), name_width(mark.label)
            left = x - BESIDE - wide if one.left else x + BESIDE
            taken.append((mark.y, left, left + wide))
    return taken


def _crowd(scene: Scene, moments: list[int]) -> Scene:
    """A scene whose findings lie at these moments, in the rows that there is room for."""
    mark = next(one for one in scene.marks if one.role.startswith("severity:"))
    crowd = [replace(mark, key=f"finding:{n}", start=at, end=at) for n, at in enumerate(moments)]
    seen = [scene.opens, scene.whole]
    rows = rows_of(crowd, [*usual_axes(seen, scene.folds), *usual_axes(seen, scene.folds, 0)], 6)
    return replace(scene, marks=tuple(replace(one, y=100.0 * row) for one, row in zip(crowd, rows, strict=True)))


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=14), st.integers(200, 1600), st.integers(0, 900))
def test_no_name_covers_another_or_a_mark_however_wide_and_near_it_is_seen(
    scene: Scene, places: list[int], width: int, first: int
) -> None:
    whole = scene.whole
    unit = (whole.end - whole.start) / 1000
    crowded = _crowd(scene, [whole.start + round(place * unit) for place in places])
    axis = Axis(Fold(whole.start + round(first * unit), whole.end), scene.folds, left=0, width=width)
    spans = _spans(crowded, axis)
    symbols = len([one for one in crowded.marks if axis.start <= one.start])
    for n, (y, left, right) in enumerate(spans):
        for m, (other, low, high) in enumerate(spans):
            if m < n and y == other and n >= symbols:  # of two marks one may lie upon the other: then they are one moment
                assert right <= low or high <= left


def test_findings_of_one_moment_each_have_a_row_and_their_names_in_both_renderers(scene: Scene) -> None:
    at = scene.opens.start + (scene.opens.end - scene.opens.start) // 3
    crowded = _crowd(scene, [at, at + SECOND // 10, at])
    assert len({mark.y for mark in crowded.marks}) == 3
    traces = figure_spec(crowded, BAR_NAMES, MARK_NAMES)["data"]
    names = [text.strip() for trace in traces for text in trace.get("text", ())][: len(crowded.marks)]
    assert names == [mark.label for mark in crowded.marks]
    painted = re.findall(r'<text data-t="f"[^>]*>([^<]*)<', scene_svg(crowded, live=True))
    hidden = re.findall(r'<text data-t="f"[^>]*display:none', scene_svg(crowded, live=True))
    assert painted == names and not hidden


def test_rows_of_findings_stay_when_somebody_looks_nearer(lens: Lens) -> None:
    thread = next(t for t in lens.diagnosis.threads if t.primary == "orphaned-turn")
    index = TimelineIndex(lens.store, thread.home_id, thread.thread_id, as_of=lens.as_of)
    try:
        low, high = index.whole
        far, near = thread_scene(index.view()), thread_scene(index.view(low, low + (high - low) // 20))
    finally:
        index.close()
    rows = [[(mark.key, mark.y) for mark in one.marks if mark.lane == "findings"] for one in (far, near)]
    assert rows[0] and rows[0] == rows[1]


def _with_names(scene: Scene) -> Scene:
    """``scene`` with a note among its events, and lines at every name: of a server, of the fork, of what is looked at."""
    first = next(mark for mark in scene.marks if not mark.label and not mark.high)
    noted = replace(first, key="note:1", role="note", shape="note", label="a note of mine")
    named = [mark for mark in (*scene.marks, noted) if mark.label]
    kinds = ("server", "fork", "since", "now")
    rules = [SceneRule(mark.start + by, kind, kind) for mark in named for kind in kinds for by in (0, SECOND // 10)]
    return replace(scene, marks=(*scene.marks, noted), rules=tuple(rules))


def test_no_line_passes_where_a_name_stands_in_either_renderer(scene: Scene) -> None:
    crossed = _with_names(scene)
    steps = {lane.key: lane.step for lane in crossed.lanes}
    rows = [(one.y - steps[one.lane] / 2, one.y + steps[one.lane] / 2) for one in crossed.marks if one.label]
    assert len(set(rows)) > 2

    def crosses(top: float, bottom: float) -> bool:
        return any(top < low + 17 and low + 1 < bottom for low, _ in rows)

    drawn = [(part.y, part.y + part.high) for part in line_stretches(crossed)]
    assert drawn[0][0] == SCENE_TOP and not [one for one in drawn if crosses(*one)]
    lanes = [(lane.y, lane.y + lane.high) for lane in crossed.lanes]
    bare = [lane for lane in lanes if not any(low < lane[1] and lane[0] < high for low, high in rows)]
    assert bare and all(any(top <= low and high <= bottom for top, bottom in drawn) for low, high in bare)

    shapes = figure_spec(crossed, BAR_NAMES, MARK_NAMES)["layout"]["shapes"]
    lines = [(shape["y0"], shape["y1"]) for shape in shapes if shape["type"] == "line"]
    assert len(lines) >= len(crossed.rules) and not [one for one in lines if crosses(*one)]
    covers = [(shape["y0"], shape["y1"]) for shape in shapes if shape["layer"] == "between"]
    assert covers == [(row.y, row.y + row.high) for row in named_rows(crossed)], "where plotly draws lines of its own"

    picture = scene_svg(crossed, live=True)
    paths = re.findall(r'<path data-t="v"[^>]* d="([^"]*)"', picture)
    paths += re.findall(r'<path transform="translate[^>]* d="([^"]*)"', picture)  # the axis' and the folds'
    paths += re.findall(r'class="t3-ticks" data-d="([^"]*)"', picture)
    assert len(paths) > len(crossed.rules)
    for path in paths:
        parts = [(float(y), float(y) + float(high)) for y, high in re.findall(r"M0 ([0-9.]+)v([0-9.]+)", path)]
        assert parts and not [one for one in parts if crosses(*one)]


def test_the_mark_of_a_fold_does_not_cross_how_long_a_bar_is_open(lens: Lens) -> None:
    scenes = [lens.thread_for(one).scene() for one in lens.diagnosis.threads]
    scene = next(one for one in scenes if any(bar.plate and bar.end >= fold.end for bar in one.bars for fold in one.folds))
    fold = scene.folds[-1]
    near = [replace(bar, start=fold.start - SECOND, end=fold.end + 1) for bar in scene.bars if bar.plate]
    shapes = figure_spec(replace(scene, bars=tuple(near)), BAR_NAMES, MARK_NAMES)["layout"]["shapes"]
    marks = [(one["y0"], one["y1"]) for one in shapes if one["layer"] == "above" and one["x0"] == stamp(fold.start)]
    assert marks and not [one for one in marks for bar in near if one[0] < bar.y + bar.high and bar.y < one[1]]


def test_where_names_of_lines_meet_the_moment_looked_at_gives_way(scene: Scene) -> None:
    at = scene.whole.start + (scene.whole.end - scene.whole.start) // 2
    met = replace(scene, rules=(SceneRule(at, "now", "as of"), SceneRule(at + 1, "server", "server start")))
    axis = Axis(scene.whole, (), left=0, width=800)
    assert [rule.label for rule in named_rules(met, axis, 6.4)] == ["server start"]
    notes = [note["text"] for note in figure_spec(met, BAR_NAMES, MARK_NAMES)["layout"]["annotations"]]
    assert "server start" in notes and "as of" not in notes
    shown = re.findall(r'<text data-t="k"[^>]*fill="[^"]*">([^<]*)<', scene_svg(met, live=True))
    assert shown == ["server start"]
    apart = replace(met, rules=(SceneRule(scene.whole.start, "now", "as of"), met.rules[1]))
    assert {rule.label for rule in named_rules(apart, axis, 6.4)} == {"as of", "server start"}
