"""Tables that can be searched, sorted and paged in a notebook: by itables, an optional extra, without a network.

``%load_ext t3lens`` begins it, where itables is installed and somebody looks: its library is put into that cell's output
once. Each table comes with the one that pandas makes, which stays where no script runs or the library is not there.
"""

from __future__ import annotations

import uuid
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from t3lens.view.notebook.front_end import attended

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MOST_ROWS", "are_live", "begin", "live_html"]

MOST_ROWS: Final = 2_000
"""So many rows of a table go into the page."""

_SWAP: Final = """<script>(() => {{
  const plain = document.getElementById("{name}-plain"), live = document.getElementById("{name}-live");
  let looks = 0;
  const look = () => {{
    if (!plain || !live) return;
    if (live.querySelector("table.dataTable")) {{ plain.hidden = true; live.style.cssText = ""; }}
    else if (looks++ < 600) setTimeout(look, 100);
  }};
  look();
}})();</script>"""


class _Begun:
    """Whether this kernel's tables are live."""

    yes: bool = False


def are_live() -> bool:
    """Whether tables are shown so: ``begin`` found all that it takes."""
    return _Begun.yes


def begin(show: Any) -> bool:
    """From now on show tables so, if itables is installed and a person looks at what this kernel shows.

    Args:
        show: Puts a piece of HTML into the running cell's output.

    Returns:
        Whether that is so.
    """
    if not attended() or find_spec("itables") is None:
        return False
    from itables import options
    from itables.javascript import generate_init_offline_itables_html

    show(generate_init_offline_itables_html(Path(options.dt_bundle)))
    _Begun.yes = True
    return True


def live_html(frame: pd.DataFrame, plain: str, rows: int) -> str:
    """A table as HTML that becomes a live one where its script runs.

    Args:
        frame: What may be shown of it, masked; texts are escaped.
        plain: The same as pandas shows it.
        rows: How many rows there are in truth.
    """
    from itables import to_html_datatable

    more = f"the first {len(frame):,} of {rows:,} rows" if rows > len(frame) else None
    live = to_html_datatable(
        frame, caption=more, connected=False, allow_html=False, display_logo_when_loading=False, maxBytes=0, maxColumns=0,
        classes="display compact", showIndex="auto",
    )  # fmt: skip
    name = f"t3-table-{uuid.uuid4().hex}"
    return (
        f'<div id="{name}-plain">{plain}</div><div id="{name}-live" style="height:0;overflow:hidden">{live}</div>'
        f"{_SWAP.format(name=name)}"
    )
