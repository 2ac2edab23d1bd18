"""The notebooks run from top to bottom without anybody there, on what t3lens brings along."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest

from t3lens.demo import NOTEBOOKS as SHIPPED
from t3lens.demo import ServedHome

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **parameters: Any) -> Any:
    monkeypatch.setenv("T3LENS_ACTIONS", "1")
    monkeypatch.setenv("T3LENS_JOURNAL", str(tmp_path / "journal.ndjson"))
    out = tmp_path / name
    papermill.execute_notebook(
        str(ROOT / "notebooks" / name),
        str(out),
        parameters=parameters,
        cwd=str(tmp_path),
        progress_bar=False,
        log_output=False,
        start_timeout=480,
        execution_timeout=480,
    )
    artefacts = ROOT / "artefacts" / "notebooks"
    artefacts.mkdir(parents=True, exist_ok=True)
    (artefacts / name).write_bytes(out.read_bytes())
    return nbformat.read(out, as_version=4)


def outputs(notebook: Any, kind: str = "text/plain") -> list[str]:
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            found.append(output.get("text", ""))
            found.append(output.get("data", {}).get(kind, ""))
    return [text for text in found if isinstance(text, str) and text]


def test_there_are_the_three_notebooks_the_demo_opens() -> None:
    assert [path.name for path in NOTEBOOKS] == sorted(SHIPPED)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_comes_without_outputs_and_names_its_kernel(path: Path) -> None:
    content = json.loads(path.read_bytes())
    assert content["metadata"]["kernelspec"]["name"] == "python3"
    assert all(not cell.get("outputs") for cell in content["cells"])
    assert all(cell.get("execution_count") is None for cell in content["cells"])
    assert any("parameters" in cell["metadata"].get("tags", ()) for cell in content["cells"])


def test_investigating_stops_a_stuck_session_and_leaves_no_token_in_the_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ServedHome(tmp_path / "home") as served:
        monkeypatch.setenv("T3LENS_DEMO_HOME", str(served.home))
        monkeypatch.setenv("T3LENS_TOKEN", served.server.token)
        notebook = run("01_investigate.ipynb", tmp_path, monkeypatch)
        token = served.server.token
    texts = outputs(notebook)
    assert any("stuck" in text and "orphaned-turn" in text for text in texts)
    assert any("reconcile" in text and ": applied" in text for text in texts)
    assert any("trying t3lens" in text for text in texts), "the journal names the reason"
    assert any("stuck → stopped" in text for text in texts)
    stopped = next(text for text in texts if ": applied" in text).split()[1].rstrip(":")
    assert stored_status(served.home, stopped) == "stopped"
    assert token not in (tmp_path / "01_investigate.ipynb").read_text()


def stored_status(home: Path, thread_id: str) -> str:
    with closing(sqlite3.connect(home / "userdata" / "state.sqlite")) as connection:
        query = "SELECT status FROM projection_thread_sessions WHERE thread_id = ?"
        return str(connection.execute(query, [thread_id]).fetchone()[0])


def test_the_postmortem_writes_a_document_that_stands_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = run("02_postmortem.ipynb", tmp_path, monkeypatch, output="incident.html")
    page = (tmp_path / "incident.html").read_text("utf-8")
    for said in ("Update the dependencies", "It was stuck from", "A person stopped the session.", "has no answer"):
        assert said in page, said
    assert any("The provider has been silent for 34 min 55 s" in text for text in outputs(notebook)), (
        "as it was, told in the notebook too"
    )
    assert 'src="http' not in page


def test_the_batch_audit_compares_builds_and_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = run("03_batch_audit.ipynb", tmp_path, monkeypatch)
    texts = outputs(notebook)
    assert any("the settle rules would have settled" in text for text in texts)
    assert any("shipped-0.0.33" in text for text in texts)
    assert any("stuck_rate" in text and "day" in text for text in texts)
