"""The DataFrame that ``Lens`` hands out: a DataFrame like any other, which a notebook shows masked.

pandas keeps the type through what people do with a table (choosing, joining, grouping, one column, one row), so that
what is made of it is masked as well. What it does not keep it through (a table that another begins, one that is built
anew) is masked after ``%load_ext t3lens`` only: that is where a person lets t3lens change the kernel.

Only what is shown is masked: the values themselves, files written from them and what is shown outside a notebook stay
as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from t3lens.redact import cut_pieces
from t3lens.view.notebook.front_end import in_kernel
from t3lens.view.notebook.live_tables import MOST_ROWS, are_live, live_html
from t3lens.view.notebook.masking import mask_cell
from t3lens.view.page.tables import cell_text

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

__all__ = ["MaskedColumn", "MaskedFrame", "mask_every_table", "without_pieces"]

_CELL: Final = 4_000
_MOST_ROWS: Final = 100
_SIZE: Final = re.compile(r"\b\d+(?= rows [×x] )|(?<=\bLength: )\d+")
_WITHOUT_TEXT: Final = "biufcmM"


class MaskedFrame(pd.DataFrame):
    """A DataFrame whose secrets are masked, and what was said in it left out, where a notebook shows it."""

    @property
    def _constructor(self) -> type[MaskedFrame]:
        return MaskedFrame

    @property
    def _constructor_sliced(self) -> type[MaskedColumn]:
        return MaskedColumn

    def __repr__(self) -> str:
        if not in_kernel():
            return super().__repr__()
        return _SIZE.sub(str(len(self)), repr(_mask_frame(_ends(self))))

    def _repr_html_(self) -> str | None:
        return self._page(_for_people)

    def _page(self, told: Callable[[pd.DataFrame], pd.DataFrame]) -> str | None:
        """The table as HTML; what ``told`` makes of its masked rows is what a notebook shows."""
        frame: Any = told(_mask_frame(_ends(self))) if in_kernel() else pd.DataFrame(self)
        text: str | None = frame._repr_html_()
        if text is None:
            return None
        text = _SIZE.sub(str(len(self)), text)
        return live_html(told(_mask_frame(self.head(MOST_ROWS))), text, len(self)) if are_live() else text

    def _repr_latex_(self) -> str | None:
        frame: Any = _mask_frame(self) if in_kernel() else pd.DataFrame(self)
        text: str | None = frame._repr_latex_()
        return text

    def _repr_data_resource_(self) -> Any:
        frame: Any = _mask_frame(self) if in_kernel() else pd.DataFrame(self)
        return frame._repr_data_resource_()

    def describe(self, *args: Any, **options: Any) -> MaskedFrame:  # type: ignore[misc]  # final in NDFrame
        """As of any DataFrame, whose type pandas does not keep here."""
        return MaskedFrame(super().describe(*args, **options))

    def value_counts(self, *args: Any, **options: Any) -> MaskedColumn:
        """As of any DataFrame, whose type pandas does not keep here."""
        return MaskedColumn(super().value_counts(*args, **options))

    @property
    def style(self) -> Styler:
        """As of any DataFrame; in a notebook it is of the masked table."""
        return _mask_frame(self).style if in_kernel() else super().style


class MaskedColumn(pd.Series):
    """A column or a row of a ``MaskedFrame``, masked in the same way."""

    @property
    def _constructor(self) -> type[MaskedColumn]:
        return MaskedColumn

    @property
    def _constructor_expanddim(self) -> type[MaskedFrame]:
        return MaskedFrame

    def describe(self, *args: Any, **options: Any) -> MaskedColumn:  # type: ignore[misc]  # final in NDFrame
        """As of any Series, whose type pandas does not keep here."""
        return MaskedColumn(super().describe(*args, **options))

    def value_counts(self, *args: Any, **options: Any) -> MaskedColumn:
        """As of any Series, whose type pandas does not keep here."""
        return MaskedColumn(super().value_counts(*args, **options))

    def __repr__(self) -> str:
        if not in_kernel():
            return super().__repr__()
        return _SIZE.sub(str(len(self)), repr(_mask_column(_ends(self))))


def mask_every_table(shell: Any) -> None:
    """From now on let IPython show every DataFrame and Series as these, also those that have nothing to do with t3lens.

    Args:
        shell: The running IPython.
    """

    def page(frame: pd.DataFrame) -> str | None:
        return MaskedFrame(frame)._page(_for_people if isinstance(frame, MaskedFrame) else lambda rows: rows)

    def text(kind: type) -> Any:
        return lambda table, printer, cycle: printer.text(repr(kind(table)))

    formatters = shell.display_formatter.formatters
    formatters["text/html"].for_type(pd.DataFrame, page)
    formatters["text/plain"].for_type(pd.DataFrame, text(MaskedFrame))
    formatters["text/plain"].for_type(pd.Series, text(MaskedColumn))


def _for_people(frame: pd.DataFrame) -> pd.DataFrame:
    """A table of this package without what only Python reads: missing is empty, and a list of rows says how many.

    A column of whole numbers of which some are missing holds fractions in pandas.
    """
    for place in range(frame.shape[1]):
        column = frame.iloc[:, place]
        missing = column.isna()
        if column.dtype.kind in "fiu" and missing.any():
            there = column[~missing]
            told = int if (there % 1 == 0).all() else float
            frame.isetitem(place, ["" if gone else told(value) for value, gone in zip(column, missing, strict=True)])
        elif missing.all() or (column.dtype.kind == "M" and missing.any()):
            frame.isetitem(place, ["" if gone else str(value) for value, gone in zip(column, missing, strict=True)])
        elif column.dtype.kind == "O":
            frame.isetitem(place, [value if _is_said(value) else cell_text(value, _CELL) for value in column])
    return frame


def _is_said(value: object) -> bool:
    return isinstance(value, (str, int, float, date)) and value == value


def _ends(table: Any) -> Any:
    """The rows a long table shows: its first and last."""
    if len(table) <= 2 * _MOST_ROWS:
        return table
    return pd.concat([table.head(_MOST_ROWS), table.tail(_MOST_ROWS)])


def _mask_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy as it may be shown; a plain DataFrame. In one that was turned the labels are the columns' names."""
    shown = pd.DataFrame(frame, copy=True)
    columns = without_pieces(frame)
    for place, name in enumerate(frame.columns):
        if place in columns:
            values = zip(frame.index, columns[place], strict=True)
            shown.isetitem(place, [mask_cell((name, label), value) for label, value in values])
    shown.index = _mask_labels(frame.index)
    shown.columns = _mask_labels(frame.columns)
    return shown


def without_pieces(frame: pd.DataFrame) -> dict[int, list[Any]]:
    """The cells of the columns in which texts may stand, by place, without secrets that are spread over several rows."""
    cells = {n: frame.iloc[:, n].tolist() for n in range(frame.shape[1]) if frame.dtypes.iloc[n].kind not in _WITHOUT_TEXT}
    if len(frame) < 2 or not cells:
        return cells
    names = {n: str(name) if list(frame.columns).count(name) == 1 else f"{name} {n}" for n, name in enumerate(frame.columns)}
    rows = cut_pieces([{names[n]: column[row] for n, column in cells.items()} for row in range(len(frame))])
    return {n: [row[names[n]] for row in rows] for n in cells}


def _mask_column(column: pd.Series) -> pd.Series:
    """A copy as it may be shown; a plain Series. In a row the labels are the columns' names."""
    labels = _mask_labels(column.index)
    name: Any = mask_cell((), column.name)
    if column.dtype.kind in _WITHOUT_TEXT:
        return pd.Series(column.array, index=labels, name=name)
    (cells,) = without_pieces(pd.DataFrame(column)).values()
    values = [mask_cell((column.name, label), value) for label, value in zip(column.index, cells, strict=True)]
    text = isinstance(column.dtype, pd.StringDtype)  # of a categorical's values a mask is none
    return pd.Series(values, index=labels, name=name, dtype=column.dtype if text else object)


def _mask_labels(labels: pd.Index) -> pd.Index:
    if isinstance(labels, pd.MultiIndex):
        levels = [_mask_labels(labels.get_level_values(n)) for n in range(labels.nlevels)]
        return pd.MultiIndex.from_arrays(levels, names=labels.names)
    if labels.dtype.kind in _WITHOUT_TEXT:
        return labels
    shown: pd.Index = pd.Index(
        [mask_cell((labels.name,), label) for label in labels],
        name=labels.name,
        tupleize_cols=False,
    )
    return shown
