"""What a figure says: times, lengths of time and hovers, in words a person reads and plotly cannot misread."""

from __future__ import annotations

from typing import Final

from t3lens.time import Micros, duration, to_datetime
from t3lens.view.page.escape import figure_text, short_id
from t3lens.view.timeline.parts import Bar, FindingMark, Mark

__all__ = ["bar_hover", "clock", "finding_hover", "mark_hover", "stamp"]

_WHOLE: Final = ("because", "last error", "error", "said", "why", "session")


def stamp(at: Micros) -> str:
    """A time as plotly reads it."""
    return to_datetime(at).strftime("%Y-%m-%d %H:%M:%S.%f")


def clock(at: Micros) -> str:
    """A time of day with milliseconds."""
    return to_datetime(at).strftime("%H:%M:%S.%f")[:-3]


def bar_hover(bar: Bar) -> str:
    """What a bar says when pointed at; HTML as plotly knows it."""
    length = duration(bar.end - bar.start)
    when = (
        f"since {clock(bar.start)}, still open after {length}"
        if bar.open
        else f"{clock(bar.start)} – {clock(bar.end)} ({length})"
    )
    return _hover(bar.title, when, bar.facts)


def _hover(title: str, when: str, facts: tuple[tuple[str, str], ...]) -> str:
    lines = [f"<b>{figure_text(title, 90)}</b>", when]
    for name, value in facts:
        shown = value if name in _WHOLE else short_id(value, 44)
        lines.append(f"{figure_text(name, 30)}: {_wrapped(shown)}")
    return "<br>".join(lines)


def _wrapped(text: str, width: int = 64) -> str:
    """``text`` escaped, broken into lines of about ``width`` characters."""
    lines = [""]
    for word in text[:400].split():
        if len(lines[-1]) + len(word) > width and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>   ".join(figure_text(line, width * 2) for line in lines[:5])


def mark_hover(mark: Mark) -> str:
    """What a mark says when pointed at."""
    when = clock(mark.at)
    if mark.count > 1:
        when = f"{when} – {clock(mark.until)}; zoom in for each"
    return _hover(mark.title, when, mark.facts)


def finding_hover(finding: FindingMark) -> str:
    """What a finding says when pointed at."""
    where = ", of the whole home" if finding.home_wide else ""
    since = "" if finding.since is None else f" since {clock(finding.since)}"
    lines = [
        f"<b>{figure_text(finding.code, 40)}</b> ({finding.severity}, {finding.confidence}{where})",
        f"{_wrapped(finding.summary)}{since}",
    ]
    if finding.remedy not in ("", "none"):
        lines.append(f"remedy: {figure_text(finding.remedy, 40)}")
    return "<br>".join(lines)
