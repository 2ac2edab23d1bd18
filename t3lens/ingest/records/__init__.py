"""The agents' own records on disk: found, opened without a trace, read as far as they go."""

from t3lens.ingest.records.linked import read_linked
from t3lens.ingest.records.read import ReadRecord, RecordsRead, read_records

__all__ = ["ReadRecord", "RecordsRead", "read_linked", "read_records"]
