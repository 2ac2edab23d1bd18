"""Arrow columns made from what stands in memory: ``pyarrow.array`` would copy it, and import pandas to look at it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from t3lens.ingest.byte_forms import Bytes, Flags, Ints

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["column", "flags", "is_utf_8", "lists", "numbers", "strings", "text_views", "views"]

_INLINE: Final = 12


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


def views(data: Bytes, starts: Ints, lengths: Ints, valid: Flags | None = None) -> pa.Array:
    """Pieces of ``data`` as an Arrow column; those of more than 12 bytes are not copied.

    Args:
        data: Where they stand.
        starts: Where each begins.
        lengths: How long it is.
        valid: Which are not null; None if all are.
    """
    import pyarrow as pa

    # Arrow's string view of a text longer than 12 bytes: length, first 4 bytes, buffer, offset.
    view = np.empty((len(starts), 4), np.int32)
    view[:, 0] = lengths
    long = lengths > _INLINE
    if long.all():
        if len(starts):
            view[:, 1] = _first_fours(data)[starts]
        view[:, 2] = 0
        view[:, 3] = starts
    else:
        view[long, 1] = _first_fours(data)[starts[long]] if long.any() else 0
        view[long, 2] = 0
        view[long, 3] = starts[long]
        view[~long, 1:] = _inline(data, starts[~long], lengths[~long])
    mask = None
    if valid is not None and not valid.all():
        mask = pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(pa.string_view(), len(starts), [mask, pa.py_buffer(view), pa.py_buffer(data)])


def _first_fours(data: Bytes) -> npt.NDArray[np.int32]:
    """The four bytes from each place on."""
    return np.ndarray((len(data) - 3,), "<i4", buffer=data, strides=(1,))


def _inline(data: Bytes, starts: Ints, lengths: Ints) -> npt.NDArray[np.int32]:
    """Short texts as they stand in a view itself, zeros behind them."""
    texts = np.zeros((len(starts), _INLINE), np.uint8)
    for place in range(int(lengths.max(initial=0))):
        reach = lengths > place
        texts[reach, place] = data[starts[reach] + place]
    return texts.view(np.int32)


def is_utf_8(data: Bytes) -> bool:
    """Whether bytes are UTF-8: without decoding them."""
    import pyarrow as pa

    ends = pa.py_buffer(np.array([0, len(data)], np.int64))
    try:
        pa.Array.from_buffers(pa.large_string(), 1, [None, ends, pa.py_buffer(data)]).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


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


def text_views(values: Sequence[str | None]) -> pa.Array:
    """Texts as an Arrow column of views, as ``views`` makes them of what is in memory already."""
    encoded = [(value or "").encode() for value in values]
    data = np.frombuffer(b"".join(encoded), np.uint8)
    lengths = np.array([len(text) for text in encoded], np.int64)
    starts = np.cumsum(lengths) - lengths
    return views(data, starts, lengths, np.array([value is not None for value in values], np.bool_))


def flags(values: Sequence[bool]) -> pa.Array:
    """Truth values as an Arrow column."""
    import pyarrow as pa

    bits = np.packbits(np.array(values, np.bool_), bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(bits)])


def lists(values: Sequence[Sequence[str | None]]) -> pa.Array:
    """Lists of texts as an Arrow column."""
    import pyarrow as pa

    ends = np.cumsum([0, *(len(value) for value in values)], dtype=np.int32)
    return pa.ListArray.from_arrays(column(ends, pa.int32()), strings([text for value in values for text in value]))
