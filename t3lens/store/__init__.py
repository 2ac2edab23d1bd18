"""The DuckDB store: schema, connections, locking and the views a user may query."""

from t3lens.store.query import read_only, tables_in
from t3lens.store.store import Store, WriteSession

__all__ = ["Store", "WriteSession", "read_only", "tables_in"]
