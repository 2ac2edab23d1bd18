"""The environment variable that names whom to tell."""

from __future__ import annotations

from typing import Final

__all__ = ["NOTIFY_VARIABLE"]

NOTIFY_VARIABLE: Final = "T3LENS_NOTIFY"
"""Further addresses, parted by white space: what stands on a command line can be read by every user of the machine."""
