"""What a notebook keeps when it is saved: secrets are masked in everything shown by a kernel, texts left out of tables.

Texts of t3lens's own views go through ``escape``, tables through a formatter of the kernel. ``T3LENS_CONTENT=1``
shows prompts, answers and tool texts in tables; secrets stay masked.
"""

from __future__ import annotations

import json
import os
import re
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from t3lens.t3code.sensitive import SAID_COLUMNS
from t3lens.view.page.escape import mask_with

if TYPE_CHECKING:
    import pandas as pd

    from t3lens.redact import Redactor

__all__ = ["CONTENT_VARIABLE", "mask_frame", "mask_in_kernel"]

CONTENT_VARIABLE: Final = "T3LENS_CONTENT"
"""Environment variable that shows what was said in the tables of a notebook."""

_MOST_ROWS: Final = 100
_ROWS: Final = re.compile(r"\b\d+ rows ×|\[\d+ rows x")


def mask_in_kernel() -> None:
    """From now on mask what this process shows, if it is the kernel of a notebook; twice is once."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return
    mask_with(_mask)
    formatters = shell.display_formatter.formatters
    for kind, show in (("text/html", _frame_html), ("text/plain", _frame_text)):
        formatters[kind].for_type_by_name("pandas", "DataFrame", show)


@lru_cache(maxsize=1)
def _redactor() -> Redactor:
    """One for the whole notebook, so that masks agree."""
    from t3lens.redact import Redactor

    return Redactor(content=os.environ.get(CONTENT_VARIABLE) == "1")


@lru_cache(maxsize=50_000)
def _mask(text: str) -> str:
    return _redactor().text(text)


def mask_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy of a table as it may be shown: secrets masked, JSON without what was said, texts by their length.

    Args:
        frame: Any table; only its texts change.
    """
    shown = frame.copy()
    for place, name in enumerate(frame.columns):
        column = frame.iloc[:, place]
        if column.dtype.kind in "biufcmM":
            continue
        shown.isetitem(place, [_cell(str(name), value) for value in column])
    return shown


def _cell(name: str, value: Any) -> Any:
    redactor = _redactor()
    if isinstance(value, str):
        if name.lower() in SAID_COLUMNS:
            return redactor.said(value, name.lower())
        if value[:1] in ("{", "[") and not redactor.content:
            try:
                return json.dumps(redactor.record(json.loads(value)), ensure_ascii=False)
            except (ValueError, RecursionError):
                return _mask(value)
        return _mask(value)
    if isinstance(value, dict | list | tuple):
        return redactor.value(value)
    return value


def _frame_html(frame: pd.DataFrame) -> str | None:
    text: str | None = mask_frame(_ends(frame))._repr_html_()  # type: ignore[operator]
    return _ROWS.sub(f"{len(frame)} rows ×", text) if text is not None else None


def _frame_text(frame: pd.DataFrame, printer: Any, cycle: bool) -> None:
    text = repr(mask_frame(_ends(frame)))
    printer.text(_ROWS.sub(f"[{len(frame)} rows x", text))


def _ends(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows a long table shows: its first and last."""
    if len(frame) <= 2 * _MOST_ROWS:
        return frame
    import pandas as pd

    return pd.concat([frame.head(_MOST_ROWS), frame.tail(_MOST_ROWS)])
