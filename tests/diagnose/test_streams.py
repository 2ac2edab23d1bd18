"""Columns of Arrow as Python values."""

from __future__ import annotations

import subprocess
import sys

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


@pytest.mark.parametrize("texts", [["a", "b"] * 400, ["a", None] * 400, [None] * 800, ["", "a", None, "\u00e9" * 40] * 200])
@pytest.mark.parametrize("from_row", [0, 3])
def test_texts_that_repeat_come_out_as_they_are(texts: list[str | None], from_row: int) -> None:
    whole = pa.array(texts, pa.string())
    for column in (whole.slice(from_row), pa.chunked_array([whole, whole]).slice(from_row)):
        assert list(values_of(column)) == column.to_pylist()


def test_a_large_home_is_judged_without_pandas() -> None:
    """It is half a second of every audit, and pyarrow imports it to look at a value of NumPy or Python."""
    code = (
        "import sys, duckdb; from t3lens.store.bare_engine import with_relations;"
        "from t3lens.diagnose.streams import rows_of;"
        "sql = \"select if(i % 3 = 0, null, 't' || i % 7) as some, 't' || i % 7 as every from range(4000) r(i)\";"
        "rows = list(rows_of(with_relations(duckdb.connect()).sql(sql).to_arrow_table()));"
        "assert rows[:2] == [(None, 't0'), ('t1', 't1')], rows[:2];"
        "sys.exit('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
