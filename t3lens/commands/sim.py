"""``t3lens sim``: simulated homes and servers."""

from __future__ import annotations

from t3lens.sim.cli import sim as command

__all__ = ["command"]
