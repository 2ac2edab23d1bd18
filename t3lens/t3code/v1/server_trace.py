"""Names in the server's trace (spans and their events) that bear on sessions."""

from __future__ import annotations

from typing import Final

__all__ = ["REAPER", "REAPER_SWEEP_FAILED", "SESSION_REAPED", "SUCCESS"]

REAPER: Final = "reap"
"""Stands in all names of the reaper: what ends idle provider sessions."""

SESSION_REAPED: Final = "provider.session.reaped"

REAPER_SWEEP_FAILED: Final = "reaper.sweep-failed"

SUCCESS: Final = "Success"
"""How a span exits that did not fail."""
