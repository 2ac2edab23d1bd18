"""A timeline as one HTML file that stands alone: drawn offline, in the reader's theme, unable to load anything."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Final

from t3lens.view.page.assets import style_sheet, timeline_script
from t3lens.view.page.escape import html_text
from t3lens.view.scene.page import scene_html, scene_tables
from t3lens.view.scene.parts import Scene
from t3lens.writing import make_folder, replace_file

__all__ = ["PAGE_POLICY", "script_hash", "timeline_html", "timeline_page"]

PAGE_POLICY: Final = (
    "default-src 'none'; script-src {}; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
    "base-uri 'none'; form-action 'none'"
)
"""What a page may do: run its own script, by its hash, and nothing else; no request leaves it."""

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}
html,body{{margin:0}}main{{padding:12px;min-height:100vh}}</style>
</head><body><main class="t3">
<h1 class="t3-unseen">{title}</h1>
{scene}
{below}
</main>
<script>{script}</script>
</body></html>
"""


_TABLES: Final = '<details><summary>As tables</summary><h2 class="t3-unseen">As tables</h2>{}</details>'


def script_hash(text: str) -> str:
    """The source a content security policy names to let exactly this script run."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def timeline_page(scene: Scene, title: str, *, below: str = "") -> str:
    """``scene`` as a whole HTML page: its picture, which zooms, and its tables, folded away.

    Args:
        scene: What is shown; untrusted.
        title: The page's title; untrusted.
        below: Escaped HTML under the picture; its tables, folded away, if not given.
    """
    script = timeline_script()
    return _PAGE.format(
        policy=PAGE_POLICY.format(script_hash(script)), title=html_text(title), style=style_sheet(),
        scene=scene_html(scene, name="t3s"), below=below or _TABLES.format(scene_tables(scene)), script=script,
    )  # fmt: skip


def timeline_html(scene: Scene, path: Path | str, title: str, *, below: str = "") -> Path:
    """Write ``timeline_page`` to ``path``; returns the path.

    Raises:
        InputError: It cannot be written; what stood there is as it was.
    """
    target = Path(path)
    make_folder(target.parent)
    replace_file(target, timeline_page(scene, title, below=below))
    return target
