"""From files to rows: finding homes, reading logs and databases into a store, exactly and incrementally."""

from t3lens.ingest._homes import Home, discover, later_databases
from t3lens.ingest._ingest import IngestOptions, ingest
from t3lens.ingest._report import HomeReport, IngestReport
from t3lens.ingest._server import ServerState, probe_server
from t3lens.ingest._snapshots import prune_snapshots, store_http_snapshot

__all__ = [
    "Home",
    "HomeReport",
    "IngestOptions",
    "IngestReport",
    "ServerState",
    "discover",
    "ingest",
    "later_databases",
    "probe_server",
    "prune_snapshots",
    "store_http_snapshot",
]
