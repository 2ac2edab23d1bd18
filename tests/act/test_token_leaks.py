"""A whole notebook is run with a token, errors and all; its bytes stand nowhere afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode, reads, writes

from t3lens.sim import SimServer
from tests.act.test_execute import stuck_home

CELLS = (
    """
import logging, os, pickle
logging.basicConfig(level=logging.DEBUG, filename=os.environ["DEBUG_LOG"])
get_ipython().run_line_magic("xmode", "Verbose")
import t3lens
from t3lens.act import Token, connect
lens = t3lens.open(os.environ["HOME_UNDER_TEST"], store=os.environ["STORE_UNDER_TEST"])
lens
""",
    "token = Token(os.environ['T3LENS_TOKEN'])\ntoken",
    "print(token, repr(token), f'{token}', [token], {'token': token}, pickle.dumps(token))",
    "lens.connect(token=token)",
    "thread = lens.thread(os.environ['THREAD_UNDER_TEST'])\nplan = thread.reconcile()\nplan",
    "result = plan.execute(confirm=True, why='a test')\nresult",
    "assert result.applied, result",
    "result.to_dict(), plan.to_dict()",
    "lens.actions()",
    "%whos",
    "connection = connect(os.environ['HOME_UNDER_TEST'], token=token)\nconnection, vars(connection)",
    "client = connection.for_acting()\nclient, vars(client), client._http.headers",
    "client.thread('unknown')",
    "client.dispatch({'type': 'nonsense', 'commandId': 'c'})",
    "1 / 0",
    "connection.environment_id = 'another'\nconnection.for_acting()",
    "lens.sql('select * from actions')",
)


def _notebook() -> dict[str, Any]:
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "cells": [
            {
                "id": f"cell-{number}",
                "cell_type": "code",
                "source": source.strip(),
                "metadata": {},
                "outputs": [],
                "execution_count": None,
            }
            for number, source in enumerate(CELLS)
        ],
    }


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[SimServer, str]]:
    (thread,) = stuck_home(tmp_path, "stuck")
    with SimServer(tmp_path / "home", speed=20) as running:
        yield running, thread


def test_after_a_whole_notebook_the_token_stands_nowhere(
    server: tuple[SimServer, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, thread = server
    secret = running.token
    out = tmp_path / "out"
    out.mkdir()
    for name, value in {
        "T3LENS_TOKEN": secret,
        "T3LENS_ACTIONS": "1",
        "T3LENS_JOURNAL": str(out / "actions.jsonl"),
        "DEBUG_LOG": str(out / "debug.log"),
        "HOME_UNDER_TEST": str(tmp_path / "home"),
        "STORE_UNDER_TEST": str(out / "store.duckdb"),
        "THREAD_UNDER_TEST": thread,
        "IPYTHONDIR": str(out / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(out / "runtime"),
    }.items():
        monkeypatch.setenv(name, value)
    notebook: NotebookNode = reads(json.dumps(_notebook()), as_version=4)  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=480, startup_timeout=480, allow_errors=True).execute(cwd=str(tmp_path))
    (out / "ran.ipynb").write_text(writes(notebook))  # type: ignore[no-untyped-call]

    failed = [
        (number, output["ename"])
        for number, cell in enumerate(notebook.cells)
        for output in cell.outputs
        if output.output_type == "error"
    ]
    # those that are meant to fail, with their verbose tracebacks; everything else worked
    assert [name for number, name in failed if number < 12] == []
    assert [name for number, name in failed if 12 <= number < 16] == [
        "NotFound",
        "CommandRejected",
        "ZeroDivisionError",
        "WrongHome",
    ]
    shown = (out / "ran.ipynb").read_text()
    assert "***" in shown
    assert "applied" in shown
    # T3 Code's own database is the server's to keep; everything t3lens and the notebook wrote is searched
    searched = 0
    for path in [*out.rglob("*"), *(tmp_path / "home").rglob("*")]:
        if path.is_file():
            searched += 1
            assert secret.encode() not in path.read_bytes(), f"the token stands in {path.name}"
    assert searched > 5
    assert {"ran.ipynb", "actions.jsonl", "store.duckdb", "debug.log"} <= {path.name for path in out.iterdir()}
