"""``python -m t3lens.sim``."""

from __future__ import annotations

import sys

from t3lens.errors import T3LensError
from t3lens.sim.cli import sim

__all__: list[str] = []

if __name__ == "__main__":
    try:
        sim(prog_name="python -m t3lens.sim")
    except T3LensError as error:
        sys.exit(f"error: {error}")
