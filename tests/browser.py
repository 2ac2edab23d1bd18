"""A real Chromium for tests: one Playwright for all of them, since a second one in the same process is refused."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

__all__ = ["launch"]

_ARGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def launch(playwright: Any) -> Any:
    """A browser of the ``playwright`` fixture; without Chromium the test is skipped."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium on this machine; `make browser` installs it where that is possible")
    return playwright.chromium.launch(executable_path=found, args=list(_ARGS))
