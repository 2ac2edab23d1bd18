"""Ending widgets whose cell was run again, so that work in a notebook does not pile up in kernel and browser.

A widget belongs to the cells that made or show it. When one of these runs again and makes another, it loses that
cell; when it has none left it is closed. A widget that another cell still shows stays.
"""

from __future__ import annotations

from typing import Any, Final, Protocol
from weakref import ref

from t3lens.view.notebook.front_end import current_cell

__all__ = ["belongs_to_cell"]


class _Closable(Protocol):
    def close(self) -> None: ...


_OWNERS: Final[dict[str, tuple[str, list[ref[Any]]]]] = {}
_CELLS: Final = "_t3lens_cells"


def belongs_to_cell(widget: _Closable) -> None:
    """Let ``widget`` live as long as what the running cell made last; closes what an earlier run left."""
    here = current_cell()
    if here is None:
        return
    cell, run = here
    cells: set[str] = widget.__dict__.setdefault(_CELLS, set())
    cells.add(cell)
    former, members = _OWNERS.get(cell, (run, []))
    if former != run:
        for old in [member() for member in members]:
            if old is None or old is widget:
                continue
            left = old.__dict__.get(_CELLS, set())
            left.discard(cell)
            if not left:
                old.close()
        members = []
    if not any(member() is widget for member in members):
        members.append(ref(widget))
    _OWNERS[cell] = (run, members)
