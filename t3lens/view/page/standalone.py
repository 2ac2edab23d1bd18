"""A figure as one HTML file that stands alone: drawn offline, in the reader's theme, unable to load anything."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from t3lens.view.page import theme
from t3lens.view.page.assets import script, style_sheet
from t3lens.view.page.escape import html_text
from t3lens.writing import make_folder, replace_file

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["figure_html", "script_hash", "timeline_html"]

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}
html,body{{margin:0}}main{{padding:12px;min-height:100vh}}.t3-figure{{min-width:0}}</style>
</head><body><main class="t3">
<h1 class="t3-unseen">{title}</h1>
<div class="t3-figure" id="figure" role="group" aria-label="{label}"></div>
{below}
<script type="application/json" id="spec">{spec}</script>
<script>{library}</script>
<script>{draw}</script>
</main></body></html>
"""


def script_hash(text: str) -> str:
    """The source a content security policy names to let exactly this script run."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def figure_html(fig: go.Figure, title: str, *, below: str = "") -> str:
    """``fig`` as a whole HTML page; plotly.js stands in it once.

    The page's policy lets only its own two scripts run (by hash) and forbids every request.

    Args:
        fig: The figure, drawn for either theme; the page shows it in the reader's.
        title: The page's title; untrusted.
        below: Escaped HTML under the figure; its tables, folded away, if not given.
    """
    from plotly.offline import get_plotlyjs

    told = getattr(fig, "_t3lens_fallback", None)
    if not below and told is not None:
        below = f"<details><summary>As picture and tables</summary>{told()[1]}</details>"
    library = get_plotlyjs()
    draw = script("page.js")
    spec = theme.swap(json.loads(fig.to_json()), dark=False)
    content: dict[str, Any] = {
        "data": spec["data"],
        "layout": spec["layout"],
        "toDark": theme.TO_DARK,
    }
    # In a script element only "</" and "<!--" mean something, and JSON can spell "<" otherwise.
    inert = json.dumps(content, separators=(",", ":"), ensure_ascii=True).replace("<", "\\u003c")
    policy = (
        f"default-src 'none'; script-src {script_hash(library)} {script_hash(draw)}; style-src 'unsafe-inline'; "
        "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )
    return _PAGE.format(
        policy=policy, title=html_text(title), style=style_sheet(), label=html_text(f"Figure: {title}"),
        below=f'<h2 class="t3-unseen">As tables</h2>{below}' if below else "",
        spec=inert, library=library, draw=draw,
    )  # fmt: skip


def timeline_html(fig: go.Figure, path: Path | str, title: str, *, below: str = "") -> Path:
    """Write ``figure_html`` to ``path``; returns the path.

    Raises:
        InputError: It cannot be written; what stood there is as it was.
    """
    target = Path(path)
    make_folder(target.parent)
    replace_file(target, figure_html(fig, title, below=below))
    return target
