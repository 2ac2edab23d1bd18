"""Which builds of the agents are known here: a record of a newer one may hold what nobody here has seen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from t3lens.agents.places import CLAUDE, CODEX, OPENCODE
from t3lens.agents.values import version_parts

__all__ = ["newer_build"]

_NEWEST: Final = {
    CODEX: (0, 171),
    CLAUDE: (2, 1, 332),
    OPENCODE: (1, 18),
    "gemini": (0, 61),
    "qwen": (0, 24),
    "pi": (1, 6),
}
"""The newest build of each agent whose records were looked at; what stands after these numbers changes no format."""


def newer_build(provider: str, builds: Iterable[str]) -> str | None:
    """The newest of a record's builds, if it is newer than any that is known here; else None.

    Args:
        provider: Name of the agent.
        builds: Versions named in the record.
    """
    known = _NEWEST.get(provider, ())
    newer = {parts: build for build in builds if (parts := version_parts(build))[: len(known)] > known}
    return newer[max(newer)] if newer and known else None
