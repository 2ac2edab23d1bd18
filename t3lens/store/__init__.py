"""The DuckDB store: schema, connections, locking and the views a user may query."""

from t3lens.store._store import Store

__all__ = ["Store"]
