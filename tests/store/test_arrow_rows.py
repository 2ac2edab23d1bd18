"""Rows become the columns that pyarrow would make of them, without the import of pandas that it does for this."""

from __future__ import annotations

import subprocess
import sys

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t3lens.store.arrow_rows import repeated, typed_table

NUMBERS = st.integers(-(2**63), 2**63 - 1)
ROWS = st.lists(
    st.tuples(
        st.none() | st.text(),
        st.none() | NUMBERS,
        st.none() | st.booleans(),
        st.none() | st.lists(st.text(), max_size=3),
        st.none() | NUMBERS,
    ),
    max_size=20,
)
TYPES = (pa.string(), pa.int64(), pa.bool_(), pa.list_(pa.string()), pa.timestamp("us", tz="UTC"))


@settings(max_examples=50)
@given(ROWS)
def test_columns_are_as_pyarrow_makes_them(rows: list[tuple[object, ...]]) -> None:
    table = typed_table("text number# flag? texts* at@", rows)
    table.validate(full=True)
    columns = list(zip(*rows, strict=True)) or [()] * len(TYPES)
    right = pa.Table.from_arrays(
        [pa.array(column, kind) for column, kind in zip(columns, TYPES, strict=True)], names=table.column_names
    )
    assert table.equals(right)


@pytest.mark.parametrize("row", [("\ud800", 1), ("a", 2**63), ("a", "b")])
def test_what_fits_no_column_is_refused(row: tuple[object, ...]) -> None:
    with pytest.raises((ValueError, OverflowError)):
        typed_table("text number#", [row])


def test_neither_imports_pandas() -> None:
    code = (
        "import sys; from t3lens.store.arrow_rows import repeated, typed_table;"
        "typed_table('a b# c? d* e@', [('x', 1, True, ['y'], 2), (None,) * 5]);"
        "assert repeated('ab', 3).to_pylist() == ['ab'] * 3;"
        "sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert len(repeated("ab", 0)) == 0
