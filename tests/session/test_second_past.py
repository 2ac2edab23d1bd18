"""Of a home of the second data model no past is told: that is said everywhere, and nothing looks fine for it."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

import t3lens
from t3lens.commands import cli

HOME = Path(__file__).parents[2] / "sample_logs" / "v2-interrupt-held"


def test_a_moment_that_is_over_is_not_judged_by_rows_of_today() -> None:
    with t3lens.open(HOME, server="dead", records="off") as now:
        newest = now.as_of
        assert now.notices == []
        assert {str(thread.verdict) for thread in now.diagnosis.threads} - {"unknown"}
        (went_on,) = now.session.no_past
        assert "cannot be told for the second data model" in went_on
    with t3lens.open(HOME, server="dead", as_of=newest, records="off") as same:
        assert same.notices == []
    with t3lens.open(HOME, server="dead", as_of=newest - 5_000_000, records="off") as then:
        (notice,) = then.notices
        assert "cannot be told for the second data model" in notice
        assert {str(thread.verdict) for thread in then.diagnosis.threads} == {"unknown"}
        assert then.incidents().empty


def test_the_commands_say_so() -> None:
    run = CliRunner().invoke(cli, ["incidents", str(HOME), "--server", "dead", "--format", "json"])
    assert "cannot be told for the second data model" in run.stderr
    audit = CliRunner().invoke(cli, ["audit", str(HOME), "--server", "dead", "--since", "2020-01-01"])
    assert "cannot be told for the second data model" in " ".join(audit.stdout.split())
