"""What an audit masks is masked in a thread's story, in plans and their results, in the journal and where it is shown."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from tests.cli.conftest import Orphan, Run

_KEY: Final = "sk-proj-Q7xR2mK9pL4vT8nW3cY6bZ1dF5gH0jS"
_MAIL: Final = "jane.doe@mail.acme-internal.com"
_PASSWORD: Final = "hunter2hunter2"


@pytest.fixture
def home(orphan: Orphan, tmp_path: Path) -> Path:
    """The orphan's home, with secrets where people, providers and servers put words."""
    home = tmp_path / "home"
    shutil.copytree(orphan.home, home)
    with closing(sqlite3.connect(home / "userdata" / "state.sqlite")) as con, con:
        said = f"unauthorized: {_KEY} of {_MAIL}"
        con.execute("update projection_threads set title = ? where thread_id = ?", (f"Mail {_MAIL}", orphan.thread_id))
        con.execute("update projection_thread_sessions set last_error = ? where thread_id = ?", (said, orphan.thread_id))
        con.execute(
            "update provider_session_runtime set runtime_payload_json = json_set(coalesce(runtime_payload_json, '{}'), "
            "'$.env', json_object('API_KEY', ?)) where thread_id = ?",
            (_KEY, orphan.thread_id),
        )
    return home


def test_no_secret_is_said_by_any_command(home: Path, orphan: Orphan, run: Run, tmp_path: Path) -> None:
    how = ["--server", "dead", "--records", "off"]
    repair = ["reconcile", orphan.thread_id, home, "--offline", *how]
    ran = {
        "audit": run("audit", home, *how, "--all"),
        "show": run("show", orphan.thread_id, home, *how),
        "compare": run("show", orphan.thread_id, home, *how, "--compare", "settle"),
        "at": run("show", orphan.thread_id, home, *how, "--at", "2026-07-06T09:10:00Z"),
        "plan": run(*repair, "--dry-run"),
        "plan as json": run(*repair, "--dry-run", "--format", "json"),
        "done": run(*repair, "--yes", "--why", f"password={_PASSWORD}"),
        "actions": run("actions"),
        "actions as json": run("actions", "--format", "json"),
    }
    assert {name: one.code for name, one in ran.items()} == dict.fromkeys(ran, 0) | {"audit": 1}
    told = {name: one.out + one.err for name, one in ran.items()}
    told["journal"] = (tmp_path / "journal.ndjson").read_text()
    said = [(name, secret) for name, text in told.items() for secret in (_KEY, _MAIL, _PASSWORD) if secret in text]
    assert said == []
    masked = [name for name, text in told.items() if "‹" in text or "\\u2039" in text]
    assert {"show", "plan", "plan as json", "actions as json", "journal"} <= set(masked)
    # a person can go on with what is shown: ids and places are whole
    assert orphan.thread_id in told["plan"]
    assert str(home) in told["plan"]
    (intent,) = [one for one in map(json.loads, told["journal"].splitlines()) if one["entry"] == "intent"]
    assert Path(intent["data"]["plan"]["backup"]).is_file()
