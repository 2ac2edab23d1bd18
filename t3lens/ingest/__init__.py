"""From files to rows: finding homes, reading logs and databases into a store, exactly and incrementally."""

from t3lens.ingest.discover import discover
from t3lens.ingest.engine import IngestOptions, ingest
from t3lens.ingest.homes import Home
from t3lens.ingest.report import HomeReport, IngestReport
from t3lens.ingest.server import ServerState, probe_server
from t3lens.ingest.snapshots import prune_snapshots, store_http_snapshot

__all__ = [
    "Home",
    "HomeReport",
    "IngestOptions",
    "IngestReport",
    "ServerState",
    "discover",
    "ingest",
    "probe_server",
    "prune_snapshots",
    "store_http_snapshot",
]
