"""From files to rows: finding homes, reading logs and databases into a store, exactly and incrementally."""

from t3lens.ingest._homes import Home, discover
from t3lens.ingest._ingest import IngestOptions, IngestReport, ingest
from t3lens.ingest._server import ServerState, probe_server

__all__ = [
    "Home",
    "IngestOptions",
    "IngestReport",
    "ServerState",
    "discover",
    "ingest",
    "probe_server",
]
