"""A plain figure: drawn by whatever front end knows plotly, a still picture and tables elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go

__all__ = ["StillFigure"]


class StillFigure(go.Figure):  # type: ignore[misc]
    """A ``plotly`` figure that never asks a network for anything and leaves something to see in nbconvert."""

    _t3lens_fallback: Callable[[], tuple[str, str]] | None = None

    def _repr_mimebundle_(self, *_: Any, **__: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = {"application/vnd.plotly.v1+json": self.to_plotly_json()}
        bundle["application/vnd.plotly.v1+json"]["config"] = {
            "plotlyServerURL": "",
            "responsive": True,
        }
        if self._t3lens_fallback is not None:
            bundle["text/plain"], bundle["text/html"] = self._t3lens_fallback()
        return bundle

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self._repr_mimebundle_(), raw=True)  # type: ignore[no-untyped-call]
