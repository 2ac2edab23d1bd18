"""A scene as SVG: the one renderer of the explorer, the report, a stand-alone page, a saved notebook and a picture.

It needs no script. Where one runs each element tells its moments in ``data-a`` and ``data-b`` (microseconds after the
element's ``data-zero``) and in ``data-t`` what it is, so that ``static/timeline.js`` can put it elsewhere when somebody
zooms, folds or resizes; the script draws nothing that is not painted here but the names of moments.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from t3lens.time import Micros, duration, iso, to_datetime
from t3lens.view.page import theme
from t3lens.view.page.escape import html_text, plain
from t3lens.view.scene.axis import FOLD_WIDTH, Axis, ticks
from t3lens.view.scene.lines import by_telling, line_stretches, rule_stretches
from t3lens.view.scene.name_rows import BESIDE, MARGIN, FoldWords, fold_names, name_width, placed_names
from t3lens.view.scene.parts import LinePart, Scene, SceneBar, SceneLane, SceneMark
from t3lens.view.scene.shapes import HATCHES, HOLLOW, SHAPES

__all__ = ["PALE", "legend_html", "overview_svg", "plain_colours", "scene_svg", "when_words"]

PALE: Final = frozenset({
    "state:ready", "state:idle", "state:starting", "state:pending", "item:reasoning", "verdict:idle",
})  # fmt: skip
"""Roles so pale that dark letters are read on them."""

_WIDTH: Final = 1000
_BELOW: Final = 20
_LETTER: Final = 6.3
_AXIS: Final = 12
_OVERVIEW: Final = 30
_STROKES: Final = 120
_RULES: Final = {
    "server": ("state-completed", ""), "stall": ("severity-critical", ""), "since": ("verdict-stuck", "6 4"),
    "fork": ("item-action", "6 3 2 3"), "now": ("muted", "2 3"),
}  # fmt: skip
_LOOKS: Final = {
    **{name: entry.light for name, entry in theme.CHROME.items()},
    **{rule: theme.look(rule.replace("-", ":", 1)).light for rule, _ in _RULES.values() if "-" in rule},
}


@dataclass(frozen=True, slots=True)
class _PaintStyle:
    """How one picture is painted."""

    name: str
    live: bool
    legend: bool
    keys: bool


def scene_svg(scene: Scene, *, name: str = "t3s", live: bool = False, legend: bool = False, keys: bool = True) -> str:
    """The picture of a scene, all of its time, as one ``<svg>`` element.

    Its colours follow the page's theme where the style sheet of t3lens is in the page, and are a light page's elsewhere.

    Args:
        scene: What to paint; its texts are made inert here.
        name: What the ids in the picture begin with; no other picture of the page may have it.
        live: Whether a script puts times to what is pointed at; otherwise they stand in the picture, in UTC.
        legend: Paint what the colours mean below the lanes.
        keys: Name each element's record; otherwise it has a number, where nothing can be asked for the record. A picture
            that no script moves has neither.
    """
    painter = _Painter(scene, _PaintStyle(name, live, legend, keys))
    return painter.paint()


def plain_colours(svg: str) -> str:
    """``svg`` with the colours of a light page written out, for programs that know no CSS variables."""
    parts = svg.split("var(--t3-")
    return parts[0] + "".join(f"{colour}{rest}" for colour, _, rest in map(_spelled, parts[1:]))


def _spelled(part: str) -> tuple[str, str, str]:
    _, _, after = part.partition(",")
    return after.partition(")")


@lru_cache(maxsize=4096)
def _inert(text: str, limit: int) -> str:
    return html.escape(text[: limit - 1] + "…" if len(text) > limit else text, quote=True)


@lru_cache(maxsize=256)
def _colour(role: str) -> str:
    return f"var(--t3-{role.replace(':', '-')},{theme.look(role).light})"


def _pattern(name: str, role: str) -> str:
    return f"{name}-{role.replace(':', '-')}"


@lru_cache(maxsize=1024)
def _fill(name: str, role: str) -> str:
    # Where the pattern is not drawn, as in the copy of a picture that is hidden itself, the plain colour stands.
    return f"url(#{_pattern(name, role)}) {_colour(role)}" if theme.look(role).pattern in HATCHES else _colour(role)


@cache
def _chrome(name: str) -> str:
    return f"var(--t3-{name},{_LOOKS[name]})"


def when_words(start: Micros, end: Micros, *, is_open: bool = False) -> str:
    """When something was, for where no script tells it: UTC."""
    if is_open:
        return f"since {iso(start)[11:]}, still open after {duration(end - start)}"
    if start == end:
        return iso(start)[11:]
    return f"{iso(start)[11:]} – {iso(end)[11:]} ({duration(end - start)})"


class _Painter:
    def __init__(self, scene: Scene, look: _PaintStyle) -> None:
        self.scene = scene
        self.look = look
        self.width = _WIDTH - scene.gutter - MARGIN
        self.axis = Axis(scene.range, scene.folds, left=scene.gutter, width=self.width)
        self._keyed = 0
        self._said: dict[str, str] = {}
        self._down = _down(line_stretches(scene))

    def paint(self) -> str:
        scene = self.scene
        below = scene.height + _BELOW
        body = [self._defs(), *map(self._lane, range(len(scene.lanes)), scene.lanes), *self._axis_parts()]
        body += self._bands()
        body += self._lines()
        body += [self._box(bar) for bar in scene.bars]
        body += [part for one in fold_names(scene) for part in self._fold(one)]
        body += [part for bar in scene.bars for part in self._words(bar)]
        body += [self._why_empty(place, lane) for place, lane in enumerate(scene.lanes) if lane.note]
        body += self._marks()
        if self.look.legend:
            legend, below = self._legend(below)
            body += legend
        painted = "".join(body) if self.look.live else _still("".join(body))
        described = html_text(_described(scene), 400)
        kind = f'role="group" tabindex="0" data-zero="{scene.whole.start}"' if self.look.live else 'role="img"'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="t3-timeline" viewBox="0 0 {_WIDTH} {below:g}" width="100%" '
            f'{kind} aria-label="{described}" font-family="system-ui,Segoe UI,Roboto,sans-serif" font-size="11">'
            f"{painted}</svg>"
        )

    # --- paper -----------------------------------------------------------------------------------------------

    def _defs(self) -> str:
        roles = sorted({bar.role for bar in self.scene.bars})
        found = []
        for role in roles:
            stroke = HATCHES.get(theme.look(role).pattern)
            if stroke:
                found.append(
                    f'<pattern id="{_pattern(self.look.name, role)}" width="6" height="6" patternUnits="userSpaceOnUse">'
                    f'<rect width="6" height="6" fill="{_colour(role)}"/><path d="{stroke}" stroke="{_chrome("paper")}" '
                    'stroke-opacity=".55"/></pattern>'
                )
        paper = f'<rect class="t3-paper" width="100%" height="100%" fill="{_chrome("paper")}"/>'
        return f"<defs>{''.join(found)}</defs>{paper}"

    def _lane(self, place: int, lane: SceneLane) -> str:
        gutter, middle = self.scene.gutter, lane.y + lane.high / 2 + 4
        stripe = ""
        if self._striped(place):
            stripe = f'<rect y="{lane.y - 3:g}" width="100%" height="{lane.high + 6:g}" fill="{_chrome("panel")}"/>'
        short = f' data-short="{html_text(lane.short, 40)}"' if lane.short != lane.title else ""
        name = html_text(lane.title, 34)
        if lane.group:
            name = f'<tspan font-weight="600">{html_text(lane.group, 16)}</tspan>  {name}'
        return (
            f'{stripe}<text data-t="g" class="t3-lane-name" x="{gutter - 8}" y="{middle:g}" text-anchor="end" '
            f'fill="{_chrome("ink")}"{short}>'
            f"{name}</text>"
        )

    def _striped(self, place: int) -> bool:
        return place % 2 == 0 and not self.scene.bands

    def _why_empty(self, place: int, lane: SceneLane) -> str:
        """What stands in an empty lane: over folded time and lines, which it may reach into and which it covers."""
        ground = _chrome("panel" if self._striped(place) else "paper")
        return (
            f'<text data-t="n" x="{self.scene.gutter + 6}" y="{lane.y + lane.high / 2 + 4:g}" font-style="italic" '
            f'stroke="{ground}" stroke-width="6" paint-order="stroke" '
            f'fill="{_chrome("muted")}">{html_text(lane.note, 60)}</text>'
        )

    def _axis_parts(self) -> Iterable[str]:
        grid = self._down
        yield f'<g class="t3-ticks" data-d="{grid}">'
        for tick in ticks(self.axis):
            half = len(tick.words) * _LETTER / 2
            at = min(max(tick.x, self.scene.gutter + half), _WIDTH - half - 2)
            yield (
                f'<path transform="translate({tick.x:g})" d="{grid}" stroke="{_chrome("grid")}"/>'
                f'<text x="{at:g}" y="{_AXIS}" text-anchor="middle" fill="{_chrome("muted")}">{tick.words}</text>'
            )
        yield "</g>"
        day = f"{to_datetime(self.scene.range.start):%Y-%m-%d}"
        yield f'<text class="t3-zone" x="6" y="{_AXIS}" fill="{_chrome("muted")}">{day}, UTC</text>'

    def _bands(self) -> Iterable[str]:
        for band in self.scene.bands:
            left, right = self.axis.x(band.start), self.axis.x(band.end)
            yield (
                f'<rect data-t="b" {self._moments(band.start, band.end)} x="{left:g}" y="{band.y:g}" '
                f'width="{max(right - left, 1):g}" height="{band.high:g}" fill="{_chrome("panel")}" '
                f'stroke="{_chrome("grid")}"/>'
            )

    def _lines(self) -> Iterable[str]:
        taken: list[tuple[float, float]] = []
        bottom = self.scene.height
        for rule in by_telling(self.scene.rules):
            colour, dash = _RULES[rule.kind]
            shown = self._inside(rule.at, rule.at)
            x = self.axis.x(rule.at)
            drawn = _down(rule_stretches(self.scene, rule))
            dashed = f' stroke-dasharray="{dash}"' if dash else ""
            yield (
                f'<path data-t="v" {self._moments(rule.at)} transform="translate({x:g})" d="{drawn}" '
                f'stroke="{_chrome(colour)}"{dashed}{shown}/>'
            )
            if not rule.label:
                continue
            wide = len(rule.label) * _LETTER
            flip = x + wide + 4 > _WIDTH
            left = x - 4 - wide if flip else x + 4
            free = not any(left < b + 4 and a < left + wide + 4 for a, b in taken)
            if free and not shown:
                taken.append((left, left + wide))
            hidden = "" if free and not shown else ' style="display:none"'
            yield (
                f'<text data-t="k" {self._moments(rule.at)} data-r="{wide:.0f}" x="{left:g}" y="{bottom + 13:g}" '
                f'fill="{_chrome("muted")}"{hidden}>{html_text(rule.label, 40)}</text>'
            )

    def _fold(self, named: FoldWords) -> Iterable[str]:
        fold = named.fold
        left = self.axis.x(fold.start)
        top, high = _AXIS + 6, self.scene.height - _AXIS - 6
        shown = "" if any(fold == one for one in self.axis.folds) else ' style="display:none"'
        yield (
            f'<g data-t="z" pointer-events="none" {self._moments(fold.start, fold.end)} '
            f'transform="translate({left:g})"{shown}>'
            f'<rect y="{top}" width="{FOLD_WIDTH}" height="{high:g}" fill="{_chrome("paper")}" fill-opacity=".86"/>'
            f'<path transform="translate(.5)" d="{self._down}" stroke="{_chrome("rule")}" stroke-dasharray="3 3"/>'
            f'<path transform="translate({FOLD_WIDTH - 0.5})" d="{self._down}" stroke="{_chrome("rule")}" '
            'stroke-dasharray="3 3"/>'
            f'<text transform="translate({FOLD_WIDTH / 2 + 4:g} {named.y:g})rotate(-90)" text-anchor="middle" '
            f'fill="{_chrome("muted")}">{html_text(named.words)}</text></g>'
        )

    # --- what happened ---------------------------------------------------------------------------------------

    def _moments(self, start: Micros, end: Micros | None = None) -> str:
        zero = self.scene.whole.start
        return f'data-a="{start - zero}"' + (f' data-b="{end - zero}"' if end is not None and end != start else "")

    def _key(self, key: str) -> str:
        self._keyed += 1
        return f'data-key="{_inert(key, 400) if self.look.keys else self._keyed}"'

    def _inside(self, start: Micros, end: Micros) -> str:
        return _hidden(start > self.axis.end or end < self.axis.start)

    def _plain(self, text: str) -> str:
        """``text`` made inert; most of a picture's texts stand in it many times."""
        if text not in self._said:
            self._said[text] = html_text(text, 300)
        return self._said[text]

    def _title_element(self, title: str, lines: tuple[str, ...], start: Micros, end: Micros, *, is_open: bool) -> str:
        words = [self._plain(title)]
        if not self.look.live:
            words.append(when_words(start, end, is_open=is_open))
        words += [self._plain(line) for line in lines]
        return f"<title>{'&#10;'.join(words)}</title>"

    def _box(self, bar: SceneBar) -> str:
        left, right = self.axis.x(bar.start), self.axis.x(bar.end)
        many = ' fill-opacity=".6"' if bar.count > 1 else ""
        goes_on = ' data-o="1"' if bar.open else ""
        return (
            f'<rect data-t="b" class="t3-mark"{goes_on} {self._moments(bar.start, bar.end)} '
            f'{self._key(bar.key)} x="{left:g}" y="{bar.y:g}" width="{max(right - left, 1.5):g}" '
            f'height="{bar.high:g}" fill="{_fill(self.look.name, bar.role)}"{many}{self._inside(bar.start, bar.end)}>'
            f"{self._title_element(bar.title, bar.lines, bar.start, bar.end, is_open=bar.open)}</rect>"
        )

    def _words(self, bar: SceneBar) -> Iterable[str]:
        """What stands in a bar, and at its open end."""
        left, right = self.axis.x(bar.start), self.axis.x(bar.end)
        wide = max(right - left, 1.5)
        moments = self._moments(bar.start, bar.end)
        ends = self.axis.start <= bar.end <= self.axis.end
        plate = len(bar.plate) * _LETTER + 8
        plated = bool(bar.plate) and ends and wide >= plate + 14
        room = len(bar.label) * _LETTER + 12
        # Where a kernel is asked again when somebody looks nearer, what has no room for long comes with the answer.
        if bar.label and not (self.look.live and self.look.keys and wide * 3 < room):
            low, high = self.axis.clear(left, right)
            fits = high - low >= room + (plate + 14 if plated and high == right else 0)
            yield (
                f'<text data-t="l" {moments} data-r="{room:.0f}" data-p="{plate + 14 if bar.plate else 0:.0f}" '
                f'x="{low + 5:g}" y="{bar.y + bar.high / 2 + 4:g}" stroke="{_colour(bar.role)}" stroke-width="3" '
                f'paint-order="stroke" fill="{_chrome("ink" if bar.role in PALE else "paper")}"{_hidden(not fits)}>'
                f"{_inert(bar.label, 40)}</text>"
            )
        if not bar.open:
            return
        colour = _colour(bar.end_role)
        yield (
            f'<path data-t="w" {self._moments(bar.end)} d="M0-2l9 {bar.high / 2 + 2:g}l-9 {bar.high / 2 + 2:g}z" '
            f'transform="translate({right:g} {bar.y:g})" data-y="{bar.y:g}" fill="{colour}" '
            f'stroke="{_chrome("ink")}"{_hidden(not ends)}/>'
        )
        if bar.plate:
            yield (
                f'<g data-t="e" {moments} data-r="{plate + 14:.0f}" data-y="{bar.y:g}" '
                f'transform="translate({right:g} {bar.y:g})"{_hidden(not plated)}>'
                f'<rect x="{-plate - 6:g}" y="0" width="{plate:g}" height="{bar.high:g}" rx="2" fill="{colour}"/>'
                f'<text x="-10" y="{bar.high / 2 + 4:g}" text-anchor="end" font-weight="600" '
                f'fill="{_chrome("ink" if bar.end_role in PALE else "paper")}">{_inert(bar.plate, 60)}</text></g>'
            )

    def _marks(self) -> Iterable[str]:
        names = {one.key: one for one in placed_names(self.scene, [self.axis])}
        for mark in self.scene.marks:
            shown = self._inside(mark.start, mark.end)
            told = self._title_element(mark.title, mark.lines, mark.start, mark.end, is_open=False)
            key = f'class="t3-mark" {self._key(mark.key)}'
            if mark.high:
                yield self._column(mark, key, told, shown)
                continue
            x = self.axis.x(mark.start)
            yield (
                f'<path data-t="p" {key} {self._moments(mark.start, mark.end)} data-y="{mark.y:g}" '
                f'transform="translate({x:g} {mark.y:g})" {_form(mark)}{shown}>{told}</path>'
            )
            if not mark.label:
                continue
            wide, placed = name_width(mark.label), names[mark.key]
            left = x - BESIDE - wide if placed.left else x + BESIDE
            hidden = _hidden(not placed.shown)
            yield (
                f'<text data-t="f" {self._moments(mark.start)} data-r="{wide:.0f}" data-y="{mark.y:g}" x="{left:g}" '
                f'y="{mark.y + 4:g}" fill="{_chrome("ink")}"{hidden}>{_inert(plain(mark.label, 40), 40)}</text>'
            )

    def _column(self, mark: SceneMark, key: str, told: str, shown: str) -> str:
        left, right = self.axis.x(mark.start), self.axis.x(mark.end)
        lane = next(one for one in self.scene.lanes if one.key == mark.lane)
        return (
            f'<rect data-t="b" {key} {self._moments(mark.start, mark.end)} x="{left:g}" '
            f'y="{lane.y + lane.step - mark.high - 1:g}" width="{max(right - left - 0.5, 1):g}" height="{mark.high:g}" '
            f'fill="{_colour(mark.role)}" fill-opacity=".6"{shown}>{told}</rect>'
        )

    def _legend(self, top: float) -> tuple[list[str], float]:
        x, y = float(self.scene.gutter), top + 10
        found = []
        for role, name in self.scene.legend:
            wide = len(name) * _LETTER + 32
            if x + wide > _WIDTH:
                x, y = float(self.scene.gutter), y + 17
            form = _swatch(role, _fill(self.look.name, role) if role in {b.role for b in self.scene.bars} else None)
            found.append(
                f'<g transform="translate({x + 6:g} {y:g})">{form}</g>'
                f'<text x="{x + 16:g}" y="{y + 4:g}" fill="{_chrome("muted")}">{html_text(name, 40)}</text>'
            )
            x += wide
        return found, y + 12


def _still(body: str) -> str:
    """What is left of a picture that nothing will ever move: no moments, no keys, and nothing that has no room."""
    return _MOVED.sub("", _UNSEEN.sub("", body))


_MOVED: Final = re.compile(r' data-[a-z]+="[^"]*"')
_UNSEEN: Final = re.compile(r'<(text|path|rect|g) [^>]*style="display:none"(?:/>|>.*?</\1>)')


def _down(stretches: Iterable[LinePart]) -> str:
    """The way of a line from top to bottom, where it is drawn."""
    return "".join(f"M0 {one.y:g}v{one.high:g}" for one in stretches)


def _hidden(hidden: bool) -> str:
    return ' style="display:none"' if hidden else ""


def _form(mark: SceneMark) -> str:
    path = SHAPES.get(mark.shape, SHAPES["item:other"])
    colour = _colour(mark.role) if mark.role != "note" else _chrome("accent")
    if mark.shape in HOLLOW:
        return f'd="{path}" fill="{colour}" fill-opacity=".12" style="stroke:{colour};stroke-width:1.5"'
    return f'd="{path}" fill="{colour}"'


def _swatch(role: str, fill: str | None) -> str:
    """What stands for a role in a legend: its box, or the form of its mark."""
    if fill is not None:
        return f'<rect x="-5" y="-5" width="10" height="10" fill="{fill}"/>'
    colour = _chrome("accent") if role == "note" else _colour(role)
    form = role.replace("since:", "verdict:")
    if role in HOLLOW:
        return f'<path d="{SHAPES[role]}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
    return f'<path d="{SHAPES.get(form, SHAPES["item:other"])}" fill="{colour}"/>'


def legend_html(scene: Scene, *, name: str) -> str:
    """What the colours and forms mean, as a row of HTML that breaks where it must.

    Args:
        scene: What is explained.
        name: What the ids in its picture begin with: the patterns are taken from there.
    """
    bars = {bar.role for bar in scene.bars}
    items = "".join(
        f'<span><svg width="12" height="14" viewBox="-6 -7 12 14" aria-hidden="true">'
        f"{_swatch(role, _fill(name, role) if role in bars else None)}</svg>{html_text(called, 40)}</span>"
        for role, called in scene.legend
    )
    return f'<div class="t3-legend" role="group" aria-label="Legend">{items}</div>'


def _described(scene: Scene) -> str:
    words = f"Timeline of {scene.title}"
    if scene.verdict is not None:
        words += f": {scene.verdict}"
    if scene.since is not None:
        words += f" since {iso(scene.since)}"
    return words


def overview_svg(scene: Scene) -> str:
    """All of the scene's time in a strip: what lasted and what was found, each a stroke, and room for a window."""
    axis = Axis(scene.whole, scene.folds, left=0, width=_WIDTH)
    zero = scene.whole.start
    unit = (_OVERVIEW - 4) / max(scene.height, 1)
    parts = []

    def moments(start: Micros, end: Micros) -> str:
        return f'data-a="{start - zero}"' + (f' data-b="{end - zero}"' if end != start else "")

    for bar in sorted(scene.bars, key=lambda one: one.start - one.end)[:_STROKES]:
        left, right = axis.x(bar.start), axis.x(bar.end)
        parts.append(
            f'<rect data-t="b" {moments(bar.start, bar.end)} x="{left:g}" y="{2 + bar.y * unit:.1f}" '
            f'width="{max(right - left, 1):g}" height="{max(bar.high * unit, 1.5):.1f}" fill="{_colour(bar.role)}"/>'
        )
    for mark in [one for one in scene.marks if one.role != "item:other"][:_STROKES]:
        x = axis.x(mark.start)
        colour = _chrome("accent") if mark.role == "note" else _colour(mark.role)
        parts.append(
            f'<path data-t="v" {moments(mark.start, mark.start)} transform="translate({x:g})" '
            f'd="M0 {2 + mark.y * unit:.1f}v2.5" stroke="{colour}" stroke-width="1.5"/>'
        )
    for fold in axis.folds:
        parts.append(
            f'<rect data-t="b" {moments(fold.start, fold.end)} class="t3-shut" x="{axis.x(fold.start):g}" y="0" '
            f'width="{FOLD_WIDTH}" height="{_OVERVIEW}" fill="{_chrome("paper")}" fill-opacity=".8"/>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="t3-overview" viewBox="0 0 {_WIDTH} {_OVERVIEW}" width="100%" '
        f'data-zero="{zero}" preserveAspectRatio="none" aria-hidden="true">{"".join(parts)}'
        f'<rect class="t3-window" x="0.5" y="0.5" width="{_WIDTH - 1}" height="{_OVERVIEW - 1}" '
        f'fill="{_chrome("accent")}" fill-opacity=".12" stroke="{_chrome("accent")}"/></svg>'
    )
