"""The schema reference is complete and says nothing about what is not there."""

from __future__ import annotations

from pathlib import Path

from t3lens.store import Store
from t3lens.store.schema_doc import COLUMNS, VIEWS, column_meaning, reference


def _columns() -> set[tuple[str, str]]:
    rows = (
        Store.open()
        .table(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND table_name IN "
            "(SELECT view_name FROM duckdb_views() WHERE NOT internal) "
            "AND NOT starts_with(table_name, '_')"
        )
        .to_pylist()
    )
    return {(row["table_name"], row["column_name"]) for row in rows}


def test_every_public_view_and_column_has_a_meaning() -> None:
    undocumented = [pair for pair in sorted(_columns()) if not column_meaning(*pair)]
    assert undocumented == []
    assert {view for view, _ in _columns()} - set(VIEWS) == set()


def test_nothing_is_documented_that_is_not_there() -> None:
    columns = {column for _, column in _columns()}
    assert set(COLUMNS) - columns == set()
    assert set(VIEWS) - {view for view, _ in _columns()} == set()


def test_the_reference_names_every_view_and_column() -> None:
    text = reference()
    for view, column in _columns():
        assert f"### `{view}`" in text
        assert f"| `{column}` |" in text


def test_the_written_reference_is_up_to_date() -> None:
    written = Path(__file__).parents[2] / "docs" / "schema.md"
    assert written.read_text("utf-8") == reference(), "run: python -m t3lens.store.schema_doc > docs/schema.md"
