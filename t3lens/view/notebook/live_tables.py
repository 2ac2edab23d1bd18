"""Tables that can be searched, sorted and paged in a notebook: by itables, an optional extra, without a network.

``%load_ext t3lens`` begins it, where itables is installed and somebody looks: its library is put into that cell's output
once. Each table comes with the one that pandas makes, which stays where no script runs or the library is not there.
"""

from __future__ import annotations

import uuid
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from t3lens.store.ordered_words import ORDERS, by_meaning
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


# The library looks at the page's theme once: a head that stays white has white letters when JupyterLab turns dark. And
# columns of sentences, squeezed to their longest word, would make each row as high as the page; so would ids and codes
# that are broken at each of their hyphens.
_PAGE: Final = """<style>table.dataTable td { white-space: nowrap; }
table.dataTable td.t3-prose { white-space: normal; overflow-wrap: anywhere; min-width: 60ch; text-align: left; }
table.dataTable td.t3-key { max-width: 13ch; overflow: hidden; text-overflow: ellipsis; text-align: left; user-select: all; }
</style><script>(() => {
  if (globalThis.t3lensTables) return;
  globalThis.t3lensTables = true;
  const look = () => {
    const light = document.body.dataset.jpThemeLight;
    if (light !== undefined) document.documentElement.classList.toggle("dark", light === "false");
  };
  new MutationObserver(look).observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  look();
})();</script>"""

_KEYS: Final = ("home_id", "thread_id")
"""Ids whose beginning is enough to name a thread or a home by: that is seen of them, and all of it is copied."""
_PROSE: Final = 60
"""A column in which a text is longer than this holds sentences, or what is as long."""


class _LiveTables:
    """Whether this kernel's tables are live."""

    yes: bool = False


def are_live() -> bool:
    """Whether tables are shown so: ``begin`` found all that it takes."""
    return _LiveTables.yes


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

    show(generate_init_offline_itables_html(Path(options.dt_bundle)) + _PAGE)
    _LiveTables.yes = True
    return True


def live_html(frame: pd.DataFrame, plain: str, rows: int) -> str:
    """A table as HTML that becomes a live one where its script runs.

    Args:
        frame: What may be shown of it, masked; texts are escaped.
        plain: The same as pandas shows it.
        rows: How many rows there are in truth.
    """
    import pandas as pd
    from itables import to_html_datatable

    shows_index = not isinstance(frame.index, pd.RangeIndex) or frame.index.name is not None
    before = frame.index.nlevels if shows_index else 0
    keys = [before + place for place, name in enumerate(frame.columns) if name in _KEYS]
    prose = [before + n for n in range(frame.shape[1]) if before + n not in keys and _is_prose(frame.iloc[:, n])]
    frame, order = _in_order(frame, before)
    order += [{"targets": keys, "className": "t3-key"}] if keys else []
    order += [{"targets": prose, "className": "t3-prose"}] if prose else []
    more = f"the first {len(frame):,} of {rows:,} rows" if rows > len(frame) else None
    live = to_html_datatable(
        frame, caption=more, connected=False, allow_html=False, display_logo_when_loading=False, maxBytes=0, maxColumns=0,
        classes="display compact", showIndex=shows_index, columnDefs=order,
    )  # fmt: skip
    name = f"t3-table-{uuid.uuid4().hex}"
    return (
        f'<div id="{name}-plain">{plain}</div><div id="{name}-live" style="height:0;overflow:hidden">{live}</div>'
        f"{_SWAP.format(name=name)}"
    )


def _is_prose(column: pd.Series) -> bool:
    return any(isinstance(value, str) and len(value) > _PROSE for value in column.head(MOST_ROWS))


def _in_order(frame: pd.DataFrame, before: int) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """The table with a hidden column of ranks beside each whose words have an order, and what sorts by which.

    ``before`` is how many columns stand before the first.
    """
    import pandas as pd

    names = list(frame.columns)
    order: list[dict[str, Any]] = []
    ranks: dict[str, Any] = {}
    for name in ORDERS:
        column = by_meaning(frame[[name]])[name] if names.count(name) == 1 else None
        if column is not None and isinstance(column.dtype, pd.CategoricalDtype):
            place = before + len(names) + len(ranks)
            ranks[f"{name}, as a number"] = column.cat.codes.to_numpy()
            order += [
                {"targets": before + names.index(name), "orderData": [place]},
                {"targets": place, "visible": False, "searchable": False},
            ]
    return (pd.concat([frame, pd.DataFrame(ranks, index=frame.index)], axis=1) if ranks else frame), order
