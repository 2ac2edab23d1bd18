"""How homes are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from t3lens.ingest.homes import Home
from t3lens.ingest.server import ServerState, probe_server

__all__ = ["IngestOptions"]


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How to read.

    Attributes:
        metadata_only: Leave out payloads that are not about the lifecycle: message texts, tool output,
            everything native.
        for_rules: Leave out of databases what no rule reads: for a store that is thrown away, with nobody asking it.
        newest_lines: With ``for_rules``, leave out log lines too that no rule reads, but for the newest and oldest of each
            kind: where nobody asks for the past.
        server: What is known about the homes' servers; ``auto`` asks ``probe`` for each.
        probe: Finds out whether a home's server is alive; called just before the home is read.
        busy_s: How long to wait for a locked state database, seconds.
        records: Where the agents' own records of the homes' threads are looked for: ``("auto",)`` in the agents'
            homes of this machine, ``("off",)`` nowhere, else in these files and folders.
        coverage: Whether the report should tell how complete each thread's evidence is.
        budget_s: Seconds that one home may take; what was not read by then is said to be missing.
    """

    metadata_only: bool = False
    for_rules: bool = False
    newest_lines: bool = False
    server: Literal["auto", "alive", "dead", "unknown"] = "auto"
    probe: Callable[[Home], ServerState] = probe_server
    busy_s: float = 5.0
    records: tuple[str, ...] = ("auto",)
    coverage: bool = False
    budget_s: float = 900.0
