"""A saved notebook keeps no secret and nothing that was said, though every text of its homes holds one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.redact.planted_home import Seeds, plant
from tests.redact.test_planted_home import HOMES, SAMPLES, leaks

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
MORE = """
import pandas
pandas.set_option("display.max_colwidth", None, "display.max_rows", 500, "display.max_columns", None)
display(lens.threads(), lens.findings(), lens.sessions(), lens.turns())
display(lens.sql("from log_events"), lens.sql("from orchestration_events"))
display(lens.sql('''
    select payload ->> 'delta' as delta, payload -> 'data' as data from log_events
    where data is not null or delta is not null
'''))
print(lens, chosen, chosen.explain())
chosen.state_at(chosen.as_of)
"""


def everything_shown(notebook: Any) -> str:
    return json.dumps([cell.get("outputs", []) for cell in notebook.cells], ensure_ascii=False)


def sources(name: str) -> list[str]:
    """The code of a notebook, the cell of its parameters left out."""
    cells = json.loads((NOTEBOOKS / name).read_text("utf-8"))["cells"]
    return [
        "".join(cell["source"])
        for cell in cells
        if cell["cell_type"] == "code" and "parameters" not in cell["metadata"].get("tags", ())
    ]


def ran(tmp_path: Path, homes: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Both notebooks and a few tables more, in one kernel, saved."""
    monkeypatch.setenv("T3LENS_JOURNAL", str(tmp_path / "journal.ndjson"))
    given = f"home = homes = {str(homes)!r}\nincident = thread = start = end = None\noutput = 'r.html'"
    code = [given, *sources("02_postmortem.ipynb"), MORE, *sources("03_batch_audit.ipynb")]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in code])
    NotebookClient(notebook, timeout=480, startup_timeout=480, resources={"metadata": {"path": str(tmp_path)}}).execute()
    return notebook


def test_a_saved_notebook_keeps_no_secret_and_nothing_that_was_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = Seeds()
    for name in HOMES:
        shutil.copytree(SAMPLES / name, tmp_path / "homes" / name)
        seeds = plant(tmp_path / "homes" / name, seeds)
    shown = everything_shown(ran(tmp_path, tmp_path / "homes", monkeypatch))
    assert "orphaned-turn" in shown
    assert "github-token" in shown or "encoded" in shown
    assert "characters›" in shown
    assert leaks(shown, seeds) == []
