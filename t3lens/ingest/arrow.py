"""Arrow columns made from what stands in memory: ``pyarrow.array`` would copy it, and import pandas to look at it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from t3lens.ingest.byte_forms import Bytes, Flags, Ints

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["column", "numbers", "strings", "views"]


def column(values: npt.NDArray[Any], kind: pa.DataType, valid: Flags | None = None) -> pa.Array:
    """NumPy values as an Arrow column, without a copy.

    Args:
        values: Of the width ``kind`` has.
        kind: What they are.
        valid: Which are not null; None if all are.
    """
    import pyarrow as pa

    mask = None
    if valid is not None and not valid.all():
        mask = pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [mask, pa.py_buffer(np.ascontiguousarray(values))])


def views(data: Bytes, starts: Ints, lengths: Ints) -> pa.Array:
    """Pieces of ``data`` of more than 12 bytes as an Arrow column, without a copy."""
    import pyarrow as pa

    # Arrow's string view of a text longer than 12 bytes: length, first 4 bytes, buffer, offset.
    view = np.empty((len(starts), 4), np.int32)
    view[:, 0] = lengths
    if len(starts):
        view[:, 1] = np.ndarray((len(data) - 3,), "<i4", buffer=data, strides=(1,))[starts]
    view[:, 2] = 0
    view[:, 3] = starts
    return pa.Array.from_buffers(pa.string_view(), len(starts), [None, pa.py_buffer(view), pa.py_buffer(data)])


def numbers(values: Sequence[int | None], *, unsigned: bool = False) -> pa.Array:
    """Whole numbers as an Arrow column of 64 bits."""
    import pyarrow as pa

    kind, width = (pa.uint64(), np.uint64) if unsigned else (pa.int64(), np.int64)
    valid = np.array([value is not None for value in values], np.bool_)
    return column(np.array([value or 0 for value in values], width), kind, valid)


def strings(values: Sequence[str | None]) -> pa.Array:
    """Texts as an Arrow column."""
    import pyarrow as pa

    encoded = [(value or "").encode() for value in values]
    offsets = np.zeros(len(values) + 1, np.int64)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    large = offsets[-1] > np.iinfo(np.int32).max
    valid = np.array([value is not None for value in values], np.bool_)
    mask = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(
        pa.large_string() if large else pa.string(),
        len(values),
        [
            mask,
            pa.py_buffer(offsets if large else offsets.astype(np.int32)),
            pa.py_buffer(b"".join(encoded)),
        ],
    )
