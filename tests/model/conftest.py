"""After the run: how well each profile foretells what real servers wrote."""

from __future__ import annotations

import pytest

from tests.model import conformance
from tests.recordings import RECORDED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if RECORDED.is_dir() and conformance.conformance.cache_info().currsize:
        terminalreporter.section("sessions foretold as stored, by build and profile")
        for line in conformance.conformance().table():
            terminalreporter.line(line)
