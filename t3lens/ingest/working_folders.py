"""Whether the folders that providers work in are still there: a question for a machine's own home, and for no copy."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from t3lens.ingest.homes import Home
from t3lens.t3code.home_layout import HOME_FOLDER, HOME_VARIABLE
from t3lens.time import now

if TYPE_CHECKING:
    import duckdb

__all__ = ["is_of_this_machine", "note_working_folders"]


def is_of_this_machine(home: Home, *, server_alive: bool) -> bool:
    """Whether the paths in a home are paths of this machine.

    Args:
        home: The home; a bundle, a folder of logs or a copy elsewhere is none.
        server_alive: Whether its server was found running here.
    """
    if not home.has_state:
        return False
    own = Path(os.environ.get(HOME_VARIABLE) or Path.home() / HOME_FOLDER)
    try:
        return server_alive or home.path.resolve().parent == own.resolve()
    except OSError:
        return False


def note_working_folders(con: duckdb.DuckDBPyConnection, home: Home, *, server_alive: bool) -> None:
    """Look for the folders that the bindings of a home name, if it is this machine's; else forget what was seen.

    Args:
        con: The store, in a transaction.
        home: The home, read.
        server_alive: Whether its server was found running here.
    """
    con.execute("DELETE FROM _working_folders WHERE home_id = ?", [home.home_id])
    if not is_of_this_machine(home, server_alive=server_alive):
        return
    named = con.execute("SELECT DISTINCT cwd FROM working_folders WHERE home_id = ?", [home.home_id]).fetchall()
    seen = [(home.home_id, cwd, _is_there(cwd), now()) for (cwd,) in named]
    if seen:
        con.executemany("INSERT INTO _working_folders VALUES (?, ?, ?, make_timestamptz(?::BIGINT))", seen)


def _is_there(cwd: str) -> bool | None:
    """None where that cannot be told."""
    try:
        path = Path(cwd)
        if not path.is_absolute():
            return None
        return stat.S_ISDIR(path.stat().st_mode)
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return None
