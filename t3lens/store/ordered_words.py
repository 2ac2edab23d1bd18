"""Words that have an order: severities and verdicts, worst first, and confidences, surest first.

The views cast such columns to an ENUM and DataFrames hold them as ordered categoricals, so that both sort by what the words
mean and not by their letters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from t3lens.domain.finding import VERDICT_ORDER, Confidence, Severity

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ORDERS", "by_meaning"]

ORDERS: Final = {
    "severity": tuple(word.value for word in Severity),
    "verdict": tuple(word.value for word in VERDICT_ORDER),
    "confidence": tuple(word.value for word in Confidence),
}
"""The words of each such column, in their order."""


def by_meaning(frame: pd.DataFrame) -> pd.DataFrame:
    """A table whose severities, verdicts and confidences sort by their meaning.

    Args:
        frame: Any table; a column of one of these names that holds other words is left as it is.
    """
    import pandas as pd

    found = {}
    for name, words in ORDERS.items():
        column = frame.get(name)
        if isinstance(column, pd.Series) and set(column.dropna()) <= set(words):
            found[name] = pd.CategoricalDtype(list(words), ordered=True)
    return frame.astype(found) if found else frame
