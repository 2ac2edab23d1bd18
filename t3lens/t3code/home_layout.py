"""Where T3 Code keeps what: names of files and folders below a home, the same for both data models.

A home is ``~/.t3`` unless ``T3CODE_HOME`` says otherwise; its state stands in ``userdata/`` (``dev/`` for a
development server). Copies may have any name.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "DATABASE_FILES",
    "DEFAULT_HOME",
    "DEV",
    "ENVIRONMENT_ID",
    "HOME_FOLDER",
    "HOME_VARIABLE",
    "LOGS",
    "PROVIDER_LOGS",
    "PROVIDER_LOGS_BELOW_STATE",
    "SERVER_RUNTIME",
    "SERVER_TRACE",
    "STATEV2_SQLITE",
    "STATE_FOLDERS",
    "STATE_SQLITE",
    "STATE_SQLITE_WAL",
    "USERDATA",
]

HOME_VARIABLE: Final = "T3CODE_HOME"
"""Environment variable that names the home."""

HOME_FOLDER: Final = ".t3"
"""The home's name below the user's own folder."""

DEFAULT_HOME: Final = f"~/{HOME_FOLDER}"
"""The home where nothing says otherwise."""

USERDATA: Final = "userdata"
"""State of a released server, below the home."""

DEV: Final = "dev"
"""State of a development server, below the home."""

STATE_FOLDERS: Final = (USERDATA, DEV)
"""The folders below a home that hold a server's state."""

STATE_SQLITE: Final = "state.sqlite"
"""V1's database, below the state folder."""

STATEV2_SQLITE: Final = "statev2.sqlite"
"""V2's database: once made as a copy of V1's, and going its own way from then on. Builds before October 2026 kept V2
in V1's file."""

STATE_SQLITE_WAL: Final = f"{STATE_SQLITE}-wal"
"""Its write-ahead log: what is written stands here first."""

DATABASE_FILES: Final = (STATE_SQLITE, STATE_SQLITE_WAL, f"{STATE_SQLITE}-shm")
"""The database with its write-ahead log and that log's index: only together are they whole."""

SERVER_RUNTIME: Final = "server-runtime.json"
"""Process, port, origin and start of a running server. No lock: a killed server leaves it behind."""

ENVIRONMENT_ID: Final = "environment-id"
"""The id by which a server and its home know each other."""

LOGS: Final = "logs"
"""Folder of all logs, below the state folder."""

PROVIDER_LOGS: Final = "provider"
"""Folder of provider logs, below ``LOGS``."""

PROVIDER_LOGS_BELOW_STATE: Final = f"{LOGS}/{PROVIDER_LOGS}"
"""The same, below the state folder."""

SERVER_TRACE: Final = "server.trace.ndjson"
"""Completed spans of the server, below ``LOGS``; rotated ones have a number behind."""
