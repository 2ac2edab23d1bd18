"""A table as a command prints it: the values that were read, without what opens something.

Texts, paths and hosts stay, for a query asked for them and programs read the answer. Secrets do not: what a terminal shows
is copied, and what a job prints is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from t3lens.redact import PLACES, Redactor
from t3lens.redact.names import is_key
from t3lens.redact.prefilter import may_hold_secret

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["without_secrets"]


def without_secrets(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy of a table with every secret in it masked, also those that stand in pieces in several rows.

    Args:
        frame: The rows; columns that hold ids stay as they are.
    """
    import pandas as pd

    from t3lens.view.notebook.masked_frame import without_pieces

    shown = pd.DataFrame(frame, copy=True)
    redactor = Redactor(content=True, leave=PLACES)
    for place, cells in without_pieces(frame).items():
        if not is_key(str(frame.columns[place])):
            before = frame.iloc[:, place].tolist()
            masked = _masked(cells, redactor)
            if any(new is not old for new, old in zip(masked, before, strict=True)):
                shown.isetitem(place, pd.Series(masked, dtype=object).array)
    return shown


def _masked(cells: list[Any], redactor: Redactor) -> list[Any]:
    """The cells with secrets masked; those in which nothing could be one are not looked at more closely."""
    import duckdb

    texts = [cell if isinstance(cell, str) else "" for cell in cells]
    with duckdb.connect(":memory:") as con:
        asked = con.execute("select regexp_matches(unnest($texts), $may)", {"texts": texts, "may": may_hold_secret()})
        suspects = [may for (may,) in asked.fetchall()]
    shown = []
    for cell, may in zip(cells, suspects, strict=True):
        if isinstance(cell, str):
            masked: Any = redactor.text(cell) if may else cell
            shown.append(cell if masked == cell else masked)
        elif isinstance(cell, dict | list | tuple):
            shown.append(redactor.value(cell))
        else:
            shown.append(cell)
    return shown
