"""After the run: how well each profile foretells, and rebuilds, what real servers wrote."""

from __future__ import annotations

import pytest

from tests.recordings import RECORDED
from tests.t3code import conformance, rebuilt


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if RECORDED.is_dir() and conformance.conformance.cache_info().currsize:
        terminalreporter.section("sessions foretold as stored, by build and profile")
        for line in conformance.conformance().table():
            terminalreporter.line(line)
    if RECORDED.is_dir() and rebuilt.agreement.cache_info().currsize:
        terminalreporter.section("threads whose stored rows their events give, by build and profile")
        for line in rebuilt.agreement_table():
            terminalreporter.line(line)
