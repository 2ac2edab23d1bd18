"""A thread's timeline as an SVG picture: for print, for Markdown, for where no script runs."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from t3lens.redact import Redactor
from t3lens.time import SECOND, Micros, duration, to_datetime
from t3lens.view.page import theme
from t3lens.view.page.escape import html_text
from t3lens.view.timeline.data import Bar, FindingMark, Lane, Mark, TimelineData
from t3lens.view.timeline.picture import mark_path

__all__ = ["plain_colours", "redacted", "timeline_svg"]

_WIDTH: Final = 1000
_LEFT: Final = 158
_RIGHT: Final = 14
_ROW: Final = 21
_GAP: Final = 7
_TOP: Final = 30
_VARIABLE: Final = re.compile(r"var\(--[a-z0-9-]+,(#[0-9a-f]{6})\)")
_STEPS: Final = tuple(
    step * SECOND for step in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
)


def redacted(data: TimelineData, redactor: Redactor) -> TimelineData:
    """``data`` with the secrets in its words masked."""

    def facts(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        return tuple(
            (name, redactor.said(value, "account") if name == "who" else redactor.text(str(value))) for name, value in pairs
        )

    def bar(one: Bar) -> Bar:
        return replace(one, title=redactor.text(one.title), facts=facts(one.facts))

    def mark(one: Mark) -> Mark:
        return replace(one, title=redactor.text(one.title), facts=facts(one.facts))

    def finding(one: FindingMark) -> FindingMark:
        return replace(one, summary=redactor.text(one.summary))

    return replace(
        data,
        title=redactor.text(data.title),
        bars=tuple(bar(one) for one in data.bars),
        marks=tuple(mark(one) for one in data.marks),
        findings=tuple(finding(one) for one in data.findings),
    )


def plain_colours(svg: str) -> str:
    """``svg`` with the colours of a light page written out, for programs that know no CSS variables."""
    return _VARIABLE.sub(r"\1", svg)


def _colour(role: str) -> str:
    family, _, name = role.partition(":")
    entry = theme.look(role)
    known = entry is not theme.look("state:unknown") or name == "unknown"
    return f"var(--t3-{family}-{name},{entry.light})" if known else entry.light


def _chrome(name: str) -> str:
    return f"var(--t3-{name},{theme.CHROME[name].light})"


class _Scale:
    """Time to pixels."""

    def __init__(self, data: TimelineData) -> None:
        self.start, self.end = data.start, max(data.end, data.start + 1)
        self._unit = (_WIDTH - _LEFT - _RIGHT) / (self.end - self.start)

    def x(self, at: Micros) -> float:
        return round(_LEFT + (min(max(at, self.start), self.end) - self.start) * self._unit, 1)

    def ticks(self) -> list[Micros]:
        span = self.end - self.start
        step = next((one for one in _STEPS if span / one <= 9), _STEPS[-1] * (span // (_STEPS[-1] * 9) + 1))
        first = -(-self.start // step) * step
        return list(range(first, self.end + 1, step))


def timeline_svg(data: TimelineData) -> str:
    """The picture of a timeline; its colours follow the page's theme, and are a light page's elsewhere.

    Args:
        data: What to draw, already redacted.
    """
    scale = _Scale(data)
    tops: dict[str, float] = {}
    y = float(_TOP)
    for lane in data.lanes:
        tops[lane.key] = y
        y += _ROW * lane.rows + _GAP
    height = y + 26
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:g}" role="img" '
        f'aria-label="{html_text(_described(data), 400)}" font-family="system-ui,Segoe UI,Roboto,sans-serif" '
        'font-size="11">',
        f'<rect width="{_WIDTH}" height="{height:g}" fill="{_chrome("paper")}"/>',
    ]
    for place, lane in enumerate(data.lanes):
        parts += _lane(lane, tops[lane.key], shaded=place % 2 == 0)
    parts += _axis(data, scale, y)
    for bar in data.bars:
        parts += _bar(bar, tops, scale, stuck=_is_stuck(bar, data))
    parts += [_mark(mark, tops, scale) for mark in data.marks if mark.lane in tops]
    parts += [text for finding in data.findings for text in _finding(finding, tops, scale)]
    parts += _moments(data, scale, y)
    return "".join([*parts, "</svg>"])


def _described(data: TimelineData) -> str:
    words = f"Timeline of {data.title}: {data.verdict or 'not judged'}"
    if data.since is not None:
        words += f" since {to_datetime(data.since):%Y-%m-%d %H:%M:%S} UTC"
    return words


def _is_stuck(bar: Bar, data: TimelineData) -> bool:
    return bar.open and data.verdict == "stuck" and bar.lane in ("session-stored", "turns-stored")


def _lane(lane: Lane, top: float, *, shaded: bool) -> list[str]:
    height = _ROW * lane.rows
    found = []
    if shaded:
        found.append(
            f'<rect x="0" y="{top - _GAP / 2:g}" width="{_WIDTH}" height="{height + _GAP}" fill="{_chrome("panel")}"/>'
        )
    middle = top + height / 2 + 4
    found.append(
        f'<text x="{_LEFT - 10}" y="{middle:g}" text-anchor="end" fill="{_chrome("ink")}">{html_text(lane.title, 30)}</text>'
    )
    if lane.note:
        found.append(
            f'<text x="{_LEFT + 6}" y="{middle:g}" font-style="italic" fill="{_chrome("muted")}">'
            f"{html_text(lane.note, 60)}</text>"
        )
    return found


def _axis(data: TimelineData, scale: _Scale, bottom: float) -> list[str]:
    ticks = scale.ticks()
    days = data.end - data.start > 36 * 3600 * SECOND
    found = []
    for tick in ticks:
        x = scale.x(tick)
        moment = to_datetime(tick)
        word = f"{moment:%m-%d %H:%M}" if days else f"{moment:%H:%M:%S}"
        found.append(
            f'<line x1="{x}" x2="{x}" y1="{_TOP - 4}" y2="{bottom:g}" stroke="{_chrome("grid")}"/>'
            f'<text x="{x}" y="{bottom + 15:g}" text-anchor="middle" fill="{_chrome("muted")}">{word}</text>'
        )
    found.append(f'<text x="8" y="{bottom + 15:g}" fill="{_chrome("muted")}">{to_datetime(data.start):%Y-%m-%d}, UTC</text>')
    return found


def _bar(bar: Bar, tops: dict[str, float], scale: _Scale, *, stuck: bool) -> list[str]:
    if bar.lane not in tops or bar.end < scale.start or bar.start > scale.end:
        return []
    left, right = scale.x(bar.start), scale.x(bar.end)
    width = max(right - left, 1.5)
    # An action's bar only ties it to its effect.
    high = 4 if bar.lane == "actions" else _ROW - 4
    y = tops[bar.lane] + _ROW * bar.row + (_ROW - high) / 2
    colour = _colour("verdict:stuck") if stuck else _colour(bar.role)
    title = html_text(f"{bar.title}, {duration(bar.end - bar.start)}", 200)
    found = [
        f'<rect x="{left:g}" y="{y:g}" width="{width:g}" height="{high}" rx="2" fill="{colour}">'
        f"<title>{title}</title></rect>"
    ]
    if bar.open:
        mid = y + high / 2
        found.append(
            f'<path d="M{right - 1:g},{y:g} l8,{high / 2:g} l-8,{high / 2:g} z" fill="{colour}"/>'
            f'<line x1="{left:g}" x2="{right:g}" y1="{mid:g}" y2="{mid:g}" stroke="{_chrome("paper")}" '
            'stroke-dasharray="2 5" stroke-width="1"/>'
        )
    word = bar.title.removeprefix("session ").removeprefix("turn ").removeprefix("should be ")
    if stuck:
        word = f"stuck, stored as {word}"
    if bar.lane.startswith(("session", "turns", "incidents")) and width > 7 * len(word) + 8:
        found.append(
            f'<text x="{left + 5:g}" y="{y + 12.5:g}" fill="{_chrome("paper")}" stroke="{colour}" stroke-width="3" '
            f'paint-order="stroke">{html_text(word, 60)}</text>'
        )
    return found


def _mark(mark: Mark, tops: dict[str, float], scale: _Scale) -> str:
    x = scale.x(mark.at)
    y = tops[mark.lane] + _ROW / 2
    colour = _colour(mark.role)
    if mark.dense:
        half = round(2 + 6 * mark.weight, 1)
        width = max(scale.x(mark.until) - x, 1)
        return f'<rect x="{x:g}" y="{y - half / 2:g}" width="{width:g}" height="{half}" fill="{colour}" opacity="0.55"/>'
    path, hollow = mark_path(mark.role, x, y)
    outline = f' fill-opacity="0" stroke="{colour}" stroke-width="1.5"' if hollow else ""
    title = html_text(mark.title, 160)
    return f'<path d="{path}" fill="{colour}"{outline}><title>{title}</title></path>'


def _finding(finding: FindingMark, tops: dict[str, float], scale: _Scale) -> list[str]:
    if "findings" not in tops:
        return []
    x = scale.x(finding.since if finding.since is not None else scale.start)
    y = tops["findings"] + _ROW * finding.row + _ROW / 2
    colour = _colour(f"severity:{finding.severity}")
    near_end = x > _WIDTH - _RIGHT - 7 * len(finding.code) - 20
    anchor, shift = ("end", -9) if near_end else ("start", 9)
    return [
        f'<path d="M{x:g},{y - 5:g} l5,9 h-10 z" fill="{colour}"><title>{html_text(finding.summary, 300)}</title></path>'
        f'<text x="{x + shift:g}" y="{y + 4:g}" text-anchor="{anchor}" fill="{_chrome("ink")}" '
        f'stroke="{_chrome("paper")}" stroke-width="3" paint-order="stroke">{html_text(finding.code, 40)}</text>'
    ]


def _moments(data: TimelineData, scale: _Scale, bottom: float) -> list[str]:
    moments = [(at, word, _colour("state:completed"), "none") for at, word in data.servers]
    if data.since is not None:
        moments.append((data.since, data.verdict or "", _colour("severity:high"), "6 4"))
    moments.append((data.as_of, "as of", _chrome("muted"), "2 3"))
    found = []
    last = -100.0
    for at, word, colour, dash in sorted(moments):
        if not scale.start <= at <= scale.end:
            continue
        x = scale.x(at)
        found.append(
            f'<line x1="{x:g}" x2="{x:g}" y1="{_TOP - 6}" y2="{bottom:g}" stroke="{colour}" stroke-dasharray="{dash}"/>'
        )
        if x - last < 64:
            continue
        last = x
        anchor = "end" if x > _WIDTH - 80 else "middle"
        found.append(
            f'<text x="{x:g}" y="{_TOP - 10}" text-anchor="{anchor}" fill="{_chrome("muted")}">{html_text(word, 30)}</text>'
        )
    return found
