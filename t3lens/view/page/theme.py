"""Every colour, pattern and symbol t3lens draws with, for light and dark pages, in one place.

Hues follow the palette of Okabe and Ito (distinct for the common colour blindnesses) with lightness shifted per
page; each state also has a pattern or a symbol, so that a print in grey tells the same. A light colour is unique
to its dark partner, so a drawn figure changes its theme by replacing colours (``swap``), without being drawn again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

__all__ = [
    "ACTION",
    "CHROME",
    "ITEM",
    "SEVERITY",
    "STATE",
    "TO_DARK",
    "VERDICT",
    "Look",
    "css_variables",
    "halo",
    "look",
    "swap",
]


@dataclass(frozen=True, slots=True)
class Look:
    """How one kind of thing is drawn.

    Attributes:
        light: Hex colour on a light page.
        dark: Hex colour on a dark page.
        pattern: Fill pattern of bars (plotly's names; empty for solid).
        symbol: Marker symbol (plotly's names).
        sign: The same as one text character, for terminals, chips and lists.
    """

    light: str
    dark: str
    pattern: str = ""
    symbol: str = "circle"
    sign: str = "●"


_BLUE: Final = ("#0b68ad", "#5db2ee")
_SKY: Final = ("#5fa8d3", "#2f78a8")
_GREEN: Final = ("#0c7f5c", "#3fbf93")
_AMBER: Final = ("#b86e00", "#efaa3c")
_RED: Final = ("#c43a14", "#ff7d52")
_PURPLE: Final = ("#94489f", "#d592df")
_GREY: Final = ("#66717d", "#9ba6b2")
_PALE: Final = ("#b3bec9", "#505b68")
_SAND: Final = ("#8a7433", "#cdb56a")

STATE: Final = {
    "running": Look(*_BLUE, symbol="circle", sign="▶"),
    "starting": Look(*_SKY, pattern="\\", symbol="circle-open", sign="◔"),
    "pending": Look(*_SKY, pattern=".", symbol="circle-open-dot", sign="◌"),
    "waiting": Look(*_SAND, pattern="|", symbol="pentagon", sign="?"),
    "ready": Look(*_PALE, symbol="circle", sign="○"),
    "idle": Look(*_PALE, symbol="circle", sign="○"),
    "completed": Look(*_GREEN, symbol="square", sign="✓"),
    "interrupted": Look(*_AMBER, pattern="/", symbol="diamond", sign="◆"),
    "stopped": Look(*_GREY, pattern="-", symbol="square-open", sign="■"),
    "error": Look(*_RED, pattern="x", symbol="x", sign="✕"),
    "unknown": Look(*_GREY, pattern=".", symbol="cross-thin-open", sign="·"),
}
"""Session statuses and turn states, as T3 Code names them."""

ITEM: Final = {
    "message": Look(*_GREEN, symbol="square", sign="✎"),
    "reasoning": Look(*_PALE, pattern=".", symbol="circle", sign="…"),
    "tool": Look(*_PURPLE, pattern="/", symbol="diamond", sign="⚙"),
    "failed": Look(*_RED, pattern="x", symbol="x", sign="✕"),
    "request": Look(*_SAND, pattern="|", symbol="pentagon", sign="?"),
    "other": Look(*_GREY, symbol="circle", sign="·"),
    "lifecycle": Look(*_BLUE, symbol="diamond", sign="◆"),
    "terminal": Look(*_GREEN, symbol="square", sign="■"),
    "trouble": Look(*_RED, symbol="x", sign="✕"),
    "ask": Look(*_SAND, symbol="pentagon", sign="?"),
    "command": Look(*_AMBER, symbol="triangle-down", sign="▾"),
    "action": Look(*_PURPLE, symbol="star", sign="★"),
}
"""Items, requests and events."""

VERDICT: Final = {
    "stuck": Look(*_RED, pattern="x", symbol="x", sign="✕"),
    "diverged": Look(*_AMBER, pattern="/", symbol="diamond", sign="◆"),
    "waiting": Look(*_SAND, pattern="|", symbol="pentagon", sign="?"),
    "failed": Look(*_PURPLE, pattern="\\", symbol="triangle-up", sign="▲"),
    "working": Look(*_BLUE, symbol="circle", sign="▶"),
    "unknown": Look(*_GREY, pattern=".", symbol="cross-thin-open", sign="·"),
    "stopped": Look(*_GREY, pattern="-", symbol="square-open", sign="■"),
    "idle": Look(*_PALE, symbol="circle", sign="○"),
    "deleted": Look(*_PALE, pattern="+", symbol="line-ew-open", sign="–"),
}
"""Verdicts of threads, worst first."""

SEVERITY: Final = {
    "critical": Look(*_RED, pattern="x", symbol="octagon", sign="⬣"),
    "high": Look(*_RED, symbol="triangle-up", sign="▲"),
    "medium": Look(*_AMBER, symbol="diamond", sign="◆"),
    "low": Look(*_SAND, symbol="square", sign="■"),
    "info": Look(*_GREY, symbol="circle-open", sign="○"),
}
"""Severities of findings, worst first."""

ACTION: Final = {
    "applied": Look(*_GREEN, symbol="star", sign="★"),
    "already": Look(*_BLUE, symbol="star-open", sign="☆"),
    "failed": Look(*_RED, symbol="x", sign="✕"),
    "not-confirmed": Look(*_AMBER, symbol="hourglass", sign="◇"),
    "refused": Look(*_SAND, symbol="octagon-open", sign="⊘"),
    "cut-off": Look(*_GREY, symbol="cross-thin-open", sign="·"),
    "effect": Look(*_PURPLE, symbol="line-ew", sign="–"),
}
"""Outcomes of actions, and the time from an action to the effect that was seen of it."""

CHROME: Final = {
    "paper": Look("#ffffff", "#14181d"),
    "panel": Look("#f6f8fa", "#1c2128"),
    "ink": Look("#1f262d", "#e4e9ee"),
    "muted": Look("#57626e", "#a3aeba"),
    "grid": Look("#e3e8ed", "#2c343d"),
    "rule": Look("#cdd5dd", "#3c4650"),
    "accent": Look("#0a5d9b", "#6bbcf5"),
    "mark": Look("#fff3c4", "#4a3d10"),
}
"""Pages, text, lines."""

_UNKNOWN: Final = STATE["unknown"]
_FAMILIES: Final = {
    "state": STATE,
    "item": ITEM,
    "verdict": VERDICT,
    "severity": SEVERITY,
    "action": ACTION,
    "incident": {name: Look(entry.light, entry.dark, sign=entry.sign) for name, entry in VERDICT.items()},
    "since": VERDICT,
}

TO_DARK: Final = {entry.light: entry.dark for family in (*_FAMILIES.values(), CHROME) for entry in family.values()}
"""Light colour to its dark partner."""


def halo(colour: str) -> str:
    """A CSS shadow that makes a plate of one colour behind a text."""
    return ",".join(f"{x}px {y}px 2px {colour}" for x in (-3, -1, 1, 3) for y in (-2, 0, 2))


_SWAPS: Final = {**TO_DARK, **{halo(light): halo(dark) for light, dark in TO_DARK.items()}}
_SWAPS_BACK: Final = {dark: light for light, dark in _SWAPS.items()}


def look(role: str) -> Look:
    """The look of a role as ``family:name`` (``state:running``, ``severity:high``); unknown names look unknown."""
    family, _, name = role.partition(":")
    return _FAMILIES.get(family, {}).get(name, _UNKNOWN)


def swap(value: Any, *, dark: bool) -> Any:
    """``value`` (a figure as plain lists, dicts and strings) with every colour of the other theme replaced."""
    table = _SWAPS if dark else _SWAPS_BACK
    if isinstance(value, str):
        return table.get(value, value)
    if isinstance(value, dict):
        return {key: swap(part, dark=dark) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [swap(part, dark=dark) for part in value]
    return value


def css_variables(*, dark: bool) -> str:
    """The palette as CSS custom properties (``--t3-ink``, ``--t3-verdict-stuck`` …), without a selector."""
    lines = []
    for name, entry in CHROME.items():
        lines.append(f"--t3-{name}:{entry.dark if dark else entry.light}")
    for family, entries in _FAMILIES.items():
        for name, entry in entries.items():
            lines.append(f"--t3-{family}-{name}:{entry.dark if dark else entry.light}")
    return ";".join(lines)
