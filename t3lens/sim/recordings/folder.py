"""A folder that holds the records of simulated agents, as their homes would."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from t3lens.sim.ids import Ids

__all__ = ["AgentFolder", "SessionState"]

_BUILDS: Final = {"codex": "0.171.0", "claudeAgent": "2.1.332", "opencode": "1.18.33"}


@dataclass(slots=True)
class SessionState:
    """What the next line of a session depends on, whoever writes it: a resumed program goes on in the same record.

    Attributes:
        path: The record, once it is there.
        lines: How many lines were written.
        leaf: Id of the newest entry.
        open_turn: The turn that has no end yet.
        started: Number of turns begun.
    """

    path: Path | None = None
    lines: int = 0
    leaf: str | None = None
    open_turn: str | None = None
    started: int = 0
    more: dict[str, Any] = field(default_factory=dict)


class AgentFolder:
    """Where simulated agents keep their records, one folder for all of them.

    Args:
        path: The folder; made when something is written.
        seed: The same seed and story give the same records. Ids of the home do not depend on it.
        builds: Versions of the agents, by T3 Code's names of them; may be changed between turns.
    """

    def __init__(self, path: str | Path, *, seed: int | str = 0, builds: Mapping[str, str] | None = None) -> None:
        self.path = Path(path)
        self.ids = Ids(f"{seed}/records")
        self.builds = {**_BUILDS, **(builds or {})}
        self._states: dict[str, SessionState] = {}
        self._connection: sqlite3.Connection | None = None

    def state(self, conversation: str) -> SessionState:
        """What is known of a session's record."""
        return self._states.setdefault(conversation, SessionState())

    def at_least(self, driver: str, *version: int) -> bool:
        """Whether the agent's build is ``version`` or newer."""
        return tuple(int(part) for part in self.builds[driver].split(".")) >= version

    def database(self, schema: str) -> sqlite3.Connection:
        """OpenCode's database, made with ``schema`` when first asked for."""
        if self._connection is None:
            path = self.path / "opencode" / "opencode.db"
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = not path.exists()
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA synchronous = OFF")
            self._connection.execute("PRAGMA journal_mode = MEMORY")
            if fresh:
                self._connection.executescript(schema)
        return self._connection

    def close(self) -> None:
        """Let go of the database."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
