"""``%%t3sql`` asks the lens in hand, and answers a mistake in one line."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from IPython.testing.globalipapp import start_ipython

import t3lens
from t3lens.errors import UsageError
from t3lens.lens.magic import t3sql

SAMPLES = Path(__file__).resolve().parents[1] / "sample_logs"


@pytest.fixture(scope="module")
def lens() -> t3lens.Lens:
    return t3lens.open(SAMPLES / "orphaned-by-restart", server="dead")


def test_a_cell_is_a_query(lens: t3lens.Lens) -> None:
    answer = t3sql("", "from verdicts", {"lens": lens})
    assert isinstance(answer, pd.DataFrame)
    assert "stuck" in set(answer.verdict)


def test_another_lens_and_a_name_for_the_answer(lens: t3lens.Lens) -> None:
    names = {"mine": lens}
    assert t3sql("mine >> found", "from verdicts", names) is None
    assert len(names["found"]) > 0


def test_no_lens_is_said() -> None:
    with pytest.raises(UsageError, match="no lens called 'lens'"):
        t3sql("", "from verdicts", {})


def test_load_ext_registers_it(lens: t3lens.Lens, capsys: pytest.CaptureFixture[str]) -> None:
    shell = start_ipython()
    shell.run_line_magic("load_ext", "t3lens")
    shell.user_ns["lens"] = lens
    answer = shell.run_cell_magic("t3sql", "", "select count(*) as n from verdicts")
    assert answer.n[0] >= 1
    assert shell.run_cell_magic("t3sql", "", "drop table x") is None
    assert "only reading is allowed" in capsys.readouterr().err
