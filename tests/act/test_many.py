"""Many threads at once: from ``lens.reconcile`` and from the command line, against a simulated server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import t3lens
from t3lens.commands import cli
from t3lens.errors import UsageError
from t3lens.sim import SimServer
from t3lens.sim.scenarios import build_home


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A home whose server was restarted under a running turn, served again; and the stuck thread."""
    told = build_home(tmp_path / "home", "orphaned-by-restart")
    (stuck,) = (thread for thread, right in told.threads.items() if "stuck" in right.verdict)
    with SimServer(tmp_path / "home", adopt=True) as server:
        monkeypatch.setenv("T3LENS_TOKEN", server.token)
        yield tmp_path / "home", stuck


def test_all_stuck_threads_are_reconciled_with_a_reason(served: tuple[Path, str]) -> None:
    home, stuck = served
    with t3lens.open(home) as lens:
        plans = lens.reconcile("stuck")
        assert [plan.target.thread_id for plan in plans] == [stuck]
        with pytest.raises(UsageError, match="reason"):
            plans.execute(why="", confirm=True)
        result = plans.execute(why="restart left it behind", confirm=True)
        assert result.counts == {"applied": 1}
        assert lens.refresh().thread(stuck).verdict == "stopped"
        assert [plan.acts for plan in lens.reconcile(["orphaned-turn", "stuck"])] == []
        assert list(lens.actions().thread_id) == [stuck]


def test_a_finding_names_its_threads_too(served: tuple[Path, str]) -> None:
    home, stuck = served
    with t3lens.open(home) as lens:
        (finding, *_) = lens.thread(stuck).findings
        assert [plan.target.thread_id for plan in lens.reconcile([finding])] == [stuck]
        with pytest.raises(UsageError, match="neither a verdict nor a finding code"):
            lens.reconcile("broken")


def test_the_command_line_shows_first_and_then_does(served: tuple[Path, str]) -> None:
    home, stuck = served
    run = CliRunner()
    shown = run.invoke(cli, ["reconcile-all", str(home), "--dry-run"])
    assert shown.exit_code == 0
    assert stuck in shown.output
    unsaid = run.invoke(cli, ["reconcile-all", str(home), "--yes", "--why", "left behind", "--format", "json"])
    assert unsaid.exit_code == 0, unsaid.output
    assert json.loads(unsaid.stdout)["counts"] == {"applied": 1}
