"""Scripts that a page is sent once, however many widgets need them."""

from __future__ import annotations

from typing import Final

import ipywidgets
import plotly.graph_objects as go
import traitlets

__all__ = ["ScriptWidget", "plotly_script"]


class ScriptWidget(ipywidgets.Widget):  # type: ignore[misc]
    """A script that widgets of the page find by this widget's model id; it is never shown."""

    text = traitlets.Unicode().tag(sync=True)


_MADE: Final[list[ScriptWidget]] = []


def plotly_script() -> ScriptWidget:
    """What draws plotly's figure widget in a page; one for the whole kernel, made when it is asked for first."""
    if not _MADE or _MADE[0].comm is None:  # someone has closed all widgets
        _MADE[:] = [ScriptWidget(text=str(go.FigureWidget._esm))]
    return _MADE[0]
