"""``%load_ext t3lens`` in a notebook: a cell magic, ``%%t3sql``, that asks the lens in hand; every table is masked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from t3lens.errors import T3LensError, UsageError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["load", "t3sql"]

_LONGEST: Final = 86_400.0


def load(shell: Any) -> None:
    """Register ``%%t3sql`` (and ``%t3sql`` for one line) with an IPython shell, and mask every table it shows.

    Where itables is installed (``t3lens[tables]``), tables can be searched, sorted and paged from then on.
    """
    from t3lens.view.notebook.live_tables import begin
    from t3lens.view.notebook.masked_frame import mask_every_table

    mask_every_table(shell)
    begin(_show)

    def magic(line: str, cell: str | None = None) -> pd.DataFrame | None:
        try:
            return t3sql(line, cell, shell.user_ns)
        except T3LensError as error:
            # One line says it; a traceback through the library would hide it.
            print(f"t3lens: {error}", file=sys.stderr)
            return None

    shell.register_magic_function(magic, magic_kind="line_cell", magic_name="t3sql")


def _show(html: str) -> None:
    from IPython.display import HTML, display

    display(HTML(html))  # type: ignore[no-untyped-call]


def t3sql(line: str, cell: str | None, names: dict[str, Any]) -> pd.DataFrame | None:
    """What ``%%t3sql`` does.

    ``%%t3sql`` asks the variable called ``lens``; ``%%t3sql other`` asks ``other``; ``%%t3sql lens >> result``
    keeps the answer in ``result`` instead of showing it. ``--timeout SECONDS`` before the name gives up after so long.

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
    timeout, head = _timeout(head) if cell is not None else (None, head)
    name = "lens" if cell is None else head or "lens"
    lens = names.get(name)
    if not isinstance(lens, Lens):
        raise UsageError(
            f"there is no lens called {name!r} here; make one: {name} = t3lens.open()",
            code="no-lens",
        )
    answer = lens.sql(query, timeout=timeout)
    if not target:
        return answer
    if not target.isidentifier():
        raise UsageError(f"{target!r} is no name for a variable", code="bad-name")
    names[target] = answer
    return None


def _timeout(head: str) -> tuple[float | None, str]:
    if not head.startswith("--timeout"):
        return None, head
    words = head.split(maxsplit=2)
    try:
        seconds = float(words[1])
        if not 0 < seconds < _LONGEST:
            raise ValueError
    except (IndexError, ValueError):
        raise UsageError("--timeout takes a number of seconds, as in %%t3sql --timeout 5 lens", code="bad-timeout") from None
    return seconds, words[2] if len(words) > 2 else ""


def _parted(line: str) -> tuple[str, str]:
    head, _, target = line.partition(">>")
    return head.strip(), target.strip()
