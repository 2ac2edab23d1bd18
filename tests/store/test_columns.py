"""Columns of the views: each can be asked for by its bare name, and words that have an order sort by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import t3lens
from t3lens.domain.finding import VERDICT_ORDER, Confidence, Severity
from t3lens.lens.lens import Lens
from t3lens.store.bare_engine import with_relations
from t3lens.store.ordered_words import ORDERS, by_meaning
from t3lens.store.schema_doc import VIEWS

SAMPLES = Path(__file__).parents[2] / "sample_logs"


@pytest.fixture(scope="module")
def lens() -> Iterator[Lens]:
    with t3lens.open(SAMPLES / "orphaned-by-restart", server="dead") as lens:
        yield lens


@pytest.mark.parametrize("view", sorted(VIEWS))
def test_every_column_can_be_selected_without_quotes(lens: Lens, view: str) -> None:
    with lens.session.store.read() as con:
        columns = [row[0] for row in con.execute(f'DESCRIBE SELECT * FROM "{view}"').fetchall()]
        assert columns
        for name in columns:
            assert with_relations(con).sql(f"SELECT {name} FROM {view} LIMIT 0").columns == [name]
            with_relations(con).sql(
                f"SELECT v.{name}, count(*) FROM {view} AS v WHERE {name} IS NOT NULL GROUP BY {name} ORDER BY {name}"
            )


def test_words_with_an_order_sort_by_it_in_sql(lens: Lens) -> None:
    with lens.session.store.read() as con:
        kinds = con.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal "
            "AND column_name IN ('severity', 'verdict', 'confidence') AND NOT starts_with(table_name, '_')"
        ).fetchall()
    named = {(view, column): kind for view, column, kind in kinds}
    del named["record_turns", "confidence"]  # other words: high, medium, low
    assert set(named) == {
        ("findings", "severity"), ("findings", "confidence"), ("incidents", "confidence"),
        ("incidents", "verdict"), ("verdicts", "verdict"),
    }  # fmt: skip
    for (_, column), kind in named.items():
        assert kind == "ENUM(" + ", ".join(f"'{word}'" for word in ORDERS[column]) + ")"
    frame = lens.sql("from findings select severity order by severity")
    assert list(frame.severity) == sorted(frame.severity, key=lambda word: Severity(word).rank)
    assert frame.severity.cat.ordered


def test_words_with_an_order_sort_by_it_in_tables(lens: Lens) -> None:
    tables = {
        "threads": (lens.threads(), "verdict"), "sessions": (lens.sessions(), "verdict"),
        "findings": (lens.findings(), "verdict"), "severity": (lens.findings(), "severity"),
        "confidence": (lens.findings(), "confidence"), "detectors": (lens.detectors(), "severity"),
        "incidents": (lens.incidents(), "verdict"), "sql": (lens.sql("from verdicts"), "verdict"),
    }  # fmt: skip
    for name, (frame, column) in tables.items():
        assert isinstance(frame[column].dtype, pd.CategoricalDtype), name
        assert frame[column].cat.ordered, name
        assert tuple(frame[column].cat.categories) == ORDERS[column], name
    assert (lens.findings().severity <= "high").any()
    assert ORDERS["verdict"] == tuple(VERDICT_ORDER)
    assert ORDERS["confidence"] == tuple(Confidence)


def test_a_column_that_is_only_called_so_is_left_alone() -> None:
    frame = pd.DataFrame({"verdict": ["stuck", "guilty"], "severities": ["high", "low"], "n": [1, 2]})
    assert [str(kind) for kind in by_meaning(frame).dtypes] == [str(kind) for kind in frame.dtypes]
