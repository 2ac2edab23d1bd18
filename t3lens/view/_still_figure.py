"""The timeline as a plain figure: drawn by whatever front end knows plotly, a still picture and tables elsewhere."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from t3lens.view.tables import timeline_fallback
from t3lens.view.timeline_data import TimelineData

__all__ = ["StillTimeline"]


class StillTimeline(go.Figure):  # type: ignore[misc]
    """A ``plotly`` figure that never asks a network for anything and leaves something to see in nbconvert."""

    _t3lens_data: TimelineData | None = None

    def _repr_mimebundle_(self, *_: Any, **__: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = {"application/vnd.plotly.v1+json": self.to_plotly_json()}
        bundle["application/vnd.plotly.v1+json"]["config"] = {
            "plotlyServerURL": "",
            "responsive": True,
        }
        if self._t3lens_data is not None:
            bundle["text/plain"], bundle["text/html"] = timeline_fallback(self._t3lens_data)
        return bundle

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self._repr_mimebundle_(), raw=True)  # type: ignore[no-untyped-call]
