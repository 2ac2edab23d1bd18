"""Whether a statement only reads: what it says is looked through as DuckDB itself parses it, before it runs.

A SELECT can do more than select. A common table expression may delete, a table function may read or write a file or
change the whole instance (``enable_logging``), and EXPLAIN ANALYZE runs what it explains. What is allowed is listed
here; a function that a later DuckDB adds is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from t3lens.errors import UsageError

if TYPE_CHECKING:
    import duckdb

__all__ = ["named_tables", "refusal"]

_EXPLAIN: Final = re.compile(
    r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*explain\b(?:\s+analyze\b)?(?:\s*\([a-z_, ]*\))?", re.IGNORECASE | re.DOTALL
)
_NODES: Final = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
"""What a query may be made of; the others change rows."""

_TABLE_FUNCTIONS: Final = frozenset({
    "duckdb_columns", "duckdb_constraints", "duckdb_databases", "duckdb_functions", "duckdb_keywords", "duckdb_schemas",
    "duckdb_settings", "duckdb_tables", "duckdb_types", "duckdb_views", "generate_series", "histogram",
    "histogram_values", "icu_calendar_names", "json_each", "json_tree", "pg_timezone_names", "pragma_show",
    "pragma_table_info", "pragma_version", "query_table", "range", "repeat", "repeat_row", "summary", "unnest",
})  # fmt: skip
_CHANGING: Final = frozenset({"nextval", "setval", "setseed", "write_log"})
"""Functions that change something wherever they stand."""


def refusal(con: duckdb.DuckDBPyConnection, query: str) -> str | None:
    """Why a statement is not run, as a sentence; None if it only reads.

    Args:
        con: Any connection: its parser is asked.
        query: The statement.

    Raises:
        UsageError: It does not parse, or is more than one statement.
    """
    import duckdb

    only = duckdb.StatementType
    kind, text = _one_statement(query)
    if kind == only.EXPLAIN:
        explained = _EXPLAIN.match(query)
        if explained is None:
            return "this EXPLAIN is not understood; explain a SELECT"
        text = query[explained.end() :]
        kind, _ = _one_statement(text)
    if kind != only.SELECT:
        return f"only reading is allowed here, and this is a {kind.name} statement; the views are: see `from homes`"
    try:
        said = json.loads(con.execute("SELECT json_serialize_sql(?::VARCHAR)", [text]).fetchall()[0][0])
        if said.get("error"):
            return f"only a plain SELECT is allowed here: {said.get('error_message')}"
        return next(filter(None, map(_fault, _parts(said))), None)
    except (ValueError, RecursionError, duckdb.Error):
        return "the query cannot be looked through, so it is not run; make it simpler"


def named_tables(con: duckdb.DuckDBPyConnection, query: str) -> frozenset[str]:
    """The tables and views that a SELECT names, in lower case; empty for what is none.

    Args:
        con: Any connection: its parser is asked.
        query: The statement.
    """
    import duckdb

    try:
        said = json.loads(con.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchall()[0][0])
    except (ValueError, RecursionError, duckdb.Error):
        return frozenset()
    return frozenset(str(part["table_name"]).lower() for part in _parts(said) if part.get("type") == "BASE_TABLE")


def _one_statement(query: str) -> tuple[duckdb.StatementType, str]:
    import duckdb

    try:
        statements = duckdb.extract_statements(query)
    except duckdb.Error as error:
        raise UsageError(f"the query does not parse: {error}", code="bad-sql") from None
    if len(statements) != 1:
        raise UsageError(f"one statement at a time; this has {len(statements)}", code="bad-sql")
    return statements[0].type, query


def _parts(said: Any) -> Iterator[dict[str, Any]]:
    """Every object in a parsed statement."""
    left = [said]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            yield one
            left += one.values()
        elif isinstance(one, list):
            left += one


def _fault(part: dict[str, Any]) -> str | None:
    kind = part.get("type")
    if isinstance(kind, str) and kind.endswith("_NODE") and kind not in _NODES:
        verb = kind.split("_")[0]
        return f"only reading is allowed here, and a part of this is {'an' if verb[0] in 'AEIOU' else 'a'} {verb}"
    function = part.get("function") if kind == "TABLE_FUNCTION" else None
    if isinstance(function, dict) and (name := _name(function)) not in _TABLE_FUNCTIONS:
        return (
            f"{name}() is not allowed here: a query reads the views and nothing else; "
            f"table functions are {', '.join(sorted(_TABLE_FUNCTIONS))}"
        )
    if "function_name" in part and (name := _name(part)) in _CHANGING:
        return f"{name}() is not allowed here: it changes something"
    return None


def _name(function: dict[str, Any]) -> str:
    return str(function.get("function_name")).lower()
