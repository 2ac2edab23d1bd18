"""``t3lens records``: answers without a T3 home, exit codes, nothing said, nothing secret, nothing steering."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from t3lens.document.records import records_schema

from .conftest import Run

SESSION = "01a22504-b44e-7a81-87f1-f47d7cf1bbc8"
SECRET = "sk-ant-api03-" + "Zx9Qw3Er5Ty7Ui1Op2As4Df6Gh8Jk0Lz" * 2
PROMPT = "please rotate the launch codes"
VALIDATOR = jsonschema.Draft202012Validator(records_schema())


def rollout(folder: Path, *events: dict[str, Any], cwd: str = "/p") -> Path:
    meta = {"id": SESSION, "timestamp": "2026-11-29T01:56:35.046Z", "cli_version": "0.171.0"}
    bodies = [("session_meta", {**meta, "cwd": cwd}), *(("event_msg", event) for event in events)]
    path = folder / f"rollout-2026-11-29T01-56-35-{SESSION}.jsonl"
    path.write_text(
        "".join(
            json.dumps({"timestamp": f"2026-11-29T01:56:{n:02}.000Z", "type": kind, "payload": body}) + "\n"
            for n, (kind, body) in enumerate(bodies)
        )
    )
    return path


@pytest.fixture
def failed(tmp_path: Path) -> Path:
    error = {"message": f"402 for key {SECRET} \x1b[31m\N{RIGHT-TO-LEFT OVERRIDE}"}
    rollout(
        tmp_path,
        {"type": "task_started", "turn_id": "t1\x1b[2J"},
        {"type": "user_message", "message": PROMPT},
        {
            "type": "task_complete",
            "turn_id": "t1\x1b[2J",
            "last_agent_message": None,
            "error": error,
        },
        {"type": "task_started", "turn_id": "t2"},
        cwd="/p\x1b]0;title\x07",
    )
    return tmp_path


def test_json_is_the_documented_form(run: Run, failed: Path) -> None:
    ran = run("records", "--format", "json", failed)
    document = json.loads(ran.out)
    VALIDATOR.validate(document)
    assert (ran.code, ran.err, len(document)) == (0, "", 1)
    assert (document[0]["provider"], document[0]["session_id"]) == ("codex", SESSION)
    assert document[0]["path"].startswith(str(failed))
    turns = document[0]["turns"]
    assert [(t["outcome"], t["confidence"]) for t in turns] == [
        ("failed", "high"),
        ("open", "medium"),
    ]
    assert turns[0]["ended_at"] == "2026-11-29T01:56:03.000Z"
    assert turns[0]["evidence"][-1]["line"] == 4


@pytest.mark.parametrize("shape", ["table", "json"])
def test_secrets_are_masked_and_what_was_said_is_left_out(run: Run, failed: Path, shape: str) -> None:
    ran = run("records", "--format", shape, failed)
    assert "402 for key" in ran.out
    assert SECRET not in ran.out and PROMPT not in ran.out


@pytest.mark.parametrize("shape", ["table", "json"])
def test_nothing_in_a_record_steers_the_terminal(run: Run, failed: Path, shape: str) -> None:
    out = run("records", "--format", shape, failed).out
    assert not {"\x1b", "\x07", "\N{RIGHT-TO-LEFT OVERRIDE}"} & set(out)


def test_a_table_has_a_line_per_turn(run: Run, failed: Path) -> None:
    out = run("records", failed).out
    assert "failed" in out and "open" in out and SESSION in out
    assert max(map(len, out.splitlines())) <= 100


def test_a_folder_without_a_record_is_an_answer(run: Run, tmp_path: Path) -> None:
    ran = run("records", "--format", "json", tmp_path)
    assert (ran.code, json.loads(ran.out)) == (0, [])
    assert "no record of a known agent" in ran.err
    assert run("records", tmp_path).code == 0


def test_what_cannot_be_read_exits_with_2(run: Run, failed: Path) -> None:
    other = failed / "notes.txt"
    other.write_text("no record\n")
    ran = run("records", "--format", "json", failed, other)
    assert (ran.code, len(json.loads(ran.out))) == (2, 1)
    assert "notes.txt is no record" in ran.err


@pytest.mark.parametrize("arguments", [[], ["nowhere"], ["--format", "csv", "."]])
def test_wrong_usage_exits_with_2(run: Run, arguments: list[str]) -> None:
    ran = run("records", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert len(ran.err.strip().splitlines()) == 1


def test_links_that_lead_out_are_told(run: Run, failed: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "sessions").symlink_to(failed)
    ran = run("records", "--format", "json", home)
    assert (ran.code, json.loads(ran.out)) == (0, [])
    assert "leads out" in ran.err
