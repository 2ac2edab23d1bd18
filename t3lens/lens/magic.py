"""``%load_ext t3lens`` in a notebook: a cell magic, ``%%t3sql``, that asks the lens in hand; every table is masked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from t3lens.errors import T3LensError, UsageError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["load", "t3sql"]


def load(shell: Any) -> None:
    """Register ``%%t3sql`` (and ``%t3sql`` for one line) with an IPython shell, and mask every table it shows."""
    from t3lens.view.notebook.masked_frame import mask_every_table

    mask_every_table(shell)

    def magic(line: str, cell: str | None = None) -> pd.DataFrame | None:
        try:
            return t3sql(line, cell, shell.user_ns)
        except T3LensError as error:
            # One line says it; a traceback through the library would hide it.
            print(f"t3lens: {error}", file=sys.stderr)
            return None

    shell.register_magic_function(magic, magic_kind="line_cell", magic_name="t3sql")


def t3sql(line: str, cell: str | None, names: dict[str, Any]) -> pd.DataFrame | None:
    """What ``%%t3sql`` does.

    ``%%t3sql`` asks the variable called ``lens``; ``%%t3sql other`` asks ``other``; ``%%t3sql lens >> result``
    keeps the answer in ``result`` instead of showing it.

    Args:
        line: The rest of the magic's line; for the line magic the query itself.
        cell: The query; None for the line magic.
        names: The notebook's variables.

    Returns:
        The answer, or None if it was kept in a variable.

    Raises:
        UsageError: There is no such lens, or the query is refused.
    """
    from t3lens.lens.lens import Lens

    head, target = (line, "") if cell is None else _parted(line)
    query = head if cell is None else cell
    name = "lens" if cell is None else head or "lens"
    lens = names.get(name)
    if not isinstance(lens, Lens):
        raise UsageError(
            f"there is no lens called {name!r} here; make one: {name} = t3lens.open()",
            code="no-lens",
        )
    answer = lens.sql(query)
    if not target:
        return answer
    if not target.isidentifier():
        raise UsageError(f"{target!r} is no name for a variable", code="bad-name")
    names[target] = answer
    return None


def _parted(line: str) -> tuple[str, str]:
    head, _, target = line.partition(">>")
    return head.strip(), target.strip()
