"""Acting is allowed in these tests, and no token or journal of the machine plays a part."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _acting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("T3LENS_ACTIONS", "1")
    monkeypatch.setenv("T3LENS_JOURNAL", str(tmp_path / "default-journal.jsonl"))
    monkeypatch.delenv("T3LENS_TOKEN", raising=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The fault matrix: states down, faults across, and how many outcomes are wrong."""
    lines = [
        value
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        for name, value in getattr(report, "user_properties", [])
        if name == "fault_matrix" and getattr(report, "when", "") == "call"
    ]
    if not lines:
        return
    terminalreporter.section("fault matrix: recorded stuck states and what can go wrong")
    cells = 0
    for line in sorted(set(lines)):
        state, decision, outcomes = line.split("|")
        cells += outcomes.count("=")
        terminalreporter.line(f"{state} ({decision})")
        terminalreporter.line(f"    {outcomes.replace(';', ', ')}")
    wrong = sum(line.count(" WRONG") for line in set(lines))
    terminalreporter.line(f"{len(set(lines))} states, {cells} outcomes, {wrong} wrong")
