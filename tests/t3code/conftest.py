"""After the run: how well each profile foretells, and rebuilds, what real servers wrote."""

from __future__ import annotations

from collections import Counter
from typing import Final

import pytest

from t3lens.t3code.v2.rules import REFERENCE, guess
from tests.recordings import RECORDED
from tests.t3code import conformance, rebuilt

_COUNTED: Final = ("runs", "runs stored", "questions", "questions stored")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if RECORDED.is_dir() and conformance.conformance.cache_info().currsize:
        terminalreporter.section("sessions foretold as stored, by build and profile")
        for line in conformance.conformance().table():
            terminalreporter.line(line)
    if RECORDED.is_dir() and rebuilt.agreement.cache_info().currsize:
        terminalreporter.section("threads whose stored rows their events give, by build and profile")
        for line in rebuilt.agreement_table():
            terminalreporter.line(line)
    second = _of_second(terminalreporter)
    if second:
        terminalreporter.section("second data model: runs and questions foretold as stored, by build and profile")
        for line in second:
            terminalreporter.line(line)


def _wrote(profile: str, build: str) -> bool:
    """Whether a build goes by a profile's rules; another's tell what would have been made of the same events."""
    own = guess(own_database=not build.startswith("0.0.31"))
    return profile in (REFERENCE.name, own.name)


def _of_second(reporter: pytest.TerminalReporter) -> list[str]:
    """Lines of a Markdown table: foretold of stored, by build and profile."""
    counted: dict[tuple[str, str], Counter[str]] = {}
    for report in (one for outcome in ("passed", "failed") for one in reporter.stats.get(outcome, [])):
        for name, value in getattr(report, "user_properties", []):
            if name == "conformance_v2" and report.when == "call":
                build, profile, *counts = str(value).split("|")
                sums = counted.setdefault((build, profile), Counter())
                sums.update(dict(zip(_COUNTED, map(int, counts), strict=True)))
    lines = ["| build | profile | runs | questions |", "|---|---|---|---|"] if counted else []
    for (build, profile), sums in sorted(counted.items()):
        runs, questions = (f"{sums[one]}/{sums[f'{one} stored']}" for one in ("runs", "questions"))
        other = "" if _wrote(profile, build) else " (what if)"
        lines.append(f"| {build} | {profile}{other} | {runs} | {questions} |")
    return lines
