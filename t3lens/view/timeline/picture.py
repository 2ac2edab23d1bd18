"""A timeline as a still picture: inline SVG without script, for pages that nothing can run in.

It is what a notebook keeps when its kernel is gone, what nbconvert shows, and what a printer prints.
"""

from __future__ import annotations

from typing import Final

from t3lens.time import SECOND, Micros, duration, to_datetime
from t3lens.view.page import theme
from t3lens.view.page.escape import html_text
from t3lens.view.timeline.data import Bar, FindingMark, Mark, TimelineData

__all__ = ["mark_path", "timeline_svg"]

_WIDTH: Final = 960
_GUTTER: Final = 150
_RIGHT: Final = 16
_TOP: Final = 26
_LANE: Final = 26
_PACKED: Final = 15
_GAP: Final = 6
_PALE: Final = ("state:ready", "state:idle", "state:starting", "state:pending", "item:reasoning")
_STEPS: Final = tuple(
    int(n * SECOND)
    for n in (
        0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600,
        43200,
    )
) + tuple(n * 86400 * SECOND for n in (1, 2, 7, 14, 30, 90, 365))  # fmt: skip


class _Picture:
    def __init__(self, data: TimelineData) -> None:
        self.data = data
        self.parts: list[str] = []
        self.tops: dict[str, tuple[float, float]] = {}
        y = float(_TOP)
        for lane in data.lanes:
            step = _PACKED if lane.rows > 1 else _LANE
            self.tops[lane.key] = (y, step)
            y += step * lane.rows + _GAP
        self.bottom = y

    def x(self, at: Micros) -> float:
        share = (at - self.data.start) / max(self.data.end - self.data.start, 1)
        return round(_GUTTER + min(max(share, 0.0), 1.0) * (_WIDTH - _GUTTER - _RIGHT), 1)

    def text(self, x: float, y: float, words: str, *, anchor: str = "start", ink: str = "muted") -> None:
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="11" '
            f'fill="var(--t3-{ink},{theme.CHROME[ink].light})">{html_text(words, 80)}</text>'
        )

    def line(self, at: Micros, stroke: str, dash: str = "") -> None:
        if self.data.start <= at <= self.data.end:
            x = self.x(at)
            self.parts.append(
                f'<line x1="{x}" x2="{x}" y1="{_TOP - 4}" y2="{self.bottom:g}" stroke="{stroke}" stroke-dasharray="{dash}"/>'
            )

    def draw(self) -> str:
        data = self.data
        for number, lane in enumerate(data.lanes):
            top, step = self.tops[lane.key]
            if number % 2 == 0:
                self.parts.append(
                    f'<rect x="0" y="{top - _GAP / 2:g}" width="{_WIDTH}" height="{step * lane.rows + _GAP:g}" '
                    f'fill="{chrome("panel")}"/>'
                )
            middle = top + step * lane.rows / 2 + 4
            self.text(_GUTTER - 8, middle, lane.title, anchor="end", ink="ink")
            if lane.note:
                self.text(_GUTTER + 6, middle, lane.note)
        self._axis()
        for at, word in data.servers:
            self.line(at, colour("state:completed"))
            if data.start <= at <= data.end:
                self.text(self.x(at) + 4, self.bottom + 11, word)
        if data.since is not None:
            self.line(data.since, colour("verdict:stuck"), "6 4")
        self.line(data.as_of, chrome("muted"), "2 3")
        for fork in data.forks:
            self.line(fork, colour("item:action"), "6 3 2 3")
        for bar in data.bars:
            self._bar(bar)
        for mark in data.marks:
            self._mark(mark)
        for finding in data.findings:
            self._finding(finding)
        height = round(self.bottom + 16)
        title = html_text(f"Timeline of {data.title}", 120)
        return (
            f'<svg viewBox="0 0 {_WIDTH} {height}" width="100%" style="max-width:{_WIDTH}px" role="img" '
            f'aria-label="{title}" font-family="system-ui,sans-serif">{"".join(self.parts)}</svg>'
        )

    def _axis(self) -> None:
        for at, words in axis_steps(self.data.start, self.data.end):
            x = self.x(at)
            self.parts.append(f'<line x1="{x}" x2="{x}" y1="{_TOP - 4}" y2="{self.bottom:g}" stroke="{chrome("grid")}"/>')
            self.text(x, 14, words, anchor="middle")
        self.text(_WIDTH - 4, self.bottom + 11, "UTC", anchor="end")

    def _bar(self, bar: Bar) -> None:
        if bar.lane not in self.tops:
            return
        top, step = self.tops[bar.lane]
        left, right = self.x(bar.start), self.x(bar.end)
        high = 4.0 if bar.lane == "actions" else step - 4  # an action's bar only ties it to its effect
        y = top + bar.row * step + (step - high) / 2
        stuck = bar.open and self.data.verdict == "stuck" and bar.lane.endswith("stored")
        fill = colour(bar.role)
        length = duration(bar.end - bar.start)
        words = f"{bar.title}, open for {length}" if bar.open else f"{bar.title}, {length}"
        self.parts.append(
            f'<rect x="{left}" y="{y:g}" width="{max(right - left, 1.5):g}" height="{high:g}" fill="{fill}">'
            f"<title>{html_text(words, 120)}</title></rect>"
        )
        sign = theme.look(bar.role).sign
        if right - left > 70 and bar.lane != "actions":
            ink = "ink" if bar.role in _PALE else "paper"
            self.parts.append(
                f'<text x="{left + 5:g}" y="{y + high / 2 + 4:g}" font-size="11" fill="{chrome(ink)}">'
                f"{html_text(f'{sign} ' + bar.role.partition(':')[2], 30)}</text>"
            )
        if bar.open:
            end = colour("verdict:stuck") if stuck else fill
            self.parts.append(
                f'<path d="M{right:g} {y - 2:g}l9 {high / 2 + 2:g}l-9 {high / 2 + 2:g}z" fill="{end}" '
                f'stroke="{chrome("ink")}"/>'
            )
            if right - left > 230:
                said = f"{'stuck, ' if stuck else ''}open for {length}"
                self.parts.append(
                    f'<text x="{right - 6:g}" y="{y + high / 2 + 4:g}" font-size="11" font-weight="600" '
                    f'text-anchor="end" fill="{chrome("paper")}">{html_text(said, 60)}</text>'
                )

    def _mark(self, mark: Mark) -> None:
        top, step = self.tops[mark.lane]
        x, y = self.x(mark.at), top + step / 2
        fill = colour(mark.role)
        if mark.dense:
            high = 3 + (step - 6) * mark.weight
            wide = max(self.x(mark.until) - x - 0.5, 1)
            self.parts.append(
                f'<rect x="{x}" y="{top + step - high - 1:g}" width="{wide:g}" height="{high:g}" fill="{fill}" '
                'opacity="0.6"/>'
            )
            return
        path, hollow = mark_path(mark.role, x, y)
        outline = f' fill-opacity="0" stroke="{fill}" stroke-width="1.5"' if hollow else ""
        self.parts.append(f'<path d="{path}" fill="{fill}"{outline}><title>{html_text(mark.title, 100)}</title></path>')

    def _finding(self, finding: FindingMark) -> None:
        top, step = self.tops["findings"]
        at = self.data.start if finding.since is None else finding.since
        if not self.data.start <= at <= self.data.end:
            return
        x, y = self.x(at), top + finding.row * step + step / 2
        self.parts.append(
            f'<path d="M{x:g} {y - 6:g}l6 11h-12z" fill="{colour(f"severity:{finding.severity}")}">'
            f"<title>{html_text(finding.summary, 300)}</title></path>"
        )
        late = x > _GUTTER + (_WIDTH - _GUTTER) * 0.7
        self.text(
            x - 10 if late else x + 10,
            y + 4,
            finding.code,
            anchor="end" if late else "start",
            ink="ink",
        )


def mark_path(role: str, x: float, y: float) -> tuple[str, bool]:
    """The shape of a mark around a point, as SVG path data, and whether it is drawn hollow; each outcome has its own."""
    star = f"M{x:g} {y - 7:g}l2 5h5l-4 3 2 6-5-4-5 4 2-6-4-3h5z"
    path = {
        "item:terminal": f"M{x - 4:g} {y - 4:g}h8v8h-8z",
        "item:trouble": f"M{x - 5:g} {y - 3:g}l2-2 3 3 3-3 2 2-3 3 3 3-2 2-3-3-3 3-2-2 3-3z",
        "item:ask": f"M{x:g} {y - 5:g}l5 4-2 6h-6l-2-6z",
        "item:command": f"M{x - 5:g} {y - 4:g}h10l-5 9z",
        "item:lifecycle": f"M{x:g} {y - 5:g}l5 5-5 5-5-5z",
        "action:applied": star,
        "action:already": star,
        "action:failed": f"M{x - 5:g} {y - 3:g}l2-2 3 3 3-3 2 2-3 3 3 3-2 2-3-3-3 3-2-2 3-3z",
        "action:not-confirmed": f"M{x - 5:g} {y - 6:g}h10l-10 12h10z",
        "action:refused": f"M{x - 3:g} {y - 6:g}h6l3 3v6l-3 3h-6l-3-3v-6z",
        "action:cut-off": f"M{x - 5:g} {y - 1:g}h4v-4h2v4h4v2h-4v4h-2v-4h-4z",
    }.get(role, f"M{x - 0.75:g} {y - 5:g}h1.5v10h-1.5z")
    return path, role in ("action:already", "action:refused")


def colour(role: str) -> str:
    """A role's colour: the page's variable, or the light page's where it knows none."""
    return f"var(--t3-{role.replace(':', '-')},{theme.look(role).light})"


def chrome(name: str) -> str:
    """The colour of paper, ink or lines, in the same way."""
    return f"var(--t3-{name},{theme.CHROME[name].light})"


def axis_steps(low: Micros, high: Micros) -> list[tuple[Micros, str]]:
    """Where a time axis gets its marks, at most some eight, and what each says."""
    span = high - low
    step = next((s for s in _STEPS if span / s <= 8), _STEPS[-1])
    form = "%m-%d" if step >= _STEPS[-7] else "%m-%d %H:%M" if step >= 60 * SECOND else "%H:%M:%S"
    marks = []
    for at in range(low - low % step + step, high + 1, step):
        words = to_datetime(at).strftime(form)
        marks.append((at, f"{words}.{at % SECOND // 1000:03d}" if step < SECOND else words))
    return marks


def timeline_svg(data: TimelineData) -> str:
    """``data`` as one ``<svg>`` element; follows the page's theme where the style sheet of t3lens is in the page."""
    return _Picture(data).draw()
