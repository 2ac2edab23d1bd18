"""The DuckDB store: schema, connections, locking and the views a user may query."""

from t3lens.store._query import read_only
from t3lens.store._store import Store, WriteSession

__all__ = ["Store", "WriteSession", "read_only"]
