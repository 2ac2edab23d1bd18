"""The forms of marks, as SVG path data around the origin: each kind and each outcome has its own."""

from __future__ import annotations

from typing import Final

__all__ = ["HATCHES", "HOLLOW", "SHAPES"]

_CROSS: Final = "M-5-3l2-2 3 3 3-3 2 2-3 3 3 3-2 2-3-3-3 3-2-2 3-3z"
_STAR: Final = "M0-7l2 5h5l-4 3 2 6-5-4-5 4 2-6-4-3h5z"

SHAPES: Final = {
    "item:other": "M-.75-5h1.5v10h-1.5z",
    "item:terminal": "M-4-4h8v8h-8z",
    "item:trouble": _CROSS,
    "item:ask": "M0-5l5 4-2 6h-6l-2-6z",
    "item:command": "M-5-4h10l-5 9z",
    "item:lifecycle": "M0-5l5 5-5 5-5-5z",
    "action:applied": _STAR,
    "action:already": _STAR,
    "action:failed": _CROSS,
    "action:not-confirmed": "M-5-6h10l-10 12h10z",
    "action:refused": "M-3-6h6l3 3v6l-3 3h-6l-3-3v-6z",
    "action:cut-off": "M-5-1h4v-4h2v4h4v2h-4v4h-2v-4h-4z",
    "severity:critical": "M-3-7h6l4 4v6l-4 4h-6l-4-4v-6z",
    "severity:high": "M0-6l6 11h-12z",
    "severity:medium": "M0-6l6 6-6 6-6-6z",
    "severity:low": "M-4-4h8v8h-8z",
    "severity:info": "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z",
    "verdict:stuck": _CROSS,
    "verdict:diverged": "M0-6l6 6-6 6-6-6z",
    "verdict:waiting": "M0-5l5 4-2 6h-6l-2-6z",
    "verdict:failed": "M0-6l6 11h-12z",
    "note": "M-5-6h10v8h-5l-3 4v-4h-2z",
}
"""By role; others look like ``item:other``."""

HOLLOW: Final = frozenset({"action:already", "action:refused", "severity:info"})
"""Forms of which only the outline is drawn."""

HATCHES: Final = {
    "/": "M0 6L6 0", "\\": "M0 0L6 6", "x": "M0 6L6 0M0 0L6 6", "-": "M0 3H6", "|": "M3 0V6", "+": "M3 0V6M0 3H6",
    ".": "M2.5 3H3.5",
}  # fmt: skip
"""The patterns of bars (by the name that ``theme`` gives them) in a square of six pixels."""
