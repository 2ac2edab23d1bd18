"""A plain figure: drawn by whatever front end knows plotly, a still picture and tables elsewhere."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import plotly.graph_objects as go

from t3lens.view.page.assets import light_figures, plain_figure_script

__all__ = ["StillFigure"]


class StillFigure(go.Figure):  # type: ignore[misc]
    """A ``plotly`` figure that never asks a network for anything and leaves something to see in nbconvert.

    It is light on paper also where it is drawn for a dark page, and where that page has nothing else of t3lens. In a
    notebook it is light or dark as the page is, and changes when that is switched.
    """

    _t3lens_fallback: Callable[[], tuple[str, str]] | None = None
    _t3lens_begins_as_drawn: bool = False
    """Somebody asked for a dark one: it follows the page only when that is switched."""

    def _repr_mimebundle_(self, *_: Any, **__: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = {"application/vnd.plotly.v1+json": self.to_plotly_json()}
        # Not "responsive": that takes the height of what is around the figure, which may have none when JupyterLab changes
        # its theme, and then nothing is left to see. Front ends fit the width by themselves.
        bundle["application/vnd.plotly.v1+json"]["config"] = {"plotlyServerURL": ""}
        if self._t3lens_fallback is not None:
            bundle["text/plain"], bundle["text/html"] = self._t3lens_fallback()
        return bundle

    def _ipython_display_(self) -> None:
        from IPython.display import display

        # What a front end draws of plotly's data takes no style sheet and no script with it, so that they go before; the
        # figure stays a cell's last output.
        name = f"t3-plain-{uuid.uuid4().hex}"
        script = plain_figure_script() + ("" if self._t3lens_begins_as_drawn else f"\nt3lensFollow({json.dumps(name)});")
        page = f'<style id="{name}">{light_figures()}</style><script>{script}</script>'
        display({"text/html": page, "text/plain": ""}, raw=True)  # type: ignore[no-untyped-call]
        display(self._repr_mimebundle_(), raw=True)  # type: ignore[no-untyped-call]

    def to_html(self, *args: Any, **options: Any) -> str:
        """As plotly's own, and light on paper."""
        return str(super().to_html(*args, **_with_style(options)))

    def write_html(self, file: str | Path | IO[str], *args: Any, **options: Any) -> None:
        """As plotly's own, and light on paper."""
        super().write_html(file, *args, **_with_style(options))


def _with_style(options: dict[str, Any]) -> dict[str, Any]:
    """plotly's options with a script more that is run once the figure is drawn, and puts a rule for paper into its page."""
    given = options.get("post_script") or []
    script = f"document.head.appendChild(document.createElement('style')).textContent = {json.dumps(light_figures())};"
    return {**options, "post_script": [*([given] if isinstance(given, str) else given), script]}
