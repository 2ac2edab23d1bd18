"""Columns of Arrow as Python values."""

from __future__ import annotations

import pyarrow as pa
import pytest

from t3lens.diagnose.streams import values_of


@pytest.mark.parametrize(
    "lists",
    [
        [["a", "b"], ["c", None], [None, None]],
        [["a"], ["b", "c", "d"], ["e", "f"]],
        [[], []],
        [[], ["a"]],
        [None, ["a"]],
        [],
    ],
)
@pytest.mark.parametrize("from_row", [0, 1])
def test_lists_come_out_as_they_are_whatever_their_lengths(lists: list[list[str | None] | None], from_row: int) -> None:
    column = pa.chunked_array([pa.array(lists, pa.list_(pa.string())).slice(from_row)])
    assert list(values_of(column)) == lists[from_row:]
