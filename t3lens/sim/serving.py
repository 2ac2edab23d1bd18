"""Which simulated server a home needs: that of the data model in use there."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from t3lens.sim.server import SimServer
from t3lens.sim.v2.builds import SECOND_BUILDS
from t3lens.sim.v2.server import SecondServer

__all__ = ["server_over"]


def server_over(home: str | Path, *, port: int = 0, speed: float = 1.0, adopt: bool = False) -> SimServer | SecondServer:
    """A server over ``home``, of the second data model where its database is one; it is not started yet.

    Args:
        home: The home, or its ``userdata``.
        port: 0 takes a free one.
        speed: How many times faster than life providers work.
        adopt: Be the very server that wrote the home.

    Raises:
        UsageError: There is no database, or no build fits it.
    """
    userdata = Path(home) / "userdata" if (Path(home) / "userdata").is_dir() else Path(home)
    if any(_is_second(userdata / build.database) for build in SECOND_BUILDS.values()):
        return SecondServer(home, port=port, speed=speed, adopt=adopt)
    return SimServer(home, port=port, speed=speed, adopt=adopt)


def _is_second(database: Path) -> bool:
    if not database.exists():
        return False
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'orchestration_v2_projection_runs'").fetchone()
    return found is not None
